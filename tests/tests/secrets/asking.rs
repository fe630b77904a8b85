//! Before the build: waiting, answering, typing.

use std::{
    io::{Read as _, Write as _},
    process::Stdio,
};

use codchi_tests::scene::Scene;

use crate::{asking, variable};

const KEY: &[u8] = b"\x00\xff key \n";

pub fn a_build_waits_where_nobody_can_be_asked_and_an_answer_continues_it(scene: &mut Scene) {
    let repo = asking(scene);
    let refused = scene.codchi.fails(4, &["init", "asking", &repo.url()]);
    refused.says("codchi secrets set asking token").says("codchi secrets set asking key");
    let machine = scene.codchi.machine("asking");
    assert_eq!(machine["operation"]["state"], "waiting_for_input");
    assert_eq!(machine["status"], "not_installed");
    let built = scene.query("/1.0/instances");
    assert!(!built.to_string().contains("codchi-asking"), "nothing is made before the answer");

    // The first one isn't enough.
    let one = scene.codchi.run_with(&["secrets", "set", "asking", "token"], b"tok-first");
    assert_eq!(one.code, 4, "{one}");
    one.says("codchi secrets set asking key");
    let other = scene.codchi.run_with(&["secrets", "set", "asking", "key"], KEY);
    assert_eq!(other.code, 0, "{other}");
    assert_eq!(scene.codchi.machine("asking")["status"], "running");
    assert_eq!(variable(scene, "asking", "TOKEN"), "dG9rLWZpcnN0");
    let unit =
        scene.codchi.exec("asking", &["sh", "-c", "cat /run/uses-token; sha256sum </run/codchi/secrets/key"]);
    assert_eq!(unit.lines().count(), 2, "the unit had its turn: {unit}");
    let same = scene.codchi.exec(
        "asking",
        &["sh", "-c", "sha256sum </run/codchi/secrets/key | cmp - /run/uses-key && echo same"],
    );
    assert_eq!(same.trim(), "same", "the unit and the user have the same bytes");
}

pub fn values_that_come_along_are_not_asked_for(scene: &mut Scene) {
    let repo = asking(scene);
    let json = br#"{"token": "tok-along", "key": {"base64": "AP8="}, "unknown": "x"}"#;
    let made = scene.codchi.run_with(&["init", "along", &repo.url(), "--secrets-from", "-"], json);
    assert_eq!(made.code, 0, "{made}");
    made.says("unknown");
    assert_eq!(variable(scene, "along", "TOKEN"), "dG9rLWFsb25n");
    scene.codchi.ok(&["delete", "along", "--yes"]);

    let bad =
        scene.codchi.run_with(&["init", "along", &repo.url(), "--secrets-from", "-"], b"[\"tok-hidden\"]");
    assert_eq!(bad.code, 2, "{bad}");
    assert!(!bad.stderr.contains("tok-hidden"), "{bad}");
    assert!(!scene.codchi.config_dir().join("machines/along").exists());
}

pub fn a_terminal_is_asked_without_showing_what_is_typed(scene: &mut Scene) {
    let repo = asking(scene);
    // `script` gives it a terminal.
    let program = scene.codchi.program().display().to_string();
    let line = format!("{program} init typed {}", repo.url());
    let mut command = scene.codchi.command("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    let mut until = |text: &str| {
        let mut chunk = [0; 4096];
        while !seen.contains(text) {
            let n = stdout.read(&mut chunk).unwrap();
            assert!(n > 0, "it ended before it said {text:?}: {seen}");
            seen.push_str(&String::from_utf8_lossy(&chunk[..n]));
        }
        seen = seen.split_off(seen.find(text).unwrap() + text.len());
    };
    until("key: ");
    stdin.write_all(b"typed-key\r").unwrap();
    until("token: ");
    stdin.write_all(b"wrong-token\r").unwrap();
    until("(empty: later): ");
    stdin.write_all(b"\r").unwrap();
    until("doesn't match the module's pattern");
    until("key: ");
    stdin.write_all(b"typed-key\r").unwrap();
    until("token: ");
    stdin.write_all(b"tok-typed\r").unwrap();
    until("(empty: later): ");
    stdin.write_all(b"\r").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{seen}{rest}");
    for typed in ["typed-key", "wrong-token", "tok-typed"] {
        assert!(!seen.contains(typed) && !rest.contains(typed), "{typed} was shown");
    }
    assert_eq!(variable(scene, "typed", "TOKEN"), "dG9rLXR5cGVk");
    scene.codchi.ok(&["delete", "typed", "--yes"]);
}
