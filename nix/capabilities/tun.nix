# `tun`: the device comes with the container, for everybody in it.
{
  config,
  lib,
  pkgs,
  ...
}:
lib.mkIf (config.codchi.hasCapability "tun") {
  environment.systemPackages = [ pkgs.iproute2 ];
}
