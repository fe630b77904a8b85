# The builders of nixpkgs that modules use. Every build runs in the sandbox with one static busybox.
{
  lib,
  system,
  busybox,
  shell,
}:
let
  tools = derivation {
    name = "busybox-tools";
    inherit system;
    builder = busybox;
    args = [
      "sh"
      "-ec"
      ''
        ${busybox} mkdir -p $out/bin
        ${busybox} --install -s $out/bin
      ''
    ];
  };

  # As nixpkgs' runCommand: `env` are the script's variables.
  runCommand =
    name: env: script:
    let
      drv = derivation (
        {
          inherit name script system;
          builder = busybox;
          args = [
            "sh"
            "-euc"
            ". $scriptPath"
          ];
          PATH = "${tools}/bin";
          passAsFile = [ "script" ] ++ env.passAsFile or [ ];
          preferLocalBuild = true;
          allowSubstitutes = false;
        }
        // builtins.removeAttrs env [
          "meta"
          "passAsFile"
          "passthru"
        ]
      );
    in
    drv
    // {
      meta = env.meta or { };
    }
    // env.passthru or { };

  writeTextFile =
    {
      name,
      text,
      executable ? false,
      destination ? "",
      meta ? { },
    }:
    runCommand name
      {
        inherit meta text;
        passAsFile = [ "text" ];
      }
      ''
        mkdir -p "$(dirname "$out${destination}")"
        cp "$textPath" "$out${destination}"
        ${lib.optionalString executable ''chmod +x "$out${destination}"''}
      '';

  script = text: "#!${shell}\n${text}";

  # Links to the files of several packages. The first package in the list wins, as in nixpkgs without priorities.
  buildEnv =
    {
      name,
      paths,
      pathsToLink ? [ "/" ],
      postBuild ? "",
      meta ? { },
    }:
    runCommand name
      {
        inherit meta;
        paths = map toString (lib.reverseList paths);
        links = map (path: ".${path}") pathsToLink;
      }
      ''
        mkdir -p $out
        for path in $paths; do
          for link in $links; do
            [ -d $path/$link ] || continue
            (cd $path && find $link -type d) | while IFS= read -r dir; do
              mkdir -p "$out/$dir"
              find "$path/$dir" -mindepth 1 -maxdepth 1 ! -type d -exec sh -c \
                'to=$1; shift; ln -sfn "$@" "$to"' sh "$out/$dir" {} +
            done
          done
        done
        ${postBuild}
      '';
in
{
  inherit runCommand writeTextFile;

  runCommandLocal = runCommand;

  writeText =
    name: text:
    writeTextFile {
      inherit name text;
    };

  writeTextDir =
    path: text:
    writeTextFile {
      name = builtins.baseNameOf path;
      inherit text;
      destination = "/${path}";
    };

  writeShellScript =
    name: text:
    writeTextFile {
      inherit name;
      text = script text;
      executable = true;
    };

  writeShellScriptBin =
    name: text:
    writeTextFile {
      inherit name;
      text = script text;
      executable = true;
      destination = "/bin/${name}";
      meta.mainProgram = name;
    };

  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      ...
    }:
    writeTextFile {
      inherit name;
      text = script ''
        set -o errexit -o nounset -o pipefail
        ${lib.optionalString (runtimeInputs != [ ]) ''export PATH="${lib.makeBinPath runtimeInputs}:$PATH"''}
        ${text}
      '';
      executable = true;
      destination = "/bin/${name}";
      meta.mainProgram = name;
    };

  inherit buildEnv;

  symlinkJoin =
    {
      name,
      paths,
      postBuild ? "",
      meta ? { },
      ...
    }:
    buildEnv {
      inherit
        meta
        name
        paths
        postBuild
        ;
    };
}
