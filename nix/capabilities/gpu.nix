# `gpu`: the render nodes come with the container; this is the user space for them.
{
  config,
  lib,
  options,
  ...
}:
lib.mkIf (config.codchi.hasCapability "gpu") (
  {
    # Cards that are plugged in later: udev would take them away from the user.
    services.udev.extraRules = ''
      SUBSYSTEM=="drm", KERNEL=="renderD*", MODE="0666"
    '';
  }
  # The option's name before and since NixOS 24.11.
  // lib.optionalAttrs (options ? hardware.graphics) {
    hardware.graphics.enable = lib.mkDefault true;
  }
  // lib.optionalAttrs (!(options ? hardware.graphics) && options ? hardware.opengl) {
    hardware.opengl.enable = lib.mkDefault true;
  }
)
