# `lib.nixosSystem`: the fixture's NixOS.
{
  lib,
  pkgs,
  modules,
  system ? null,
  specialArgs ? { },
}:
lib.evalModules {
  class = "nixos";
  inherit specialArgs;
  modules = modules ++ [
    ./modules
    {
      _file = "nixos/eval-config.nix";
      _module.args = {
        inherit pkgs;
        # What NixOS calls `utils`, as far as the fixture's own modules need it.
        utils = import ./units.nix { inherit lib pkgs; };
      };
    }
  ];
}
// {
  inherit lib pkgs;
}
