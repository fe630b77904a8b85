# Which of a machine's modules asks for a secret: NAME -> the index in the machine's list of modules, or null.
#
# The module system knows the file of each definition. A module of the machine is a file under its own name (lib.nix), and what it imports
# lies in its flake. Two modules of one flake that import the same kind of files can't be told apart; then the answer is null, never a
# guess.
machine:
let
  inherit (machine.config) codchi;
  inherit (codchi.driver) modules;

  indices = builtins.genList (index: index) (builtins.length modules);
  module = builtins.elemAt modules;
  matching = predicate: builtins.filter (index: predicate (module index)) indices;

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

  definitions = machine.options.codchi.secrets.definitionsWithLocations;
  filesOf =
    name:
    map (definition: toString definition.file) (
      builtins.filter (
        definition: builtins.any (value: builtins.elem name (namesIn value)) (contents definition.value)
      ) definitions
    );

  isBelow =
    directory: file:
    let
      prefix = "${directory}/";
    in
    builtins.substring 0 (builtins.stringLength prefix) file == prefix;

  # A file's module, or nothing: a list of one or none.
  owner =
    file:
    let
      named = matching (candidate: candidate.label == file);
      around = matching (candidate: isBelow candidate.directory file);
    in
    if named != [ ] then
      [ (builtins.head named) ]
    else if builtins.length around == 1 then
      around
    else
      [ ];

  smallest = builtins.foldl' (a: b: if a == null || b < a then b else a) null;
in
name: smallest (builtins.concatMap owner (filesOf name))
