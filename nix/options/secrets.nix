# Secrets that a module asks its user for.
#
# Values never pass through here: they would end in the world-readable store. The machine's user is asked on the host,
# before the build, and the answers are written to a tmpfs of the machine at each start.
{ config, lib, ... }:
let
  inherit (lib)
    mkOption
    types
    ;

  cfg = config.codchi.secrets;
  inherit (config.codchi.driver) runtimeDir user;

  # "api-token" -> "API_TOKEN"
  environmentName =
    name:
    let
      upper = lib.toUpper (
        builtins.replaceStrings
          [
            "-"
            "."
          ]
          [
            "_"
            "_"
          ]
          name
      );
    in
    if builtins.match "[0-9].*" upper != null then "_${upper}" else upper;

  variableName = types.strMatching "[a-zA-Z_][a-zA-Z0-9_]*";

  secret =
    { name, config, ... }:
    {
      options = {
        description = mkOption {
          type = types.lines;
          example = "A GitLab access token with the scope `read_repository`: https://gitlab.example.org/-/profile/tokens";
          description = ''
            What the secret is for and where its user finds it. Shown when it is asked for; a subset of Markdown.
          '';
        };

        kind = mkOption {
          type = types.enum [
            "env"
            "file"
          ];
          default = "env";
          description = ''
            How the machine sees it: as a variable of login shells (and of units in `codchi.services`), or as a file.
          '';
        };

        env = mkOption {
          type = types.nullOr variableName;
          default = if config.kind == "env" then environmentName name else null;
          description = ''
            The variable's name, for `kind = "env"`. By default the secret's name in upper case, with `_` for `-` and `.`.
          '';
        };

        path = mkOption {
          type = types.nullOr types.path;
          default = if config.kind == "file" then "${runtimeDir}/secrets/${name}" else null;
          description = ''
            Where programs find the file, for `kind = "file"`. The file is always `${runtimeDir}/secrets/NAME`, in a
            tmpfs; another path becomes a link to it.
          '';
        };

        owner = mkOption {
          type = types.str;
          default = user;
          description = "The user that owns the file.";
        };

        group = mkOption {
          type = types.str;
          default = "users";
          description = "The file's group.";
        };

        mode = mkOption {
          type = types.strMatching "0?[0-7]{3}";
          default = "0400";
          description = "The file's mode, in octal.";
        };

        optional = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the machine is built and started without it.";
        };

        pattern = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "glpat-[A-Za-z0-9_-]{20,}";
          description = "A regular expression that the whole value must match; checked when it is entered.";
        };
      };
    };

  # The form that modules written for other versions of Codchi use: `codchi.secrets.env.NAME` is the variable
  # `$CODCHI_NAME`.
  aliased =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.strMatching "[a-zA-Z0-9:_.-]*";
          default = name;
          description = "The variable's name after the prefix `CODCHI_`.";
        };

        description = mkOption {
          type = types.lines;
          description = "What the secret is for and where its user finds it.";
        };
      };
    };

  fromAlias =
    _: alias:
    let
      evaluated = lib.evalModules {
        modules = [
          secret
          {
            _module.args.name = alias.name;
            inherit (alias) description;
            env = "CODCHI_" + builtins.replaceStrings [ "-" "." ":" ] [ "_" "_" "_" ] alias.name;
          }
        ];
      };
    in
    {
      inherit (alias) name;
      value = builtins.removeAttrs evaluated.config [ "_module" ];
    };

  direct = builtins.removeAttrs cfg [ "env" ];
  aliases = builtins.listToAttrs (lib.mapAttrsToList fromAlias cfg.env);

  # A name becomes a file name and an entry in the host's keyring.
  checkNames =
    secrets:
    let
      bad = builtins.filter (
        name: builtins.match "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}" name == null
      ) (builtins.attrNames secrets);
      twice = builtins.filter (name: direct ? ${name}) (builtins.attrNames aliases);
      quoted = names: lib.concatMapStringsSep ", " builtins.toJSON names;
    in
    if bad != [ ] then
      throw "codchi.secrets: not a name for a secret: ${quoted bad} (allowed are 1 to 64 letters, digits, `_', `-' and `.', not starting with `-' or `.')"
    else if twice != [ ] then
      throw "codchi.secrets: declared both as codchi.secrets.NAME and as codchi.secrets.env.NAME: ${quoted twice}"
    else
      secrets;
in
{
  options.codchi = {
    secrets = mkOption {
      default = { };
      example = {
        gitlab-token.description = "A GitLab access token with the scope `read_repository`.";
      };
      description = ''
        Values that every user of the module brings: asked once per machine, kept in the keyring of the host, delivered
        at every start.
      '';
      type = types.submodule {
        freeformType = types.attrsOf (types.submodule secret);

        options.env = mkOption {
          type = types.attrsOf (types.submodule aliased);
          default = { };
          description = "Another way to ask for a variable: `codchi.secrets.env.NAME` is delivered as `$CODCHI_NAME`.";
        };
      };
    };

    allSecrets = mkOption {
      type = types.raw;
      default = checkNames (aliases // direct);
      internal = true;
      readOnly = true;
      description = "Every secret under its name, whichever way it was declared.";
    };
  };
}
