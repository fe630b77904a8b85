//! Bad input is refused with a message that one understands, exit code 2 or 3, and nothing changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

use std::{collections::BTreeSet, fs, path::PathBuf, process::ExitCode};

use codchi_tests::{
    cli::Outcome,
    repo::Repo,
    scene::{Scene, files},
    suite::{self, Case},
};

const CASES: &[Case<Scene>] = &[
    Case { name: "names", run: names },
    Case { name: "addresses", run: addresses },
    Case { name: "a_token_is_kept_nowhere", run: a_token_is_kept_nowhere },
    Case { name: "repositories", run: repositories },
    Case { name: "a_hostile_repository_steers_nothing", run: a_hostile_repository_steers_nothing },
    Case { name: "arguments", run: arguments },
];

fn main() -> ExitCode {
    suite::main("bad_input", || Scene::new(&["--log-requests"]), CASES)
}

/// Files with their bytes, directories, instances and volumes.
type Everything = (Vec<(PathBuf, Vec<u8>)>, Vec<PathBuf>, BTreeSet<String>, BTreeSet<String>);

/// What must be the same before and after.
fn everything(scene: &Scene) -> Everything {
    let operations = files(&scene.codchi.data_dir().join("operations"));
    (scene.wanted(), operations, scene.instances(), scene.volumes())
}

/// Runs a command that must be refused: with this code, in words that contain these, and without consequences.
fn refused(scene: &Scene, code: i32, words: &[&str], args: &[&str]) -> Outcome {
    let before = everything(scene);
    let outcome = scene.codchi.fails(code, args);
    assert_eq!(everything(scene), before, "{outcome}");
    assert_eq!(outcome.stdout, "", "{outcome}");
    let said = &outcome.stderr;
    assert!(said.contains("error:"), "{outcome}");
    for word in words {
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "{word:?} isn't said: {outcome}");
    }
    let strange = said.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(strange, None, "nothing steers the terminal: {outcome}");
    assert!(said.lines().count() < 40 && said.len() < 6_000, "it fits on a screen: {outcome}");
    for ours in ["panicked", "RUST_BACKTRACE", "src/", "os error"] {
        assert!(!said.contains(ours), "{ours:?} is nothing for a user: {outcome}");
    }
    outcome
}

fn names(scene: &mut Scene) {
    let hello = scene.hello();
    let url = hello.url();
    let long = "a".repeat(300);
    let table: &[(&str, &[&str])] = &[
        ("", &["can't be empty"]),
        ("../x", &["../x", "letters"]),
        ("/etc/passwd", &["/etc/passwd"]),
        (".", &["letters"]),
        ("HELLO", &["already a machine 'hello'"]),
        ("Hello", &["already a machine 'hello'"]),
        (&long, &["300 characters", "48"]),
        ("bücher", &["ü", "letters"]),
        ("机器", &["letters"]),
        ("\u{202e}olleh", &["letters"]),
        ("-leading", &[]),
        ("--yes", &[]),
        ("trailing-", &["dash"]),
        ("1st", &["begin with a letter"]),
        ("a b", &["letters"]),
        ("a;reboot", &["letters"]),
        ("$(reboot)", &["letters"]),
        ("a\nb", &["letters"]),
        ("a\u{1b}[31mb", &["letters"]),
        ("controller", &["reserved"]),
        ("con", &["reserved"]),
    ];
    for (name, words) in table {
        refused(scene, 2, words, &["init", name, &url]);
        if !name.eq_ignore_ascii_case("hello") {
            for command in [
                &["start", name][..],
                &["rebuild", name],
                &["delete", "--yes", name],
                &["exec", name, "true"],
            ] {
                refused(scene, 2, words, command);
            }
        }
    }
    refused(scene, 2, &["-leading"], &["init", "--", "-leading", &url]);
    for command in
        ["start", "stop", "restart", "rebuild", "delete --yes", "exec", "logs", "module list", "generations"]
    {
        let words: Vec<&str> = command.split(' ').chain(["nobody"]).collect();
        refused(scene, 3, &["no machine 'nobody'"], &words);
    }
}

