# `usb`: the engine hands devices over as they are plugged in, and tells udev, which would take them away from the user.
{ config, lib, ... }:
lib.mkIf (config.codchi.hasCapability "usb") {
  services.udev.extraRules = ''
    SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", MODE="0666"
  '';
}
