# NAME = { expr; expected; }
args:
let
  world = import ./machine.nix args;

  # One name is one test.
  join =
    all: some:
    let
      twice = builtins.attrNames (builtins.intersectAttrs all some);
    in
    if twice == [ ] then all // some else throw "two tests have one name: ${toString twice}";
in
builtins.foldl' join (import ./lib.nix world.lib) (
  map (values: import values world) [
    ./values/arguments.nix
    ./values/examples.nix
    ./values/requirements.nix
    ./values/system.nix
  ]
)
