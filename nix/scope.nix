# Arguments that belong to one module only.
#
# A flake's module often needs the flake's inputs, and the module system has just one set of arguments for all modules of
# a machine: two modules which both set `_module.args.inputs` would clash. Here each module that was added to a machine
# has its own scope. In flake.nix:
#
#     nixosModules.default =
#       { codchi, ... }:
#       {
#         imports = [
#           (codchi.injectInputs inputs)                             # ./machine.nix may take `inputs`
#           (codchi.addNixpkgs { unstable = inputs.unstable; })      # ... and `unstable`, a package set
#           ./machine.nix
#         ];
#       };
#
# Both reach the modules beside them in `imports`, and whatever those import. Where a scope isn't seen, since it's deeper
# than the module's own imports and nothing above it has one, it acts as an ordinary module setting `_module.args`.
let
  # A scope is a function module (so the module system accepts it anywhere) that can be recognised.
  mkScope = args: {
    codchiScope = args;
    __functor = self: _: {
      _file = "codchi.injectInputs or codchi.addNixpkgs";
      _module.args = self.codchiScope;
    };
    __functionArgs = { };
  };

  isScope = module: builtins.isAttrs module && module ? codchiScope;

  mergeScopes = builtins.foldl' (all: module: all // module.codchiScope) { };

  # A module as the function or attribute set that it is, with the file it came from.
  load =
    module:
    if builtins.isPath module || (builtins.isString module && builtins.substring 0 1 module == "/") then
      {
        file = toString module;
        value = import module;
      }
    else if builtins.isAttrs module && module ? outPath && !(module ? config || module ? imports) then
      load (toString module)
    else
      {
        file = null;
        value = module;
      };

  # `args` for `module` and everything it imports.
  withArgs =
    lib: args: module:
    let
      inherit (load module) file value;

      named = if file == null then { } else { _file = file; };

      # The key keeps "imported twice is imported once" and `disabledModules` working.
      keyed = if file == null then { } else { key = file; };

      body = builtins.addErrorContext (
        if file == null then "while evaluating a module" else "while evaluating the module ${file}"
      );
    in
    if isScope value then
      value
    else if lib.isFunction value then
      # The key must be known without calling the function, hence the extra level.
      named
      // keyed
      // {
        imports = [
          (lib.setFunctionArgs (moduleArgs: named // inImports lib args (body (value (moduleArgs // args)))) (
            builtins.removeAttrs (lib.functionArgs value) (builtins.attrNames args)
          ))
        ];
      }
    else
      named // keyed // inImports lib args value;

  # An evaluated module: scopes among its imports reach the other imports.
  inImports =
    lib: args: module:
    let
      imports = module.imports or [ ];
      allArgs = args // mergeScopes (builtins.filter isScope imports);
    in
    if !builtins.isAttrs module || allArgs == { } then
      module
    else
      module
      // {
        imports = map (withArgs lib allArgs) (builtins.filter (i: !isScope i) imports);
      };
in
{
  # `codchi.injectInputs inputs`: the argument `inputs` is this flake's inputs.
  injectInputs = inputs: mkScope { inherit inputs; };

  # `codchi.addNixpkgs { NAME = flake; }`: the argument NAME is that nixpkgs' package set for the machine's system.
  addNixpkgs =
    system: flakes:
    mkScope (
      builtins.mapAttrs (
        name: flake:
        flake.legacyPackages.${system} or (throw ''
          codchi.addNixpkgs: `${name}' (${toString (flake.outPath or "not a flake")}) is not a nixpkgs: it has no legacyPackages.${system}'')
      ) flakes
    );

  # One of the machine's modules, with its scopes.
  wrap =
    lib:
    { file, name }:
    module:
    let
      inherit (load module) value;
      context = builtins.addErrorContext "while evaluating the module `${name}'";
    in
    if builtins.isAttrs value || lib.isFunction value then
      if lib.isFunction value then
        lib.setFunctionArgs (args: { _file = file; } // context (inImports lib { } (value args))) (
          lib.functionArgs value
        )
      else
        { _file = file; } // context (inImports lib { } value)
    else
      throw "`${name}' is not a NixOS module: it is a ${builtins.typeOf value}, where a module is a function, an attribute set or a file";
}
