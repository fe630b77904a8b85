# Options and the properties of definitions: conditions, priorities, order.
lib:
let
  inherit (builtins) isAttrs;

  property = _type: attrs: attrs // { inherit _type; };
in
rec {
  # Whether `value` is a property or an option: "if", "merge", "override", "order", "option".
  hasType = type: value: isAttrs value && value._type or null == type;
  isOption = hasType "option";
  isType = hasType;

  mkOption = property "option";
  mkEnableOption =
    name:
    mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${name}.";
    };
  mkPackageOption =
    pkgs: name:
    {
      default ? name,
      nullable ? false,
      ...
    }:
    mkOption {
      type = if nullable then lib.types.nullOr lib.types.package else lib.types.package;
      default = if default == null then null else lib.getAttrFromPath (lib.toList default) pkgs;
      description = "The ${name} package to use.";
    };
  literalExpression = text: property "literalExpression" { inherit text; };
  literalMD = text: property "literalMD" { inherit text; };

  mkIf = condition: content: property "if" { inherit condition content; };
  mkMerge = contents: property "merge" { inherit contents; };

  # The lowest number wins.
  defaultOverridePriority = 100;
  mkOverride = priority: content: property "override" { inherit content priority; };
  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  mkImageMediaOverride = mkOverride 60;
  mkForce = mkOverride 50;
  mkVMOverride = mkOverride 10;

  # The lowest number comes first.
  defaultOrderPriority = 1000;
  mkOrder = priority: content: property "order" { inherit content priority; };
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;
}
