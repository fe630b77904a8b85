# `ssh-agent`: the socket of the agent on the host, where there is one. Also for a machine that may use it as a secret of the host.
{ config, lib, ... }:
lib.mkIf
  (config.codchi.hasCapability "ssh-agent" || config.codchi.hostSecrets.sshAgent.enable)
  {
    environment.extraInit = ''
      if [ -S ${config.codchi.driver.socketDir}/ssh-agent ]; then
        export SSH_AUTH_SOCK=${config.codchi.driver.socketDir}/ssh-agent
      fi
    '';
  }
