# The world of the tests: `codchi.lib` over the fixture's NixOS, with the small lib or with a real one.
{
  # A directory with a nixpkgs lib, or null for the fixture's own.
  realLib ? null,
}:
let
  fixture = import ../nixpkgs (
    {
      system = "x86_64-linux";
      boot = ./boot;
    }
    // (if realLib == null then { } else { baseLib = import realLib; })
  );

  codchi = import ../../nix/lib.nix;
in
rec {
  inherit codchi;
  inherit (fixture) lib;

  # A flake as another flake gets it for an input.
  flakeOf = name: outputs: outputs // { outPath = "/nix/store/00000000000000000000000000000000-${name}"; };

  # What an example's flake.nix exports.
  exampleFlake =
    name:
    let
      self = flakeOf name ((import (../../examples + "/${name}/flake.nix")).outputs { inherit self; });
    in
    self;

  nixpkgs = flakeOf "nixpkgs" {
    inherit (fixture) lib;
    legacyPackages.x86_64-linux = fixture.pkgs;
  };

  # A machine for a driver out of [ { input; attr; } ].
  machineOf =
    driver: modules:
    codchi.codeMachine {
      inherit driver modules nixpkgs;
      system = "x86_64-linux";
    };

  # One entry for each module; the flakes are named flake1, flake2, ...
  entries = fixture.lib.imap1 (
    index: module: {
      input = flakeOf "flake${toString index}" { nixosModules.m = module; };
      attr = [
        "nixosModules"
        "m"
      ];
    }
  );

  machine = modules: machineOf "lxd" (entries modules);
  configOf = modules: (machine modules).config;
  requirementsOf = modules: codchi.requirements (machine modules);

  # A service of a configuration.
  unit = config: name: config.systemd.services.${name};
}
