# Which container engine the machine is for. Set by `codchi.lib.codeMachine`, never by a module.
{ lib, ... }:
{
  options.codchi.driver = {
    name = lib.mkOption {
      type = lib.types.enum [
        "lxd"
        "wsl"
        "none"
      ];
      default = "none";
      internal = true;
      description = ''
        The driver whose NixOS side is part of the machine; `none` is a system outside of Codchi, for example a real
        machine which reuses a module.
      '';
    };

    user = lib.mkOption {
      type = lib.types.str;
      default = "codchi";
      internal = true;
      readOnly = true;
      description = "The machine's user (uid 1000).";
    };

    runtimeDir = lib.mkOption {
      type = lib.types.str;
      default = "/run/codchi";
      internal = true;
      readOnly = true;
      description = "Where the host delivers secrets at each start; in a tmpfs.";
    };

    socketDir = lib.mkOption {
      type = lib.types.str;
      default = "/.codchi";
      internal = true;
      readOnly = true;
      description = "Where sockets of the host are; on the root file system, since the engine makes them before the system starts.";
    };

    stateDir = lib.mkOption {
      type = lib.types.str;
      default = "/var/lib/codchi";
      internal = true;
      readOnly = true;
      description = "What Codchi remembers on the machine's own disk.";
    };

    modules = lib.mkOption {
      type = lib.types.listOf lib.types.raw;
      default = [ ];
      internal = true;
      description = "The machine's modules, in their user's order, each under its own name.";
    };
  };
}
