# The fixture as a function: what flake.nix exports, and what the module tests use without a flake.
{
  system ? builtins.currentSystem,

  # The directory with busybox and base.tar.gz, which `cargo xtask image` makes.
  boot ? ./boot,

  # Another library in place of the small one: the real nixpkgs lib, for the module tests.
  baseLib ? import ./lib,
}:
let
  lib = baseLib // {
    nixosSystem =
      args:
      import ./nixos/eval-config.nix (
        {
          inherit lib pkgs;
        }
        // args
      );
  };

  pkgs = import ./pkgs { inherit boot lib system; };
in
{
  inherit lib pkgs;
}