fn addresses(scene: &mut Scene) {
    scene.hello();
    let missing = scene.place("missing");
    let (file, git) = (format!("file://{}", missing.display()), format!("git+file://{}", missing.display()));
    let path = missing.display().to_string();
    let table: &[(&str, i32)] = &[
        ("", 2),
        (" ", 2),
        ("garbage", 2),
        ("%%%", 2),
        ("http://", 2),
        ("https:///x", 2),
        ("ext::sh -c 'touch /tmp/owned'", 2),
        ("git+ext::sh -c id", 2),
        ("--upload-pack=touch /tmp/owned", 2),
        ("-u", 2),
        ("git+ssh://-oProxyCommand=id/x", 2),
        ("git+file:///x\n--upload-pack=id", 2),
        ("https://example.invalid/a\nb", 2),
        ("github:a/b\r\nc", 2),
        ("github:only-owner", 2),
        ("github:../../etc", 2),
        ("javascript:alert(1)", 2),
        ("fd::17/foo", 2),
        ("data:text/plain,x", 2),
        ("git+file:///x?ref=--upload-pack=id", 2),
        ("git+file:///x?rev=zzz", 2),
        ("git+file:///x?unknown=1\u{1b}[2J", 2),
        (&file, 3),
        (&git, 3),
        (&path, 3),
    ];
    for (url, code) in table {
        let words: &[&str] = if *code == 3 { &["missing"] } else { &[] };
        refused(scene, *code, words, &["modules", "--", url]);
        refused(scene, *code, words, &["init", "x", "--", url]);
        refused(scene, *code, words, &["add", "hello", "--", url]);
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
    let hello = scene.example("hello").url();
    refused(scene, 3, &["no-such-branch"], &["modules", &hello, "--branch", "no-such-branch"]);
    refused(scene, 3, &[], &["modules", &hello, "--rev", &"0".repeat(40)]);
    refused(scene, 2, &[], &["modules", &hello, "--rev", "not-a-commit"]);
    refused(scene, 2, &[], &["modules", &hello, "--branch=--upload-pack=id"]);
}

fn a_token_is_kept_nowhere(scene: &mut Scene) {
    const TOKEN: &str = "gh0_5uperS3cretT0ken";
    scene.hello();
    let host = "example.invalid/acme/shop";
    for url in [
        format!("https://user:{TOKEN}@{host}"),
        format!("https://{TOKEN}@{host}.git"),
        format!("git+https://oauth2:{TOKEN}@{host}?ref=main"),
        format!("git+ssh://git:{TOKEN}@{host}"),
        format!("tarball+https://user:{TOKEN}@{host}.tar.gz"),
        format!("https://user:{TOKEN}@{host}#hello"),
        format!("https://user:{TOKEN}%40x@{host}"),
    ] {
        for command in [&["init", "x", &url][..], &["modules", &url], &["add", "hello", &url]] {
            let outcome = refused(scene, 2, &["password or token", "example.invalid"], command);
            assert!(!outcome.stderr.contains(TOKEN), "{outcome}");
        }
        let parsed = scene.codchi.ok(&["debug", "parse", "url", &url]);
        assert!(!parsed.stdout.contains(TOKEN), "{parsed}");
        assert_eq!(parsed.json()["token"], true, "{parsed}");
    }
    // What isn't an address at all isn't repeated either.
    for url in [
        format!("https://user:{TOKEN}@"),
        format!("https://user:{TOKEN}@exa mple/x"),
        format!("weird://user:{TOKEN}@{host}"),
    ] {
        let outcome = refused(scene, 2, &[], &["init", "x", &url]);
        assert!(!outcome.stderr.contains(TOKEN), "{outcome}");
        assert!(!scene.codchi.ok(&["debug", "parse", "url", &url]).stdout.contains(TOKEN));
    }
    let dirs = [scene.codchi.config_dir(), scene.codchi.data_dir(), scene.world.dir().join("home")];
    let mut looked_at = 0;
    for file in dirs.iter().flat_map(|dir| files(dir)).chain([scene.world.dir().join("daemon.log")]) {
        looked_at += 1;
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!found, "the token is in {}", file.display());
    }
    assert!(looked_at > 5, "{looked_at} files");
    let inside = scene.in_controller(&[
        "sh",
        "-c",
        &format!("grep -rl {TOKEN} /config /root /tmp /etc 2>/dev/null || true"),
    ]);
    assert_eq!(inside, "");
}

