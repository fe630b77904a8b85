# `fuse`: the device comes with the container; `fusermount3` lets users mount.
{
  config,
  lib,
  pkgs,
  ...
}:
lib.mkIf (config.codchi.hasCapability "fuse") {
  environment.systemPackages = [ pkgs.fuse3 ];
}
