# `boot.isContainer`, with what NixOS sets then: the same values at the same priorities, so that a module which clashes with
# NixOS clashes here too.
{ config, lib, ... }:
{
  options.boot.isContainer = lib.mkOption {
    type = lib.types.bool;
    default = false;
  };

  config = lib.mkIf config.boot.isContainer {
    services.udev.enable = false;
    networking.useHostResolvConf = lib.mkDefault true;
    environment.variables.NIX_REMOTE = "daemon";

    # NixOS leaves it out of containers.
    environment.etc."systemd/system/systemd-udev-trigger.service".source = "/dev/null";
  };
}
