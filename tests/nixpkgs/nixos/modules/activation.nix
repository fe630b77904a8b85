# `system.activationScripts`: what runs as root at boot, before systemd, and at each switch.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;

  scripts = config.system.activationScripts;

  # What ../system/activate-main.sh does before these; modules name them in `deps`.
  builtinScripts = [
    "binsh"
    "etc"
    "groups"
    "hostname"
    "specialfs"
    "stdio"
    "users"
    "var"
    "wrappers"
  ];

  script =
    { config, ... }:
    {
      options = {
        deps = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        text = mkOption {
          type = types.lines;
        };
        supportsDryActivation = mkOption {
          type = types.bool;
          default = false;
        };
      };
    };

  # Names in an order in which each comes after its deps.
  ordered =
    let
      visit =
        done: name:
        if builtins.elem name done || builtins.elem name builtinScripts then
          done
        else if !(scripts ? ${name}) then
          throw "system.activationScripts: unknown dependency `${name}'"
        else
          builtins.foldl' visit done scripts.${name}.deps ++ [ name ];
    in
    lib.unique (builtins.foldl' visit [ ] (builtins.attrNames scripts));

  # As in NixOS: a failing command is reported and remembered, and the rest goes on.
  snippet = name: ''
    #### Activation script snippet ${name}:
    _localstatus=0
    ${scripts.${name}.text}

    if (( _localstatus > 0 )); then
      printf "Activation script snippet '%s' failed (%s)\n" "${name}" "$_localstatus" >&2
    fi
  '';
in
{
  options.system = {
    activationScripts = mkOption {
      type = types.attrsOf (
        types.coercedTo types.str (text: { inherit text; }) (types.submodule script)
      );
      default = { };
    };

    activationSnippets = mkOption {
      type = types.lines;
      internal = true;
      default = lib.concatMapStrings snippet ordered;
    };
  };
}
