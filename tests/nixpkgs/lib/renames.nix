# Modules for options that have another name or are gone.
lib:
let
  inherit (lib)
    attrByPath
    getAttrFromPath
    mkIf
    mkMerge
    mkOption
    setAttrByPath
    showOption
    ;

  rename =
    from: to:
    { config, options, ... }:
    let
      old = getAttrFromPath from options;
    in
    {
      options = setAttrByPath from (mkOption {
        visible = false;
        type = lib.types.unspecified;
        apply = _: getAttrFromPath to config;
      });
      config = mkIf old.isDefined (setAttrByPath to (mkMerge old.definitions));
    };
in
{
  mkRenamedOptionModule = rename;
  mkAliasOptionModule = rename;

  mkChangedOptionModule =
    from: to: change:
    { config, options, ... }:
    {
      options = setAttrByPath from (mkOption {
        visible = false;
        type = lib.types.unspecified;
        default = null;
      });
      config = mkIf ((getAttrFromPath from options).highestPrio < 1500) (
        setAttrByPath to (change config)
      );
    };

  mkRemovedOptionModule =
    path: advice:
    { options, ... }:
    {
      options = setAttrByPath path (mkOption {
        visible = false;
        apply = _: throw "The option `${showOption path}' can no longer be used since it's been removed. ${advice}";
      });
      config.assertions = [
        {
          assertion = !(attrByPath path { isDefined = false; } options).isDefined;
          message = "The option definition `${showOption path}' no longer has any effect; please remove it.\n${advice}";
        }
      ];
    };
}
