# The functions of lib that modules use, and what they must give. The same expectations hold for the real lib, which is how
# the small one is known to be right.
lib:
let
  inherit (lib)
    mkAfter
    mkBefore
    mkDefault
    mkForce
    mkIf
    mkMerge
    mkOption
    types
    ;

  eval =
    modules:
    (lib.evalModules {
      inherit modules;
      specialArgs.special = 7;
    }).config;

  option = type: { options.it = mkOption { inherit type; }; };
  it = type: values: (eval ([ (option type) ] ++ map (value: { it = value; }) values)).it;
  fails =
    type: values:
    !(builtins.tryEval (
      let
        value = it type values;
      in
      builtins.deepSeq value value
    )).success;

  submodule =
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
        };
        enable = lib.mkEnableOption "it";
        value = mkOption {
          type = types.nullOr types.int;
          default = null;
        };
        list = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
      };
      config = mkIf config.enable {
        value = mkDefault 9;
        list = [ "enabled" ];
      };
    };
in
{
  "lib: order of definitions" = {
    expr = it (types.listOf types.str) [
      [ "b" ]
      (mkAfter [ "z" ])
      (mkBefore [ "a" ])
      (mkMerge [
        [ "c" ]
        (mkIf false [ "never" ])
        (mkIf true [ "d" ])
      ])
    ];
    # Later modules come first.
    expected = [
      "a"
      "c"
      "d"
      "b"
      "z"
    ];
  };

  "lib: priorities" = {
    expr = [
      (it types.int [
        (mkDefault 1)
        2
      ])
      (it types.int [
        1
        (mkForce 3)
      ])
      (it types.lines [
        "one"
        "two"
      ])
    ];
    expected = [
      2
      3
      "two\none"
    ];
  };

  "lib: submodules" = {
    expr = it (types.attrsOf (types.submodule submodule)) [
      { p.list = mkAfter [ "last" ]; }
      { p.enable = true; }
      { q.value = 2; }
      (mkIf true { r.name = "other"; })
    ];
    expected = {
      p = {
        enable = true;
        name = "p";
        value = 9;
        list = [
          "enabled"
          "last"
        ];
      };
      q = {
        enable = false;
        name = "q";
        value = 2;
        list = [ ];
      };
      r = {
        enable = false;
        name = "other";
        value = null;
        list = [ ];
      };
    };
  };

  "lib: freeform beside options" = {
    expr =
      it
        (types.submodule {
          freeformType = types.attrsOf types.int;
          options.known = mkOption {
            type = types.str;
            default = "k";
          };
        })
        [
          { a = 1; }
          { b = 2; }
        ];
    expected = {
      a = 1;
      b = 2;
      known = "k";
    };
  };

  "lib: an option declared twice" = {
    expr =
      (eval [
        (option (types.attrsOf (types.submodule submodule)))
        {
          options.it = mkOption {
            type = types.attrsOf (
              types.submodule {
                options.more = mkOption {
                  type = types.str;
                  default = "more";
                };
              }
            );
          };
          config.it.x = { };
        }
      ]).it.x.more;
    expected = "more";
  };

  "lib: types refuse" = {
    expr = map (case: fails case.type case.values) [
      {
        type = types.int;
        values = [ "s" ];
      }
      {
        type = types.int;
        values = [ ];
      }
      {
        type = types.int;
        values = [
          1
          2
        ];
      }
      {
        type = types.strMatching "x+";
        values = [ "y" ];
      }
      {
        type = types.enum [ "a" ];
        values = [ "b" ];
      }
      {
        type = types.path;
        values = [ "relative" ];
      }
      {
        type = types.port;
        values = [ 65536 ];
      }
      {
        type = types.raw;
        values = [
          1
          1
        ];
      }
    ];
    expected = [
      true
      true
      true
      true
      true
      true
      true
      true
    ];
  };

  "lib: types accept" = {
    expr = [
      (it (types.either types.int types.str) [ "s" ])
      (it (types.coercedTo types.int toString types.str) [ 4 ])
      (it (types.nullOr types.str) [ null ])
      (it (types.oneOf [
        types.bool
        types.int
      ]) [ true ])
      (it types.anything [
        { a.b = 1; }
        { a.c = 2; }
      ])
      (it types.envVar [
        "/a"
        "/b"
      ])
    ];
    expected = [
      "s"
      "4"
      null
      true
      {
        a = {
          b = 1;
          c = 2;
        };
      }
      "/b:/a"
    ];
  };

  "lib: arguments, read-only options, apply" = {
    expr = eval [
      (
        {
          config,
          special,
          other,
          ...
        }:
        {
          options.a = mkOption {
            type = types.int;
            default = special + other;
            readOnly = true;
            apply = value: value * 2;
          };
          config._module.args.other = 1;
        }
      )
    ];
    expected.a = 16;
  };

  "lib: renamed options" = {
    expr =
      (eval [
        (lib.mkAliasOptionModule [ "old" ] [ "new" ])
        {
          options.new = mkOption {
            type = types.listOf types.int;
            default = [ ];
          };
        }
        { old = [ 1 ]; }
        { new = mkAfter [ 2 ]; }
      ]).new;
    expected = [
      1
      2
    ];
  };

  "lib: extendModules" = {
    expr =
      ((lib.evalModules {
        modules = [
          (option (types.listOf types.int))
          { it = [ 1 ]; }
        ];
      }).extendModules
        {
          modules = [ { it = mkAfter [ 2 ]; } ];
        }
      ).config.it;
    expected = [
      1
      2
    ];
  };

  "lib: strings" = {
    expr = [
      (lib.escapeShellArg "it's")
      (lib.escapeShellArg "plain")
      (lib.splitString "." "a.b.c")
      (lib.hasInfix "b." "ab.c")
      (lib.hasPrefix "a" "ab")
      (lib.hasSuffix "ab" "b")
      (lib.removePrefix "a" "ab")
      (lib.removeSuffix "b" "ab")
      (lib.trim "  x y \n")
      (lib.toUpper "aB-1")
      (lib.toInt "42")
      (lib.concatMapStringsSep "," toString [
        1
        2
      ])
      (lib.makeBinPath [
        "/a"
        "/b"
      ])
      (lib.versionAtLeast "24.11" "24.05")
      (lib.concatLines [
        "a"
        "b"
      ])
    ];
    expected = [
      "'it'\\''s'"
      "plain"
      [
        "a"
        "b"
        "c"
      ]
      true
      true
      false
      "b"
      "a"
      "x y"
      "AB-1"
      42
      "1,2"
      "/a/bin:/b/bin"
      true
      "a\nb\n"
    ];
  };

  "lib: lists and sets" = {
    expr = [
      (lib.flatten [
        1
        [
          2
          [ 3 ]
        ]
      ])
      (lib.unique [
        1
        2
        1
      ])
      (lib.take 1 [
        1
        2
      ])
      (lib.drop 1 [
        1
        2
      ])
      (lib.drop 3 [ 1 ])
      (lib.last [
        1
        2
      ])
      (lib.sortOn (x: x.k) [
        { k = 2; }
        { k = 1; }
      ])
      (lib.findFirst (x: x > 1) 0 [
        1
        2
        3
      ])
      (lib.recursiveUpdate
        {
          a.b = 1;
          a.c = 2;
        }
        { a.c = 3; }
      )
      (lib.mapAttrs' (name: value: lib.nameValuePair "x${name}" value) { a = 1; })
      (lib.filterAttrs (_: value: value > 1) {
        a = 1;
        b = 2;
      })
      (lib.attrByPath [ "a" "b" ] 0 { a.b = 1; })
      (lib.setAttrByPath [ "a" "b" ] 1)
      (lib.genAttrs [ "a" ] (name: name))
      (lib.foldr (a: b: "${a}${b}") "" [
        "a"
        "b"
      ])
    ];
    expected = [
      [
        1
        2
        3
      ]
      [
        1
        2
      ]
      [ 1 ]
      [ 2 ]
      [ ]
      2
      [
        { k = 1; }
        { k = 2; }
      ]
      2
      {
        a = {
          b = 1;
          c = 3;
        };
      }
      { xa = 1; }
      { b = 2; }
      1
      { a.b = 1; }
      { a = "a"; }
      "ab"
    ];
  };

  "lib: toINI" = {
    expr = lib.generators.toINI { } {
      section.key = true;
      other.number = 1;
    };
    expected = "[other]\nnumber=1\n\n[section]\nkey=true\n";
  };
}
