{
  description = "Codchi's NixOS side, as it ships in the controller";

  # The builtin nixpkgs of this release: a path in the controller, so that a machine can be made offline.
  inputs.nixpkgs.url = "path:/usr/share/codchi-nixpkgs";

  outputs =
    { nixpkgs, ... }:
    {
      lib = import ./nix/lib.nix;
      nixosModules.default = ./nix/options;
    };
}
