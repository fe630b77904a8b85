//! Before the build: waiting, answering, typing.

use std::time::{Duration, Instant};

use codchi_tests::{repo::Repo, scene::Scene, terminal::Terminal};

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
    // What never ends is read no further than it may be.
    for endless in ["/dev/zero", "/dev/urandom"] {
        let refused = scene.codchi.fails(2, &["init", "along", &repo.url(), "--secrets-from", endless]);
        refused.says(&format!("{endless} has more than 8 MiB"));
    }
    assert!(!scene.codchi.config_dir().join("machines/along").exists());
}

pub fn a_terminal_is_asked_without_showing_what_is_typed(scene: &mut Scene) {
    let repo = asking(scene);
    let mut terminal = Terminal::new(&scene.codchi, &["init", "typed", &repo.url()]);
    terminal.until("key: ").types("typed-key").until("token: ").types("wrong-token");
    terminal.until("(empty: later): ").types("").until("doesn't match the module's pattern");
    terminal.until("key: ").types("typed-key").until("token: ").types("tok-typed");
    terminal.until("(empty: later): ").types("");
    let (code, said) = terminal.finish();
    assert_eq!(code, Some(0), "{said}");
    for typed in ["typed-key", "wrong-token", "tok-typed"] {
        assert!(!said.contains(typed), "{typed} was shown");
    }
    assert_eq!(variable(scene, "typed", "TOKEN"), "dG9rLXR5cGVk");
    scene.codchi.ok(&["delete", "typed", "--yes"]);
}

pub fn a_secret_of_a_user_who_comes_with_it_is_there_when_its_unit_starts(scene: &mut Scene) {
    let repo = Repo::module(scene.place("new-user"), "newcomer", "{ }");
    scene.codchi.ok(&["init", "newcomer", &repo.url()]);
    repo.commit(&[(
        "module.nix",
        r#"{ pkgs, ... }: {
          users.users.courier = { isSystemUser = true; group = "courier"; };
          users.groups.courier = { };
          codchi.secrets.letter = { description = "A letter"; kind = "file"; owner = "courier"; };
          codchi.services.reads.secrets = [ "letter" ];
          systemd.services.reads = {
            wantedBy = [ "multi-user.target" ];
            path = [ pkgs.coreutils ];
            serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
            script = ''cat "$CREDENTIALS_DIRECTORY/letter" >/run/read'';
          };
        }
        "#,
    )]);
    let values = scene.place("new-user.json");
    std::fs::write(&values, r#"{"letter": "dear"}"#).unwrap();
    let mut rebuild =
        scene.codchi.events(&["rebuild", "newcomer", "--secrets-from", values.to_str().unwrap()]);
    rebuild.until_phase("switch");
    let begin = Instant::now();
    let (code, events) = rebuild.finish();
    assert_eq!(code, 0, "{:#}", events.last().unwrap()["operation"]);
    // Waiting for each other they wait for 90 seconds.
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    assert_eq!(scene.codchi.exec("newcomer", &["cat", "/run/read"]), "dear");
    let owner = scene.codchi.exec("newcomer", &["stat", "-L", "-c", "%U", "/run/codchi/secrets/letter"]);
    assert_eq!(owner.trim(), "courier");
    scene.codchi.ok(&["delete", "newcomer", "--yes"]);
}
