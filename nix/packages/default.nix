# What the repository's flake builds.
{
  pkgs,
  source,
  nixpkgsSource,
}:
let
  inherit (pkgs) callPackage;
  inherit (builtins.fromTOML (builtins.readFile ../../Cargo.toml)) workspace;
  inherit (workspace.package) version;
in
rec {
  codchi = callPackage ./codchi.nix { inherit source version; };

  # Static: it is the init of containers that have nothing else.
  ctrl-serve = pkgs.pkgsStatic.callPackage ./ctrl-serve.nix { inherit source version; };

  controller-image = callPackage ./controller-image.nix {
    inherit ctrl-serve nixpkgsSource version;
  };
}
