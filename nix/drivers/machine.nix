# The part of a code machine that is the same for every driver: its user, its way to the shared Nix store, the delivery of
# secrets and the script for the first start.
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

  environmentFile = "${driver.runtimeDir}/env";

  files = builtins.filter (secret: secret.kind == "file" && secret.path != null) (
    lib.mapAttrsToList (
      name: secret: secret // { delivered = "${driver.runtimeDir}/secrets/${name}"; }
    ) config.codchi.allSecrets
  );

  linked = builtins.filter (secret: secret.path != secret.delivered) files;

  # The link to a secret. Its directories below a home belong to the home's user: tmpfiles would make them root's, and then
  # refuse to go through them.
  linkRules =
    secret:
    let
      home = (config.users.users.${secret.owner} or { home = "/var/empty"; }).home;
      parts = lib.splitString "/" (lib.removePrefix "${home}/" secret.path);
      directories = map (
        depth: "${home}/${lib.concatStringsSep "/" (lib.take depth parts)}"
      ) (lib.range 1 (builtins.length parts - 1));
    in
    lib.optionals (lib.hasPrefix "${home}/" secret.path) (
      map (directory: "d ${directory} 0755 ${secret.owner} ${secret.group} -") directories
    )
    ++ [ "L ${secret.path} - - - - ${secret.delivered}" ];

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
        "d ${driver.runtimeDir} 0755 root root -"
        "d ${driver.runtimeDir}/secrets 0755 root root -"
        "d ${driver.stateDir} 0755 root root -"
      ]
      ++ lib.concatMap linkRules linked;

      # Values there are in double quotes with \ before \ " $ and `: the one form that shells and systemd read alike.
      environment.loginShellInit = ''
        if [ -r ${environmentFile} ]; then
          set -a
          . ${environmentFile}
          set +a
        fi
      '';
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
