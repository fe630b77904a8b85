//! The hunt: canaries go through everything that is done with a machine, and are then looked for everywhere.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use codchi_tests::{hunt::Hunt, repo::Repo, scene::Scene};
use serde_json::json;

const FIRST: &str = "canary-Tq8%2Fw/+first~J3x9 Kd";
const SECOND: &str = "canary-Zp4%2Fv/+second~M7c2 Wf";
const KEY: &[u8] = b"canary-key\x00\xff\n\x1b[31m'\"$(id)` R5n8Lb";

/// What fails, and says everything that it knows while it does.
fn module(version: &str, script: &str) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{
  codchi.secrets.first.description = "A canary";
  codchi.secrets.key = {{ description = "Another"; kind = "file"; }};
  codchi.services.prints.secrets = [ "first" "key" ];
  environment.etc."version".text = "{version}";
  systemd.services.prints = {{
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.coreutils ];
    serviceConfig = {{ Type = "oneshot"; RemainAfterExit = true; }};
    script = ''
      # {version}
      {script}
    '';
  }};
}}
"#
    )
}

pub fn canaries_are_nowhere_else(scene: &mut Scene) {
    let hunt = Hunt::new(&[("first", FIRST.as_bytes()), ("second", SECOND.as_bytes()), ("key", KEY)])
        .meant_for("codchi-canaries");
    let sampling = hunt.sample();
    // Its developers' log says all it can, and what is temporary has a place of its own.
    let usual = scene.codchi.clone();
    let temporary = scene.place("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    scene.codchi = usual.clone().env("CODCHI_LOG", "trace").env("TMPDIR", &temporary);
    let repo = Repo::module(scene.place("canaries"), "canaries", &module("1", "true"));
    let given = json!({ "first": FIRST, "key": { "base64": BASE64.encode(KEY) } }).to_string();

    // Create; a process that is killed while it waits; the answer from another one.
    let mut waits = scene.codchi.events(&["init", "canaries", &repo.url()]);
    waits.until("it waits", |event| event["operation"]["state"] == "waiting_for_input");
    waits.kill_if_alive();
    let made = scene
        .codchi
        .run_with(&["init", "canaries", &repo.url(), "--secrets-from", "-", "--json"], given.as_bytes());
    assert_eq!(made.code, 0, "{made}");
    let there = scene.codchi.exec("canaries", &["sh", "-c", "printf %s \"$FIRST\""]);
    assert_eq!(there, FIRST, "the canary lives");

    // Rebuild, restart, rotate.
    repo.commit(&[("module.nix", &module("2", "true"))]);
    scene.codchi.ok(&["rebuild", "canaries"]);
    scene.codchi.ok(&["restart", "canaries"]);
    let rotated = scene.codchi.run_with(&["secrets", "set", "canaries", "first"], SECOND.as_bytes());
    assert_eq!(rotated.code, 0, "{rotated}");

    // Fail: a build, an evaluation that quotes its surroundings, and an activation whose unit prints what it was given to the
    // machine's own journal, which is a file of the machine's disk and the unit's own doing; to the output it gives a hash.
    repo.commit(&[(
        "module.nix",
        "{ pkgs, ... }: { environment.etc.x.source = pkgs.runCommand \"broken\" { } \"env; exit 7\"; }\n",
    )]);
    scene.codchi.fails(1, &["rebuild", "canaries"]);
    repo.commit(&[(
        "module.nix",
        "{ ... }: { environment.etc.x.text = throw (builtins.getEnv \"FIRST\" + \"nothing\"); }\n",
    )]);
    scene.codchi.fails(1, &["rebuild", "canaries"]);
    repo.commit(&[("module.nix", &module("3", "printf %s \"$FIRST\" | sha256sum; exit 3"))]);
    scene.codchi.fails(1, &["rebuild", "canaries"]);
    repo.commit(&[("module.nix", &module("4", "true"))]);

    // Crash: in the middle of a rebuild that delivers.
    let mut crashes = scene.codchi.events(&["rebuild", "canaries"]);
    crashes.until_phase("switch");
    crashes.kill_if_alive();
    scene.codchi.ok(&["rebuild", "canaries"]);
    scene.codchi.ok(&["logs", "canaries"]);
    scene.codchi.ok(&["status", "--json"]);

    // Crash while they are delivered.
    scene.codchi.ok(&["stop", "canaries"]);
    let mut crashes = scene.codchi.events(&["start", "canaries"]);
    crashes.until("the delivery", |event| event.to_string().contains("deliver the secrets"));
    crashes.kill_if_alive();
    scene.codchi.ok(&["start", "canaries"]);

    // What leaves this machine and this computer: files with and without the values, copies, another name, the bundle for a report.
    let out = scene.place("out");
    std::fs::create_dir_all(&out).unwrap();
    let file = |name: &str| out.join(name).display().to_string();
    std::fs::write(out.join("passphrase"), "correct horse").unwrap();
    let (bare, sealed, passphrase) = (file("bare.codchi"), file("sealed.codchi"), file("passphrase"));
    scene.codchi.ok(&["export", "canaries", &bare, "--data"]);
    let with_secrets = ["--with-secrets", "--passphrase-file", &passphrase];
    scene.codchi.ok(&[&["export", "canaries", &sealed, "--data"][..], &with_secrets].concat());
    scene.codchi.ok(&["import", &sealed, "--name", "canaries-back", "--passphrase-file", &passphrase]);
    let there = scene.codchi.exec("canaries-back", &["sh", "-c", "printf %s \"$FIRST\""]);
    assert_eq!(there, SECOND, "the file had it");
    scene.codchi.ok(&["duplicate", "canaries", "canaries-copy", "--secrets", "copy"]);
    scene.codchi.ok(&["rename", "canaries-copy", "canaries-moved"]);
    let there = scene.codchi.exec("canaries-moved", &["sh", "-c", "printf %s \"$FIRST\""]);
    assert_eq!(there, SECOND, "it came along");
    scene.codchi.ok(&["diagnostics", &file("bundle.zip")]);

    sampling.found_nothing();
    hunt.finds_nothing_in(&[&out]);
    let mut places: Vec<PathBuf> = vec![scene.codchi.config_dir(), scene.codchi.data_dir(), temporary];
    // Both containers' disks, every volume (the whole store among them) and the engine's own files and logs.
    let engine = ["containers", "storage-pools", "logs"].map(|name| scene.world.engine_dir().join(name));
    for path in engine {
        assert!(path.is_dir(), "{} is searched", path.display());
        places.push(path);
    }
    places.push(PathBuf::from(scene.codchi.variable("HOME")));
    places.extend(Some(scene.world.dir().join("daemon.log")).filter(|path| path.exists()));
    let places: Vec<&Path> = places.iter().map(PathBuf::as_path).collect();
    hunt.finds_nothing_in(&places);
    // What this process itself doesn't write is looked for in the places where others might.
    hunt.finds_nothing_in(
        &[Path::new("/var/log"), Path::new("/var/crash"), Path::new("/var/lib/systemd/coredump")]
            .into_iter()
            .filter(|path| path.exists())
            .collect::<Vec<_>>(),
    );
    scene.codchi = usual;
    for machine in ["canaries", "canaries-back", "canaries-moved"] {
        scene.codchi.ok(&["delete", machine, "--yes"]);
    }
}
