# The package set: a few builders and a few packages, all with the names that they have in nixpkgs.
{
  boot,
  lib,
  system,
}:
let
  debian = import ./debian.nix { inherit boot system; };

  builders = import ./builders.nix {
    inherit lib system;
    inherit (debian) busybox shell;
  };

  packages = import ./packages.nix {
    inherit lib;
    inherit (debian) base;
    inherit (builders) runCommand writeShellScriptBin;
  };
in
builders
// packages
// {
  inherit lib system;

  # The whole tree. Only the fixture's own NixOS modules use it.
  debianBase = debian.base;

  stdenv.hostPlatform.system = system;
  runtimeShell = debian.shell;
}
