# Arguments of a module's own.
world:
let
  inherit (world)
    codchi
    configOf
    flakeOf
    nixpkgs
    ;

  # Sets `answer` to what a module is given, whichever way.
  answer =
    { lib, ... }:
    {
      options.answer = lib.mkOption {
        type = lib.types.attrsOf lib.types.str;
        default = { };
      };
    };
in
{
  "two modules with different inputs" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "first"; })
              ({ inputs, ... }: { answer.a = inputs.it; })
            ];
          }
        )
        (
          { codchi, ... }:
          {
            imports = [
              ({ inputs, ... }: { answer.b = inputs.it; })
              (codchi.injectInputs { it = "second"; })
            ];
          }
        )
      ]).answer;
    expected = {
      a = "first";
      b = "second";
    };
  };

  "files and their imports get the inputs too" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "file"; })
              ../modules/takes-inputs.nix
            ];
          }
        )
      ]).answer;
    expected = {
      deep = "file";
      file = "file";
    };
  };

  "a file that two modules import is one module" = {
    expr =
      (configOf [
        answer
        { imports = [ ../modules/once.nix ]; }
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { })
              ../modules/once.nix
              ../modules/once.nix
            ];
          }
        )
      ]).once;
    expected = [ "once" ];
  };

  "a file with inputs can be disabled" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.injectInputs { it = "x"; })
              ../modules/takes-inputs.nix
            ];
            disabledModules = [ ../modules/takes-inputs.nix ];
          }
        )
      ]).answer;
    expected = { };
  };

  "inputs where no scope is above them" = {
    expr =
      (configOf [
        answer
        {
          imports = [
            (
              { codchi, ... }:
              {
                imports = [
                  (
                    { codchi, ... }:
                    {
                      imports = [ (codchi.injectInputs { it = "global"; }) ];
                    }
                  )
                  ({ inputs, ... }: { answer.g = inputs.it; })
                ];
              }
            )
          ];
        }
      ]).answer;
    expected.g = "global";
  };

  "a second nixpkgs" = {
    expr =
      (configOf [
        answer
        (
          { codchi, ... }:
          {
            imports = [
              (codchi.addNixpkgs {
                unstable = flakeOf "unstable" { legacyPackages.x86_64-linux.tool = "new"; };
              })
              (
                { pkgs, unstable, ... }:
                {
                  answer.second = unstable.tool;
                  answer.first = builtins.typeOf pkgs.hello;
                }
              )
            ];
          }
        )
      ]).answer;
    expected = {
      second = "new";
      first = "set";
    };
  };

  "a plain module that never heard of Codchi" = {
    expr = (configOf [ ../modules/plain.nix ]).environment.variables.PLAIN;
    expected = "yes";
  };
}
