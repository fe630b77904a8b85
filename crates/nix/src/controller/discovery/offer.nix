# The modules that a flake offers, as plain data. Evaluates each no further than to see what it is; builds nothing.
#
# `offer` is everything at once. Where one module fails in a way that can't be caught here (a syntax error, an infinite recursion, an
# import from derivation), `names` is the same without having looked at any, and `each.mN` is the Nth module alone.
flake:
let
  # A value, or null where its evaluation throws.
  try =
    value:
    let
      tried = builtins.tryEval value;
    in
    if tried.success then tried.value else null;

  # Seen before any output is evaluated: that the flake has them doesn't depend on what they are.
  outputs = flake.outputs;
  source = import (flake.outPath + "/flake.nix");

  text = value: if builtins.isString value then value else null;

  descriptions = try (outputs.codchi.descriptions or { });

  description =
    name:
    if builtins.isAttrs descriptions && descriptions ? ${name} then
      text (try descriptions.${name})
    else
      null;

  # Why a value isn't a module, or null. A file is read, so that one with a syntax error is known.
  wrong =
    module:
    let
      type = builtins.typeOf module;
      isFile = type == "path" || (type == "string" && builtins.substring 0 1 module == "/");
    in
    if isFile then
      if builtins.pathExists module then
        wrong (import module)
      else
        "the file ${baseNameOf module} doesn't exist"
    else if type == "lambda" || type == "set" then
      null
    else
      "it is a ${type}, where a module is a function, an attribute set or a file";

  look = set: modules: name: {
    path = [
      set
      name
    ];
    description = description name;
    error =
      let
        tried = builtins.tryEval (wrong modules.${name});
      in
      if tried.success then tried.value else "its definition fails (a throw or an assertion)";
  };

  sets = builtins.filter (set: outputs ? ${set}) [
    "nixosModules"
    "codchiModules"
  ];

  modulesIn =
    look: set:
    let
      modules = try outputs.${set};
    in
    if builtins.isAttrs modules then map (look set modules) (builtins.attrNames modules) else [ ];

  modules =
    let
      all = builtins.concatMap (modulesIn look) sets;
    in
    if builtins.length all == 1 then map only all else all;

  names = builtins.concatMap (modulesIn (
    set: _: name: {
      path = [
        set
        name
      ];
    }
  )) sets;

  # A flake made for one module describes it by its own description.
  only =
    module:
    if module.description == null then
      module // { description = text (source.description or null); }
    else
      module;
  about = {
    rev = flake.sourceInfo.rev or null;
    directNixpkgs = flake.inputs ? nixpkgs;
    nixConfig = source ? nixConfig;
    strange = builtins.filter (set: !builtins.isAttrs (try outputs.${set})) sets;
  };
in
{
  offer = about // {
    inherit modules;
  };

  names = about // {
    modules = names;
  };

  each = builtins.listToAttrs (
    builtins.genList (n: {
      name = "m${toString n}";
      value = builtins.elemAt modules n;
    }) (builtins.length names)
  );
}
