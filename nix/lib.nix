# `codchi.lib`: how a code machine is made out of modules, and what can be read from one before anything is built.
#
# Nothing here needs a lib at import time: everything comes from the nixpkgs that the machine uses, so the same file
# serves a machine on the builtin nixpkgs and one that follows the nixpkgs of a module's own flake.
let
  scope = import ./scope.nix;

  # [ "nixosModules" "my module" ] -> nixosModules."my module": the form in which a module is shown everywhere.
  showAttr =
    path:
    let
      showName =
        name:
        if builtins.match "[a-zA-Z_][a-zA-Z0-9_'-]*" name != null then
          name
        else
          builtins.toJSON name;
    in
    builtins.concatStringsSep "." (map showName path);

  # The value at an attribute path of a flake, or an error that names the path and what is there instead.
  moduleAt =
    { input, attr }:
    let
      shown = showAttr attr;

      missing =
        done: set:
        throw ''
          the flake ${toString input} has no module `${shown}'
          ${
            if done == [ ] then "It exports" else "`${showAttr done}' has"
          }: ${builtins.concatStringsSep ", " (builtins.attrNames set)}'';

      step =
        done: set: rest:
        let
          name = builtins.head rest;
        in
        if rest == [ ] then
          set
        else if !builtins.isAttrs set then
          throw "the flake ${toString input} has no module `${shown}': `${showAttr done}' is not an attribute set"
        else if set ? ${name} then
          step (done ++ [ name ]) set.${name} (builtins.tail rest)
        else
          missing done set;
    in
    builtins.addErrorContext "while reading the module `${shown}' of ${toString input}" (step [ ] input attr);

  # The name of a module among definitions.
  labelOf = entry: "${showAttr entry.attr} (${toString entry.input})";

  # A module under its own name: definitions in error messages say `nixosModules.hello (/nix/store/…-source)`, and what
  # the module hands to `codchi.injectInputs` and `codchi.addNixpkgs` stays its own (scope.nix).
  namedModule =
    lib: entry:
    let
      name = showAttr entry.attr;
      file = labelOf entry;
    in
    {
      _file = file;
      imports = [ (scope.wrap lib { inherit file name; } (moduleAt entry)) ];
    };
in
rec {
  # A NixOS system out of the user's modules and the hidden module of a driver.
  #
  # driver   "lxd" | "wsl" | "none"
  # system   "x86_64-linux" | "aarch64-linux"
  # nixpkgs  a flake with `lib.nixosSystem`
  # modules  [ { input = FLAKE; attr = [ "nixosModules" "NAME" ]; } ], in the user's order
  #
  # The machine's name is deliberately not an argument: two machines with the same modules are the same system.
  codeMachine =
    {
      driver,
      system,
      nixpkgs,
      modules,
    }:
    nixpkgs.lib.nixosSystem {
      inherit system;
      specialArgs.codchi = {
        addNixpkgs = scope.addNixpkgs system;
        inherit (scope) injectInputs;
      };
      # The module system puts the definitions of later modules first. Turned round, lists and texts follow the user's order,
      # with the driver's part in front.
      modules = nixpkgs.lib.reverseList (
        [
          ./options
          ./drivers
          {
            _file = "codchi.lib.codeMachine";
            codchi.driver = {
              name = driver;
              modules = map (namedModule nixpkgs.lib) modules;
            };
          }
        ]
        ++ map (namedModule nixpkgs.lib) modules
      );
    };

  # What a machine asks of its user and its host, as plain data for JSON. Evaluating it builds nothing.
  requirements =
    machine:
    let
      inherit (machine.config) codchi;
      declaredBy = import ./declared-by.nix machine;
    in
    {
      secrets = builtins.mapAttrs (name: secret: {
        # The index among the machine's modules, or null where it can't be told.
        module = declaredBy name;
        inherit (secret)
          description
          kind
          env
          path
          owner
          group
          mode
          optional
          pattern
          ;
      }) codchi.allSecrets;

      hostSecrets = builtins.mapAttrs (_: hostSecret: hostSecret.enable) codchi.hostSecrets;

      capabilities = codchi.requiredCapabilities;

      # What is required already is not optional any more.
      optionalCapabilities = builtins.filter (
        capability: !builtins.elem capability codchi.requiredCapabilities
      ) codchi.optionalCapabilities;

      initScript = codchi.initScript != "";
    };
}