fn repositories(scene: &mut Scene) {
    scene.hello();
    let repo = |name: &str, files: &[(&str, &str)]| scene.repo(name, files);
    let module = |name: &str, body: &str| Repo::module(scene.place(name), "it", body);
    let table: Vec<(Repo, i32, &[&str])> = vec![
        (repo("no-flake", &[("README", "nothing here")]), 3, &["no flake.nix"]),
        (
            repo("no-modules", &[("flake.nix", "{ outputs = _: { packages = { }; }; }")]),
            3,
            &["no modules", "nixosModules.NAME"],
        ),
        (
            repo("empty-modules", &[("flake.nix", "{ outputs = _: { nixosModules = { }; }; }")]),
            3,
            &["no modules"],
        ),
        (
            repo("odd-modules", &[("flake.nix", "{ outputs = _: { nixosModules = 7; }; }")]),
            3,
            &["no modules"],
        ),
        (
            repo("syntax", &[("flake.nix", "{ outputs = _: { nixosModules.it = { ; }; }")]),
            2,
            &["syntax error", "flake.nix"],
        ),
        (repo("no-outputs", &[("flake.nix", "{ }")]), 2, &["outputs"]),
        (repo("not-a-set", &[("flake.nix", "[ 1 2 ]")]), 2, &[]),
        (repo("throws", &[("flake.nix", "{ outputs = _: throw \"go away\"; }")]), 2, &["go away"]),
        (
            repo("recursion", &[("flake.nix", "{ outputs = _: { nixosModules.it = let x = x; in x; }; }")]),
            2,
            &["infinite recursion"],
        ),
        (
            repo(
                "endless",
                &[("flake.nix", "{ outputs = _: { nixosModules = let f = x: f (x + 1); in f 0; }; }")],
            ),
            2,
            &[],
        ),
        (module("module-syntax", "{ environment.etc = "), 2, &["syntax error"]),
        (
            repo(
                "bad-input",
                &[(
                    "flake.nix",
                    "{ inputs.x.url = \"git+file:///nowhere/at-all\"; outputs = { x, ... }: { nixosModules.it = { }; }; }",
                )],
            ),
            3,
            &["/nowhere/at-all"],
        ),
    ];
    for (repo, code, words) in &table {
        let url = repo.url();
        refused(scene, *code, words, &["init", "x", &url]);
        refused(scene, *code, words, &["add", "hello", &url]);
    }
    // What a repository offers can be listed also where a module of it is broken.
    let broken = table.iter().find(|(repo, ..)| repo.path().ends_with("module-syntax")).unwrap();
    let listed = scene.codchi.ok(&["modules", &broken.0.url(), "--json"]).json();
    assert!(listed["modules"][0]["error"].as_str().unwrap().contains("syntax error"), "{listed:#}");
    refused(
        scene,
        3,
        &["no module 'other'", "there are: hello"],
        &["init", "x", &scene.example("hello").url(), "other"],
    );
    refused(scene, 2, &["nixpkgs"], &["init", "x", &scene.example("hello").url(), "--nixpkgs", "hello"]);
}

fn a_hostile_repository_steers_nothing(scene: &mut Scene) {
    scene.hello();
    let flake = r#"{
      nixConfig.sandbox = false;
      nixConfig.post-build-hook = "/tmp/owned";
      outputs = _: {
        nixosModules."\${builtins.abort \"x\"}" = { };
        nixosModules."quote\" ]; evil = [ \"" = { };
        nixosModules."line\nbreak" = { };
        nixosModules."\u001b[31mred" = { };
        nixosModules."${"$"}{x}" = { };
        nixosModules."secrets" = { environment.etc."x".text = builtins.getEnv "HOME"; };
        codchi.descriptions."secrets" = "bell \u0007 and \u001b]0;title\u0007";
      };
    }"#;
    let repo = scene.repo("hostile", &[("flake.nix", flake)]);
    let listed = scene.codchi.ok(&["modules", &repo.url()]);
    let strange = listed
        .stdout
        .chars()
        .chain(listed.stderr.chars())
        .find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(strange, None, "{listed:?}");
    let offered = scene.codchi.ok(&["modules", &repo.url(), "--json"]).json();
    let names: Vec<_> =
        offered["modules"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 6, "{offered:#}");
    // A module with any name can be taken: its name is a name and nothing else.
    scene.codchi.ok(&[&["init", "hostile", "--no-start", &repo.url()], &names[..]].concat());
    let flake = scene.in_controller(&["cat", "/config/machines/hostile/flake.nix"]);
    assert!(!flake.contains("evil = [ \""), "{flake}");
    let secrets =
        scene.in_controller(&["sh", "-c", "cat /nix/var/nix/profiles/per-instance/hostile/system/etc/x"]);
    assert_eq!(secrets.trim(), "", "evaluation sees no environment");
    scene.codchi.ok(&["delete", "hostile", "--yes"]);
}

fn arguments(scene: &mut Scene) {
    let hello = scene.hello().url();
    for args in [
        &["frobnicate"][..],
        &["init"],
        &["init", "x"],
        &["init", "x", &hello, "--empty"],
        &["init", "x", &hello, "--branch", "a", "--tag", "b"],
        &["init", "x", &hello, "--driver", "docker"],
        &["init", "x", &hello, "--driver", "wsl"],
        &["rebuild"],
        &["rebuild", "hello", "hello"],
        &["status", "--nonsense"],
        &["logs", "--operation", "not-an-id"],
        &["completion", "teletype"],
        &["delete", "hello"],
    ] {
        refused(scene, 2, &[], args);
    }
    refused(scene, 3, &["no operation"], &["logs", "--operation", "019a2b3c-4d5e-7f60-8123-456789abcdef"]);
    let odd = scene.codchi.clone().env("CODCHI_DRIVER", "docker");
    let outcome = odd.run(&["status"]);
    assert_eq!(outcome.code, 2, "{outcome}");
    outcome.says("docker");
}
