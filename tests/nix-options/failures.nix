# NAME = { expr; message; }: evaluating `expr` must fail, and the error must contain `message`.
args:
let
  world = import ./machine.nix args;
  inherit (world)
    configOf
    flakeOf
    machineOf
    requirementsOf
    ;

  toplevel = modules: (configOf modules).system.build.toplevel.drvPath;

  # A machine with the module at `attr` of a flake.
  at =
    attr: outputs:
    (machineOf "lxd" [
      {
        input = flakeOf "repo" outputs;
        inherit attr;
      }
    ]).config.codchi.initScript;
in
{
  "a module that the flake doesn't have" = {
    expr = at [ "nixosModules" "nope" ] {
      nixosModules.hello = { };
      nixosModules.web = { };
    };
    message = "has no module `nixosModules.nope'";
  };

  "the modules that it has instead" = {
    expr = at [ "nixosModules" "nope" ] {
      nixosModules.hello = { };
      nixosModules.web = { };
    };
    message = "`nixosModules' has: hello, web";
  };

  "a flake without modules" = {
    expr = at [ "nixosModules" "hello" ] { packages = { }; };
    message = "It exports: outPath, packages";
  };

  "a name that must be quoted" = {
    expr = at [ "nixosModules" "a b" ] { nixosModules = { }; };
    message = ''has no module `nixosModules."a b"${"'"}'';
  };

  "a path through something that is no set" = {
    expr = at [ "nixosModules" "hello" "deeper" ] { nixosModules.hello = 1; };
    message = "`nixosModules.hello' is not an attribute set";
  };

  "something that is no module" = {
    expr = at [ "nixosModules" "hello" ] { nixosModules.hello = 42; };
    message = "`nixosModules.hello' is not a NixOS module: it is a int";
  };

  "a module that throws" = {
    expr = toplevel [ { environment.variables.A = throw "the module's own words"; } ];
    message = "the module's own words";
  };

  "a module that throws at once" = {
    expr = at [ "nixosModules" "hello" ] { nixosModules.hello = _: throw "the module's own words"; };
    message = "the module's own words";
  };

  "a module that throws, named" = {
    expr = at [ "nixosModules" "hello" ] { nixosModules.hello = _: throw "the module's own words"; };
    message = "while evaluating the module `nixosModules.hello'";
  };

  "a syntax error" = {
    expr = at [ "nixosModules" "hello" ] { nixosModules.hello = ./modules/syntax-error.nix; };
    message = "syntax error, unexpected ';'";
  };

  "a module with infinite recursion" = {
    expr = toplevel [
      ({ config, ... }: { environment.variables.A = config.environment.variables.A; })
    ];
    message = "infinite recursion encountered";
  };

  "imports that depend on the configuration" = {
    expr = toplevel [ ({ config, ... }: { imports = config.imports; }) ];
    message = "infinite recursion encountered";
  };

  "an option that doesn't exist, with its module" = {
    expr = toplevel [ { services.nope.enable = true; } ];
    message = "In `nixosModules.m (/nix/store/00000000000000000000000000000000-flake1)'";
  };

  "an option that doesn't exist" = {
    expr = toplevel [ { services.nope.enable = true; } ];
    message = "The option `services.nope' does not exist";
  };

  "a wrong type" = {
    expr = toplevel [ { codchi.initScript = 1; } ];
    message = "A definition for option `codchi.initScript' is not of type";
  };

  "two modules that contradict each other" = {
    expr = toplevel [
      { codchi.secrets.s.kind = "env"; }
      { codchi.secrets.s.kind = "file"; }
    ];
    message = "The option `codchi.secrets.s.kind' has conflicting definition values";
  };

  "an argument that nobody gives" = {
    expr = toplevel [ ({ inputs, ... }: { environment.variables.A = inputs.x; }) ];
    message = "attribute 'inputs' missing";
  };

  "a failed assertion" = {
    expr = toplevel [
      {
        assertions = [
          {
            assertion = false;
            message = "it needs more";
          }
        ];
      }
    ];
    message = "- it needs more";
  };

  "an unknown capability" = {
    expr = requirementsOf [ { codchi.requiredCapabilities = [ "teleport" ]; } ];
    message = "\"teleport\"";
  };

  "a secret without a description" = {
    expr = requirementsOf [ { codchi.secrets.s.kind = "env"; } ];
    message = "The option `codchi.secrets.s.description' was accessed but has no value defined";
  };

  "a default for a secret: it would be in the store" = {
    expr = requirementsOf [
      {
        codchi.secrets.s = {
          description = "d";
          default = "x";
        };
      }
    ];
    message = "The option `codchi.secrets.s.default' does not exist";
  };

  "a service with secrets that nobody declares" = {
    expr = toplevel [
      {
        codchi.secrets.token.description = "d";
        codchi.services.web.secrets = [
          "token"
          "tokn"
          "kay"
        ];
      }
    ];
    message = ''codchi.services.web.secrets: there is no secret "tokn", "kay"; codchi.secrets has "token"${""}'';
  };

  "a service of the user with a secret where there are none" = {
    expr = toplevel [ { codchi.userServices.sync.secrets = [ "token" ]; } ];
    message = "codchi.userServices.sync.secrets: there is no secret \"token\"; codchi.secrets is empty";
  };

  "a secret whose name is no file name" = {
    expr = requirementsOf [ { codchi.secrets."../x".description = "d"; } ];
    message = "codchi.secrets: not a name for a secret: \"../x\"";
  };

  "a secret declared in both forms" = {
    expr = requirementsOf [
      {
        codchi.secrets.A.description = "d";
        codchi.secrets.env.A.description = "d";
      }
    ];
    message = "declared both as codchi.secrets.NAME and as codchi.secrets.env.NAME: \"A\"";
  };

  "a variable with a bad name" = {
    expr = requirementsOf [
      {
        codchi.secrets.s = {
          description = "d";
          env = "A B";
        };
      }
    ];
    message = "A definition for option `codchi.secrets.s.env' is not of type";
  };

  "a mode that is none" = {
    expr = requirementsOf [
      {
        codchi.secrets.s = {
          description = "d";
          mode = "rw";
        };
      }
    ];
    message = "A definition for option `codchi.secrets.s.mode' is not of type";
  };

  "a second nixpkgs that is none" = {
    expr = toplevel [
      (
        { codchi, ... }:
        {
          imports = [
            (codchi.addNixpkgs { unstable = flakeOf "other" { }; })
            ({ unstable, ... }: { environment.variables.A = unstable.x; })
          ];
        }
      )
    ];
    message = "codchi.addNixpkgs: `unstable'";
  };
}
