# systemd: the system's and the users' units, tmpfiles.
{
  config,
  lib,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.systemd;

  # services.<name>.startAt is a timer of the same name.
  timersOf =
    services:
    lib.mapAttrs (_: service: {
      wantedBy = [ "timers.target" ];
      timerConfig.OnCalendar = service.startAt;
    }) (lib.filterAttrs (_: service: service.startAt != [ ]) services);
in
{
  options.systemd = utils.options // {
    user = utils.options;

    tmpfiles.rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };

    enableEmergencyMode = mkOption {
      type = types.bool;
      default = true;
    };
  };

  config = {
    systemd.timers = timersOf cfg.services;
    systemd.user.timers = timersOf cfg.user.services;

    environment.etc = lib.mkMerge (
      utils.files "systemd/system" cfg
      ++ utils.files "systemd/user" cfg.user
      ++ [
        {
          "systemd/system/default.target".source = "/usr/lib/systemd/system/multi-user.target";

          # Units of users don't read /etc/profile.
          "systemd/user.conf.d/path.conf".text = ''
            [Manager]
            DefaultEnvironment="PATH=/run/wrappers/bin:/run/current-system/sw/bin"
          '';

          "tmpfiles.d/00-nixos.conf".text = lib.concatMapStrings (rule: "${rule}\n") cfg.tmpfiles.rules;
        }
      ]
    );
  };
}
