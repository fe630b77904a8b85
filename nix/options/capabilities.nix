# What the host must, or may, offer to the machine.
#
# Only the request is here. Whether a host offers it, and which device or socket that becomes, is decided outside of Nix
# before the build.
{ lib, ... }:
let
  capability = lib.types.enum [
    "gpu" # render nodes, for OpenGL and Vulkan
    "cuda" # the NVIDIA driver
    "usb" # USB devices, while plugged in
    "ssh-agent" # the socket of the user's SSH agent
    "sound" # PipeWire or PulseAudio
    "video" # the Wayland or X11 display
    "camera" # video capture devices
    "kvm" # /dev/kvm, for virtual machines
    "fuse" # /dev/fuse, for file systems in user space
    "docker-nesting" # containers inside the machine
    "tun" # /dev/net/tun, for VPNs
  ];
in
{
  options.codchi = {
    requiredCapabilities = lib.mkOption {
      type = lib.types.listOf capability;
      default = [ ];
      example = [ "gpu" ];
      apply = lib.unique;
      description = ''
        What the host must offer. It is checked before the build: a machine that needs what this host lacks is not
        built, unless its user says so.
      '';
    };

    optionalCapabilities = lib.mkOption {
      type = lib.types.listOf capability;
      default = [ ];
      example = [ "sound" ];
      apply = lib.unique;
      description = ''
        What the machine uses where the host offers it. A host without it is noted, and the machine is built.
      '';
    };
  };
}
