# The part of a code machine that is the same for every driver: its user, its way to the shared Nix store, and the
# script for the first start. Secrets are in ./secrets.nix.
#
# Only options which exist alike in the supported NixOS releases and in tests/nixpkgs are set here.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.codchi) driver initScript;
  inherit (lib) mkDefault mkForce mkIf;

  active = driver.name != "none";

  initDone = "${driver.stateDir}/init-done";
in
{
  config = lib.mkMerge [
    (mkIf active {
      boot.isContainer = true;

      # The name is the container's: it isn't part of the system, so that equal machines are one system.
      networking.hostName = "";

      users.users.${driver.user} = {
        isNormalUser = true;
        uid = 1000;
        extraGroups = [ "wheel" ];
        # Commands from outside have no session of their own; with this its user manager and bus are there all the same.
        linger = true;
      };
      security.sudo.wheelNeedsPassword = mkDefault false;

      # The firewall is the host's; rules inside would only get in the way of what a developer tries.
      networking.firewall.enable = mkDefault false;

      # Store, database and daemon belong to the controller. The clients here talk to its daemon, also from user units.
      systemd.services.nix-daemon.enable = mkForce false;
      systemd.sockets.nix-daemon.enable = mkForce false;
      environment.sessionVariables.NIX_REMOTE = "daemon";
      environment.etc."environment.d/50-codchi.conf".text = ''
        NIX_REMOTE=daemon
      '';
      nix.settings.experimental-features = [
        "nix-command"
        "flakes"
      ];

      # The machine's generations and what its users built stay alive in the controller's collections.
      systemd.tmpfiles.rules = [
        "L+ /nix/var/nix/gcroots/profiles - - - - /nix/var/nix/profiles"
        "d ${driver.stateDir} 0755 root root -"
      ];
    })

    (mkIf (active && initScript != "") {
      systemd.services.codchi-init = {
        description = "First start of this code machine";
        unitConfig.ConditionPathExists = "!${initDone}";
        after = [ "network-online.target" ];
        wants = [ "network-online.target" ];
        restartIfChanged = false;
        serviceConfig = {
          Type = "oneshot";
          User = driver.user;
          WorkingDirectory = "~";
          TimeoutStartSec = "infinity";
          ExecStart = "${pkgs.runtimeShell} ${pkgs.writeText "codchi-init" ''
            . /etc/profile
            set -e
            ${initScript}
          ''}";
          # As root, whoever the user is: the record isn't the script's to forge.
          ExecStartPost = "+${pkgs.writeShellScript "codchi-record-init" ": >${initDone}"}";
        };
      };

      # A oneshot unit wanted by multi-user.target would keep the machine from being `running` until its script ends. This
      # one is started at once, waits for the machine, and then starts the script.
      systemd.services.codchi-init-start = {
        description = "Start of the script for the first start";
        unitConfig.ConditionPathExists = "!${initDone}";
        wantedBy = [ "multi-user.target" ];
        restartIfChanged = false;
        serviceConfig.Type = "exec";
        script = ''
          systemctl is-system-running --wait >/dev/null || true
          systemctl start --no-block codchi-init.service
        '';
      };
    })
  ];
}
