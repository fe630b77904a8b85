//! Values: listed, refused, carried, changed.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use codchi_tests::{repo::Repo, scene::Scene};
use serde_json::{Value, json};

use crate::{asking, variable};

/// The machine `valued`, running, with these values.
fn valued(scene: &Scene) {
    let json = br#"{"token": "tok-valued", "key": "key"}"#;
    if scene.codchi.machine("valued") == Value::Null {
        let made =
            scene.codchi.run_with(&["init", "valued", &asking(scene).url(), "--secrets-from", "-"], json);
        assert_eq!(made.code, 0, "{made}");
    }
}

fn set(scene: &Scene, machine: &str, secret: &str, value: &[u8]) {
    let set = scene.codchi.run_with(&["secrets", "set", machine, secret], value);
    assert_eq!(set.code, 0, "{set}");
}

pub fn what_is_listed_has_no_values(scene: &mut Scene) {
    valued(scene);
    let listed = scene.codchi.ok(&["secrets", "list", "valued", "--json"]);
    assert!(!listed.stdout.contains("tok-valued"));
    let list = listed.json();
    let names: Vec<&str> =
        list["secrets"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["dsn", "key", "token"]);
    let token = &list["secrets"][2];
    let keys: Vec<&String> = token.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "kind", "module", "set", "optional", "changed"]);
    assert_eq!((&token["kind"], &token["module"]), (&json!("env"), &json!("asking")));
    assert_eq!((&token["set"], &list["secrets"][0]["set"]), (&json!(true), &json!(false)));
    assert_eq!(list["secrets"][0]["changed"], Value::Null);
    let table = scene.codchi.ok(&["secrets", "list", "valued"]);
    table.says("$TOKEN").says("/run/codchi/secrets/key").says("optional");
    assert!(!table.stdout.contains("tok-valued"));
    assert_eq!(scene.codchi.ok(&["secrets", "list", "valued", "token", "--reveal"]).stdout, "tok-valued");
    scene.codchi.fails(3, &["secrets", "list", "valued", "dsn", "--reveal"]).says("isn't set");
    scene.codchi.fails(3, &["secrets", "list", "valued", "nothing"]).says("asks for no secret");
    scene.codchi.fails(3, &["secrets", "list", "nowhere"]);
}

pub fn a_value_that_does_not_fit_changes_nothing(scene: &mut Scene) {
    valued(scene);
    let before = scene.wanted();
    let refuse = |secret: &str, value: &[u8], why: &str| {
        let refused = scene.codchi.run_with(&["secrets", "set", "valued", secret], value);
        assert_eq!(refused.code, 2, "{refused}");
        refused.says(why);
    };
    refuse("token", b"other-form", "tok-.+");
    refuse("token", b"tok-\0", "NUL");
    refuse("key", b"", "empty");
    refuse("key", &[b'k'; (64 << 10) + 1], "65536 are allowed");
    let unknown = scene.codchi.run_with(&["secrets", "set", "valued", "nothing"], b"x");
    assert_eq!(unknown.code, 3, "{unknown}");
    unknown.says("there are: dsn, key, token");
    assert_eq!(scene.wanted(), before);
    assert_eq!(scene.codchi.ok(&["secrets", "list", "valued", "token", "--reveal"]).stdout, "tok-valued");
}

pub fn any_bytes_reach_the_machine(scene: &mut Scene) {
    valued(scene);
    let every: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = every.iter().copied().cycle().take(64 << 10).collect();
    for key in [every.as_slice(), b"\n", b"'\"$(id)`id`\\\n", &large] {
        set(scene, "valued", "key", key);
        let there = scene.codchi.exec("valued", &["base64", "-w0", "/run/codchi/secrets/key"]);
        assert_eq!(there.trim(), BASE64.encode(key));
    }
    let hostile: [&[u8]; 5] = [
        b"\"a b\" 'c' $HOME $(id) `id` \\n\\",
        b"\n\nx\n",
        "\u{fc}\u{1f980}".as_bytes(),
        b"\x01\x7f\r\t!",
        b"#=;&|<>*?[]{}~",
    ];
    for value in hostile {
        set(scene, "valued", "dsn", value);
        assert_eq!(variable(scene, "valued", "DSN"), BASE64.encode(value), "{value:?}");
    }
    scene.codchi.ok(&["secrets", "unset", "valued", "dsn"]);
}

pub fn a_changed_value_is_there_at_once_and_after_a_restart(scene: &mut Scene) {
    valued(scene);
    set(scene, "valued", "token", b"tok-rotated");
    assert_eq!(variable(scene, "valued", "TOKEN"), BASE64.encode("tok-rotated"));
    scene.codchi.ok(&["restart", "valued"]);
    assert_eq!(variable(scene, "valued", "TOKEN"), BASE64.encode("tok-rotated"));
    let unit =
        "systemctl is-active uses && printf tok-rotated | sha256sum | cmp - /run/uses-token && echo same";
    let unit = scene.codchi.exec("valued", &["sh", "-c", unit]);
    assert_eq!(unit, "active\nsame");

    scene.codchi.ok(&["secrets", "unset", "valued", "token"]);
    assert_eq!(variable(scene, "valued", "TOKEN"), "", "gone from the machine too");
    let listed = scene.codchi.ok(&["secrets", "list", "valued", "--json"]).json();
    assert_eq!(listed["secrets"][2]["set"], false);
    set(scene, "valued", "token", b"tok-valued");
}

pub fn modules_of_the_older_form_work(scene: &mut Scene) {
    // The form that the options `codchi.secrets.env.NAME` of aformatik/codchi have.
    let module = r#"{ config, pkgs, ... }: {
      codchi.secrets.env.TEST_TOKEN.description = ''
        A token for tests.
      '';
      environment.systemPackages = [ (pkgs.writeShellScriptBin "show" "printf %s $CODCHI_TEST_TOKEN") ];
    }
    "#;
    let path = scene.place("older");
    let repo = Repo::module(path, "older", module);
    let json = br#"{"TEST_TOKEN": "older-value"}"#;
    let made = scene.codchi.run_with(&["init", "older", &repo.url(), "--secrets-from", "-"], json);
    assert_eq!(made.code, 0, "{made}");
    assert_eq!(scene.codchi.exec("older", &["show"]), "older-value");
    scene.codchi.ok(&["delete", "older", "--yes"]);
}
