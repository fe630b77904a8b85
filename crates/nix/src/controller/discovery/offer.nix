# The modules that a flake offers, as plain data. Evaluates each no further than to see what it is; builds nothing.
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

  # Why a value isn't a module, or null.
  wrong =
    module:
    let
      type = builtins.typeOf module;
      isFile = type == "path" || (type == "string" && builtins.substring 0 1 module == "/");
    in
    if isFile then
      if builtins.pathExists module then null else "the file ${baseNameOf module} doesn't exist"
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
    set:
    let
      modules = try outputs.${set};
    in
    if builtins.isAttrs modules then map (look set modules) (builtins.attrNames modules) else [ ];

  modules = builtins.concatMap modulesIn sets;

  # A flake made for one module describes it by its own description.
  only =
    module:
    if module.description == null then
      module // { description = text (source.description or null); }
    else
      module;
in
{
  rev = flake.sourceInfo.rev or null;
  modules = if builtins.length modules == 1 then map only modules else modules;
  directNixpkgs = flake.inputs ? nixpkgs;
  nixConfig = source ? nixConfig;
  strange = builtins.filter (set: !builtins.isAttrs (try outputs.${set})) sets;
}
