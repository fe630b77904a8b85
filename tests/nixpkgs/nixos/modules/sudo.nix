# sudo for the group wheel.
{ config, lib, ... }:
let
  cfg = config.security.sudo;
  path = "/run/wrappers/bin:/run/current-system/sw/bin";
in
{
  options.security.sudo = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
    };

    wheelNeedsPassword = lib.mkOption {
      type = lib.types.bool;
      default = true;
    };

    extraConfig = lib.mkOption {
      type = lib.types.lines;
      default = "";
    };
  };

  config.environment.etc.sudoers = lib.mkIf cfg.enable {
    mode = "0440";
    text = ''
      Defaults secure_path="${path}"
      Defaults env_keep+=NIX_REMOTE
      root ALL=(ALL:ALL) SETENV: ALL
      %wheel ALL=(ALL:ALL) ${lib.optionalString (!cfg.wheelNeedsPassword) "NOPASSWD: "}SETENV: ALL
      ${cfg.extraConfig}
    '';
  };
}
