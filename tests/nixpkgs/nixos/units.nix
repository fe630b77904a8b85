# Units: the options they share, and their text.
{ lib, pkgs }:
let
  inherit (lib) mkDefault mkIf mkOption types;

  string = mkOption {
    type = types.str;
    default = "";
  };

  strings = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };

  lines = mkOption {
    type = types.lines;
    default = "";
  };

  boolean =
    default:
    mkOption {
      type = types.bool;
      inherit default;
    };

  primitive = types.oneOf [
    types.bool
    types.int
    types.str
    types.path
    types.package
  ];

  # A value, or a list of them. As in NixOS the values of several definitions follow each other where one of them is a list.
  keyValues =
    let
      either = types.either primitive (types.listOf primitive);
    in
    either
    // {
      merge =
        loc: defs:
        if builtins.length defs > 1 && builtins.any (def: builtins.isList def.value) defs then
          builtins.concatMap (def: lib.toList def.value) defs
        else
          either.merge loc defs;
    };

  # The keys of one section: `Key = value`, or `Key = [ values ]` for a key that is given more than once.
  section = mkOption {
    type = types.attrsOf keyValues;
    default = { };
  };

  showValue =
    value:
    if value == true then
      "true"
    else if value == false then
      "false"
    else
      toString value;

  showKey =
    key: value: lib.concatMapStrings (single: "${key}=${showValue single}\n") (lib.toList value);

  showSection =
    name: keys:
    lib.optionalString (keys != { }) "[${name}]\n${lib.concatStrings (lib.mapAttrsToList showKey keys)}\n";

  commonOptions = {
    enable = boolean true;
    description = string;
    documentation = strings;
    wants = strings;
    requires = strings;
    bindsTo = strings;
    after = strings;
    before = strings;
    partOf = strings;
    conflicts = strings;
    onFailure = strings;
    wantedBy = strings;
    requiredBy = strings;
    aliases = strings;
    restartIfChanged = boolean true;
    reloadIfChanged = boolean false;
    # Accepted; a changed unit is always restarted in one step.
    stopIfChanged = boolean true;
    restartTriggers = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
    };
    unitConfig = section;
  };

  notEmpty = lib.filterAttrs (_: value: value != "" && value != [ ] && value != null);

  showUnit =
    unit:
    showSection "Unit" (
      notEmpty {
        Description = unit.description;
        Documentation = unit.documentation;
        Wants = unit.wants;
        Requires = unit.requires;
        BindsTo = unit.bindsTo;
        After = unit.after;
        Before = unit.before;
        PartOf = unit.partOf;
        Conflicts = unit.conflicts;
        OnFailure = unit.onFailure;
        # Read by switch-to-configuration; systemd ignores them.
        X-Restart-Triggers = map toString unit.restartTriggers;
        X-RestartIfChanged = if unit.restartIfChanged then null else "false";
        X-ReloadIfChanged = if unit.reloadIfChanged then "true" else null;
      }
      // unit.unitConfig
    );

  # `Environment=` splits at blanks and reads `%`.
  showEnvironment =
    name: value: builtins.toJSON "${name}=${builtins.replaceStrings [ "%" ] [ "%%" ] (toString value)}";

  serviceModule =
    { name, config, ... }:
    let
      script = suffix: text: pkgs.writeShellScript "unit-script-${name}-${suffix}" "set -e\n${text}";
    in
    {
      options = commonOptions // {
        serviceConfig = section;
        environment = mkOption {
          type = types.attrsOf (
            types.nullOr (
              types.oneOf [
                types.str
                types.path
                types.package
              ]
            )
          );
          default = { };
        };
        path = mkOption {
          type = types.listOf types.unspecified;
          default = [ ];
        };
        startAt = mkOption {
          type = types.either types.str (types.listOf types.str);
          default = [ ];
          apply = lib.toList;
        };
        script = lines;
        preStart = lines;
        postStart = lines;
        preStop = lines;
        postStop = lines;
      };

      config = {
        environment.PATH = mkDefault (
          lib.makeBinPath (config.path ++ [ pkgs.debianPrograms ])
        );
        serviceConfig = lib.mkMerge [
          (mkIf (config.preStart != "") { ExecStartPre = [ "${script "pre-start" config.preStart}" ]; })
          (mkIf (config.script != "") { ExecStart = "${script "start" config.script}"; })
          (mkIf (config.postStart != "") { ExecStartPost = [ "${script "post-start" config.postStart}" ]; })
          (mkIf (config.preStop != "") { ExecStop = "${script "pre-stop" config.preStop}"; })
          (mkIf (config.postStop != "") { ExecStopPost = "${script "post-stop" config.postStop}"; })
        ];
      };
    };

  showService =
    unit:
    showUnit unit
    + showSection "Service" (
      notEmpty {
        Environment = lib.mapAttrsToList showEnvironment (
          lib.filterAttrs (_: value: value != null) unit.environment
        );
      }
      // unit.serviceConfig
    );

  # A kind of unit with one section of its own, say sockets.<name>.socketConfig for [Socket].
  simpleKind = suffix: sectionName: configName: {
    inherit suffix;
    module.options =
      commonOptions
      // lib.optionalAttrs (configName != null) {
        ${configName} = section;
      }
      // lib.optionalAttrs (suffix == "socket") {
        listenStreams = strings;
      };
    show =
      unit:
      showUnit unit
      + lib.optionalString (configName != null) (
        showSection sectionName (
          unit.${configName}
          // lib.optionalAttrs (unit.listenStreams or [ ] != [ ]) {
            ListenStream = unit.listenStreams;
          }
        )
      );
  };
in
rec {
  inherit section showSection;

  # NixOS' option name -> how its units are declared and written.
  kinds = {
    services = {
      suffix = "service";
      module = serviceModule;
      show = showService;
    };
    sockets = simpleKind "socket" "Socket" "socketConfig";
    timers = simpleKind "timer" "Timer" "timerConfig";
    paths = simpleKind "path" "Path" "pathConfig";
    targets = simpleKind "target" null null;
  };

  options = lib.mapAttrs (
    _: kind:
    mkOption {
      type = types.attrsOf (types.submodule kind.module);
      default = { };
    }
  ) kinds;

  # The files of all units below `dir` in /etc: their texts and the links that `wantedBy` and the like mean.
  files =
    dir: units:
    let
      link = unit: directory: {
        "${dir}/${directory}/${unit}".source = "/etc/${dir}/${unit}";
      };

      filesOf =
        kind: name: unit:
        let
          fullName = "${name}.${kind.suffix}";
        in
        if !unit.enable then
          [ { "${dir}/${fullName}".source = "/dev/null"; } ]
        else
          [ { "${dir}/${fullName}".text = kind.show unit; } ]
          ++ map (target: link fullName "${target}.wants") unit.wantedBy
          ++ map (target: link fullName "${target}.requires") unit.requiredBy
          ++ map (alias: { "${dir}/${alias}".source = "/etc/${dir}/${fullName}"; }) unit.aliases;
    in
    lib.concatLists (
      lib.mapAttrsToList (
        kindName: kind: lib.concatLists (lib.mapAttrsToList (filesOf kind) units.${kindName})
      ) kinds
    );
}
