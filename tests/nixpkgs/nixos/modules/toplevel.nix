# The system itself: everything of a generation as one store path.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  cfg = config.system;
  base = pkgs.debianBase;

  failedAssertions = map (assertion: assertion.message) (
    builtins.filter (assertion: !assertion.assertion) config.assertions
  );

  checked =
    system:
    if failedAssertions != [ ] then
      throw "\nFailed assertions:\n${lib.concatStringsSep "\n" (map (message: "- ${message}") failedAssertions)}"
    else
      lib.showWarnings config.warnings system;

  toplevel =
    pkgs.runCommand "nixos-system-${cfg.name}-${cfg.stateVersion}"
      {
        inherit base;
        inherit (cfg.build) etc;
        inherit (cfg) path;
        inherit (pkgs.stdenv.hostPlatform) system;
        snippets = cfg.activationSnippets;
        extraBuilder = cfg.systemBuilderCommands;
        passAsFile = [
          "snippets"
          "extraBuilder"
        ];
      }
      ''
        mkdir -p $out/bin
        ln -s $etc/tree $out/etc
        ln -s $path $out/sw
        ln -s $base/usr $out/usr
        ln -s $base/usr/lib/systemd $out/systemd
        printf %s ${cfg.stateVersion} >$out/nixos-version
        printf %s $system >$out/system

        install_script() {
          sed -e "s,@out@,$out,g" -e "s,@base@,$base,g" -e "s,@etc@,$etc,g" $1 >$2
          chmod +x $2
        }
        install_script ${../system/init.sh} $out/init
        install_script ${../system/activate.sh} $out/activate
        install_script ${../system/activate-main.sh} $out/activate-main
        install_script ${../system/switch-to-configuration.sh} $out/bin/switch-to-configuration
        sed -i -e "/^@snippets@/{r $snippetsPath
        d}" $out/activate-main
        . $extraBuilderPath
      '';
in
{
  options.system = {
    name = mkOption {
      type = types.str;
      default =
        if config.networking.hostName == "" then "unnamed" else config.networking.hostName;
    };

    stateVersion = mkOption {
      type = types.str;
      default = "26.05";
    };

    path = mkOption {
      type = types.package;
      internal = true;
    };

    systemBuilderCommands = mkOption {
      type = types.lines;
      default = "";
      internal = true;
    };

    build = mkOption {
      type = types.submodule { freeformType = types.attrsOf types.unspecified; };
      default = { };
    };
  };

  config = {
    system.build.toplevel = checked toplevel;

    environment.etc.NIXOS.text = "";
  };
}
