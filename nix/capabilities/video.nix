# `video`: the display of the host. X11's clients look for their server at a fixed place, whatever its number is on the host.
{ config, lib, ... }:
let
  inherit (config.codchi.driver) runtimeDir socketDir;
in
lib.mkIf (config.codchi.hasCapability "video") {
  environment.extraInit = ''
    if [ -S ${socketDir}/wayland ]; then
      export WAYLAND_DISPLAY=${socketDir}/wayland
    fi
    if [ -S ${socketDir}/x11 ]; then
      export DISPLAY=:0
      if [ -r ${runtimeDir}/x-authority ]; then
        export XAUTHORITY=${runtimeDir}/x-authority
      fi
    fi
  '';
  systemd.tmpfiles.rules = [ "L+ /tmp/.X11-unix/X0 - - - - ${socketDir}/x11" ];
}
