# Which of a machine's modules asks for a secret: NAME -> the index in the machine's list of modules, or null.
#
# Each module is looked at by itself, with all that it imports, as the machine's other modules make it: its functions are given the
# machine's own configuration. So a secret belongs to a module wherever the file is that asks for it.
machine:
let
  inherit (machine) lib;
  inherit (machine.config) codchi;
  inherit (codchi.driver) modules;

  # The values behind `mkIf` and the like.
  contents =
    value:
    let
      kind = value._type or null;
    in
    if !builtins.isAttrs value then
      [ ]
    else if kind == "if" then
      if value.condition then contents value.content else [ ]
    else if kind == "merge" then
      builtins.concatMap contents value.contents
    else if kind == "override" || kind == "order" then
      contents value.content
    else
      [ value ];

  # The secrets in one definition of `codchi.secrets`, by name.
  namesIn =
    value:
    let
      direct = builtins.attrNames (builtins.removeAttrs value [ "env" ]);
      aliases = builtins.concatMap builtins.attrNames (contents (value.env or { }));
    in
    direct ++ map (alias: codchi.secrets.env.${alias}.name) aliases;

  # One module's definitions of `codchi.secrets`. What else it sets is not looked at.
  definitionsOf =
    module:
    (lib.evalModules {
      modules = [
        module
        {
          options.codchi.secrets = lib.mkOption { type = lib.types.raw; };
          config._module.check = false;
        }
      ];
      specialArgs =
        machine._module.args
        // machine._module.specialArgs
        // {
          inherit (machine) config options;
        };
    }).options.codchi.secrets.definitionsWithLocations;

  namesOf =
    module:
    builtins.concatMap (definition: builtins.concatMap namesIn (contents definition.value)) (
      definitionsOf module
    );

  # The names of each module, in their order.
  names = map namesOf modules;

  indices = builtins.genList (index: index) (builtins.length modules);
in
name:
let
  asking = builtins.filter (index: builtins.elem name (builtins.elemAt names index)) indices;
in
if asking == [ ] then null else builtins.head asking
