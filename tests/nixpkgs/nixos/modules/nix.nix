# Nix's settings for the programs of the machine, and nixpkgs' own options.
{
  config,
  lib,
  ...
}:
let
  inherit (lib) mkOption types;

  value = types.oneOf [
    types.bool
    types.int
    types.str
    types.path
    types.package
  ];

  showValue =
    setting:
    if builtins.isBool setting then lib.boolToString setting else toString setting;

  settings = lib.concatStrings (
    lib.mapAttrsToList (name: setting: "${name} = ${showValue setting}\n") config.nix.settings
  );
in
{
  options.nix = {
    settings = mkOption {
      type = types.attrsOf (types.either value (types.listOf value));
      default = { };
    };

    extraOptions = mkOption {
      type = types.lines;
      default = "";
    };
  };

  # Accepted and without effect: the fixture's packages are what they are.
  options.nixpkgs = {
    config = mkOption {
      type = types.attrs;
      default = { };
    };
    hostPlatform = mkOption {
      type = types.unspecified;
      default = null;
    };
  };

  config.environment.etc."nix/nix.conf".text = settings + config.nix.extraOptions;
}
