# What the host must, or may, offer to the machine.
#
# Only the request is here. Whether a host offers it, and which device or socket that becomes, is decided outside of Nix
# before the build.
{ config, lib, ... }:
let
  inherit (config.codchi) driver optionalCapabilities requiredCapabilities;

  capability = lib.types.enum (import ../capabilities).names;
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

    hasCapability = lib.mkOption {
      type = lib.types.raw;
      default =
        name:
        driver.name != "none" && builtins.elem name (requiredCapabilities ++ optionalCapabilities);
      internal = true;
      readOnly = true;
      description = "Whether the machine may be given a capability. Outside of Codchi there is nobody to give it.";
    };
  };
}
