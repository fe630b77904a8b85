# /etc: Debian's files, and over them `environment.etc`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;

  file =
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
        };

        target = mkOption {
          type = types.str;
          default = name;
        };

        text = mkOption {
          type = types.nullOr types.lines;
          default = null;
        };

        source = mkOption {
          type = types.path;
        };

        # "symlink", or an octal mode: then it's a copy.
        mode = mkOption {
          type = types.str;
          default = "symlink";
        };

        user = mkOption {
          type = types.str;
          default = "root";
        };

        group = mkOption {
          type = types.str;
          default = "root";
        };
      };

      config.source = lib.mkIf (config.text != null) (
        lib.mkDefault (pkgs.writeText "etc-${builtins.baseNameOf name}" config.text)
      );
    };

  enabled = builtins.filter (etc: etc.enable) (builtins.attrValues config.environment.etc);

  # One line a file: TARGET, MODE, USER:GROUP, SOURCE, with tabs between.
  list = lib.concatMapStrings (
    etc: "${etc.target}\t${etc.mode}\t${etc.user}:${etc.group}\t${toString etc.source}\n"
  ) enabled;
in
{
  options.environment.etc = mkOption {
    type = types.attrsOf (types.submodule file);
    default = { };
  };

  options.system.build.etc = mkOption {
    type = types.package;
    internal = true;
  };

  # tree/   the whole /etc
  # links/  the same directories and names as links to /etc/static, which is a link to tree/
  # copies  what is copied instead: TARGET, MODE, USER:GROUP
  config.system.build.etc =
    pkgs.runCommand "etc"
      {
        inherit list;
        passAsFile = [ "list" ];
      }
      ''
        mkdir -p $out/tree $out/links
        cp -R -P ${pkgs.debianBase}/etc/. $out/tree/
        chmod -R u+w $out/tree
        cd $out/tree
        : >$out/copies
        while IFS="	" read -r target mode owner source; do
          mkdir -p "$(dirname "$target")"
          rm -rf "$target"
          case $target:$source in
            # systemd takes a unit's name from where its link ends, so units are files under their own names.
            systemd/*:/nix/store/*) cp "$source" "$target" ;;
            *) ln -s "$source" "$target" ;;
          esac
          if [ "$mode" != symlink ]; then
            printf '%s\t%s\t%s\n' "$target" "$mode" "$owner" >>$out/copies
          fi
        done <$listPath

        # The directories of units are linked as a whole, for the same reason.
        whole='./systemd/system ./systemd/user'
        for dir in $whole; do
          mkdir -p $dir $out/links/$(dirname $dir)
          ln -s /etc/static/''${dir#./} $out/links/$dir
        done
        find . -type d ! -path './systemd/system*' ! -path './systemd/user' ! -path './systemd/user/*' | while IFS= read -r dir; do
          mkdir -p "$out/links/$dir"
        done
        cut -f1 $out/copies >$TMPDIR/copies
        find . ! -type d ! -path './systemd/system/*' ! -path './systemd/user/*' | sed 's,^\./,,' | grep -vxFf $TMPDIR/copies | while IFS= read -r file; do
          ln -s "/etc/static/$file" "$out/links/$file"
        done
      '';
}
