# The examples, and what is shipped.
world:
let
  inherit (world)
    codchi
    exampleFlake
    lib
    machine
    machineOf
    nixpkgs
    unit
    ;

  example =
    name: modules:
    machineOf "lxd" (
      map (module: {
        input = exampleFlake name;
        attr = [
          "nixosModules"
          module
        ];
      }) modules
    );
in
{
  "example hello" = {
    expr = (example "hello" [ "hello" ]).config.system.build.toplevel.type;
    expected = "derivation";
  };

  "example web" = {
    expr = {
      inherit ((codchi.requirements (example "web" [ "web" ])).secrets.visitor) kind optional;
      inherit ((unit (example "web" [ "web" ]).config "greeter").serviceConfig) LoadCredential User;
    };
    expected = {
      kind = "file";
      optional = true;
      LoadCredential = [ "visitor:codchi.visitor" ];
      User = "codchi";
    };
  };

  "example toolchain" = {
    expr = {
      project = (codchi.requirements (example "toolchain" [ "project" ])).initScript;
      toolchain = (codchi.requirements (example "toolchain" [ "toolchain" ])).initScript;
    };
    expected = {
      project = true;
      toolchain = false;
    };
  };

  "every example's module has a description" = {
    expr =
      lib.concatMap
        (
          name:
          let
            flake = exampleFlake name;
          in
          builtins.filter (module: !(builtins.isString (flake.codchi.descriptions.${module} or null))) (
            builtins.attrNames flake.nixosModules
          )
        )
        [
          "hello"
          "web"
          "toolchain"
        ];
    expected = [ ];
  };

  "the shipped flake" = {
    expr =
      let
        outputs = (import ../../../nix/release/flake.nix).outputs;
      in
      builtins.functionArgs outputs;
    expected.nixpkgs = false;
  };

  "codchi.lib over a real machine is the fixture's NixOS" = {
    expr = nixpkgs.lib ? nixosSystem && (machine [ ])._type or null == "configuration";
    expected = true;
  };
}
