//! Running Nix: what is asked, what the answers mean, how it ends.

use std::time::Duration;

use codchi_controller::{
    access::{Access, Credential, CredentialOrigin},
    nix::{Nix, NixError, StorePath},
    secret::SecretValue,
};

use super::*;
use crate::controller::{
    exec::{self, Command, Input, Limits},
    mirror::copy_of,
};

const SYSTEM: &str = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-nixos-system-unnamed-26.05";
const LOCK: &str = include_str!("../../../tests/data/machine.lock");

fn derivation() -> StorePath {
    StorePath(format!("{SYSTEM}.drv"))
}

fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix-log/2.26.3").join(name)).unwrap()
}

#[tokio::test]
async fn every_run_is_locked_down() {
    let world = World::new().await;
    let answer =
        format!(r#"{{"derivation":"{}","requirements":{{"capabilities":["kvm"]}}}}"#, derivation().0);
    world.on(&["nix"], Answer::stdout(answer));
    let evaluation = world.nix.evaluate(&machine(), &spec(&[]), world.run()).await.unwrap();
    assert_eq!(evaluation.derivation, derivation());
    assert_eq!(evaluation.requirements.capabilities, ["kvm"]);
    let spec = world.inside.ran.lock().unwrap().first().unwrap().clone();
    let argv = spec.argv.join(" ");
    for part in [
        "--option accept-flake-config false",
        "--option allow-import-from-derivation false",
        "--no-write-lock-file",
        "--no-update-lock-file",
        "--log-format internal-json",
        "path:/config/machines/shop#codchi",
    ] {
        assert!(argv.contains(part), "{part} is missing in {argv}");
    }
    assert_eq!(spec.env["NIX_REMOTE"], "daemon");
    assert!(spec.env["XDG_CACHE_HOME"].starts_with("/config/cache/"));
    assert_eq!(spec.env["GIT_TERMINAL_PROMPT"], "0");
}

#[tokio::test]
async fn what_is_collected_before_it_is_kept_is_made_again() {
    let world = World::new().await;
    let answer = format!(r#"{{"derivation":"{}","requirements":{{}}}}"#, derivation().0);
    world.on(&["nix"], Answer::stdout(answer));
    let keep = ["nix", "--extra-experimental-features", "nix-command", "build"];
    world.on(
        &keep,
        Answer::failed("error: path is required, but there is no substituter that can build it\n"),
    );
    let gone = Answer::failed(format!("error: path '{}' is not valid\n", derivation().0));
    world.on(&["nix-store", "--check-validity"], gone);
    let error = world.nix.evaluate(&machine(), &spec(&[]), world.run()).await.unwrap_err();
    assert!(error.to_string().contains("collected as garbage"), "{error}");
    let ran = world.ran("nix");
    let order: Vec<_> =
        ran.iter().map(|argv| argv.iter().find(|word| ["eval", "build"].contains(&&***word))).collect();
    assert_eq!(order[..3], [Some(&"eval".into()), Some(&"build".into()), Some(&"eval".into())], "made again");
    let kept = &ran[1];
    assert_eq!(kept[kept.len() - 2..], ["/nix/var/nix/gcroots/builds/shop".to_owned(), derivation().0]);

    world.on(&["nix-store", "--check-validity"], Answer::default());
    let error = world.nix.evaluate(&machine(), &spec(&[]), world.run()).await.unwrap_err();
    assert!(error.to_string().contains("no substituter"), "it is there, something else is wrong: {error}");
}

#[tokio::test]
async fn nix_sees_only_what_a_run_is_for() {
    let world = World::new().await;
    let (own, other) = (world.host("own"), world.host("other"));
    repository(&own);
    repository(&other);
    world.on(&["nix"], Answer::failed("error: no\n"));
    let url = |path: &Path| format!("git+file://{}", path.display());
    let both = spec(&[(&url(&own), "a"), ("github:acme/web", "b")]);
    world.nix.evaluate(&machine(), &both, world.run()).await.unwrap_err();
    world.nix.modules(&world.nix.parse_source(&url(&own), None).unwrap(), world.run()).await.unwrap_err();
    world.nix.resolve(&machine(), &both, None, false, world.run()).await.unwrap_err();
    let views = world.inside.views.lock().unwrap().clone();
    let hidden = "--hide /config/machines --hide /config/roots --hide /config/repositories --hide /config/discovery \
                  --hide /config/cache --hide /nix/var/nix/profiles --hide /nix/var/nix/gcroots --hide /instances";
    let of_machine =
        format!("{hidden} --keep /config/machines/shop --keep {} --keep /config/cache/", copy_of(&own));
    let of_repository =
        format!("{hidden} --keep /config/discovery --keep {} --keep /config/cache/", copy_of(&own));
    assert!(views[0].starts_with(&of_machine), "{}", views[0]);
    assert!(views[1].starts_with(&of_repository), "{}", views[1]);
    assert_eq!(views.last(), views.first());
    let cache = |view: &str| view.rsplit('/').next().map(str::to_owned);
    assert_ne!(cache(&views[0]), cache(&views[1]), "they have other sources");
    assert!(views.iter().all(|view| !view.contains(&copy_of(&other))));
    // A machine of this repository alone finds what was fetched for the look at it.
    world.nix.evaluate(&machine(), &spec(&[(&url(&own), "a")]), world.run()).await.unwrap_err();
    let alone = world.inside.views.lock().unwrap().last().cloned().unwrap();
    assert_eq!(cache(&alone), cache(&views[1]));
}

#[tokio::test]
async fn modules_cannot_smuggle_an_argument() {
    let world = World::new().await;
    for derivation in ["--option", "/nix/store", "/etc/x.drv", SYSTEM, "/nix/store/../x.drv"] {
        world.on(&["nix"], Answer::stdout(format!(r#"{{"derivation":"{derivation}","requirements":{{}}}}"#)));
        assert!(matches!(
            world.nix.evaluate(&machine(), &spec(&[]), world.run()).await,
            Err(NixError::Failed { .. })
        ));
    }
}

#[tokio::test]
async fn what_was_evaluated_is_built() {
    let world = World::new().await;
    world.on(&["nix", "build"], Answer::stdout(format!("{SYSTEM}\n")));
    let system = world.nix.build(&machine(), &derivation(), world.run()).await.unwrap();
    assert_eq!(system, StorePath(SYSTEM.into()));
    let spec = world.inside.ran.lock().unwrap().last().unwrap().clone();
    assert!(spec.argv.contains(&format!("{SYSTEM}.drv^out")), "{:?}", spec.argv);
}

#[tokio::test]
async fn failures_are_explained() {
    let world = World::new().await;
    let build = async |log: &str| {
        world.on(&["nix", "build"], Answer::failed(recorded(log)));
        world.nix.build(&machine(), &derivation(), world.run()).await.unwrap_err()
    };
    match build("dep.log").await {
        NixError::Build { derivation, cause, last_lines } => {
            assert_eq!((derivation.as_str(), cause.as_str()), ("bad-2.3", "main.c:12:5: error: expected ;"));
            assert_eq!(last_lines.len(), 2);
        }
        other => panic!("{other:?}"),
    }
    match build("eval-recursion.log").await {
        NixError::Evaluation { what, cause, trace } => {
            assert_eq!(what, "the machine's configuration");
            assert_eq!(cause, "infinite recursion encountered at flake.nix:30:27");
            assert!(trace.contains("let x = x; in x") && !trace.contains('\u{1b}'));
        }
        other => panic!("{other:?}"),
    }
    match build("eval-fetch.log").await {
        NixError::Fetch { url, reason, missing } => {
            assert_eq!(url, "https://example.invalid/x.tar.gz");
            assert!(reason.contains("can't be resolved") && !missing);
        }
        other => panic!("{other:?}"),
    }
    world.on(&["nix", "build"], Answer::failed("error: cannot connect to socket\n"));
    match world.nix.build(&machine(), &derivation(), world.run()).await.unwrap_err() {
        NixError::Failed { message, .. } => assert_eq!(message, "error: cannot connect to socket"),
        other => panic!("{other:?}"),
    }
    world.on(&["nix", "build"], Answer::stdout("/etc/passwd\n"));
    assert!(matches!(
        world.nix.build(&machine(), &derivation(), world.run()).await,
        Err(NixError::Failed { .. })
    ));
}

/// A program that never ends; tells when it is gone.
fn endless(world: &World) -> tokio::sync::mpsc::Receiver<()> {
    struct Gone(tokio::sync::mpsc::Sender<()>);
    impl Drop for Gone {
        fn drop(&mut self) {
            let _ = self.0.try_send(());
        }
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    world.fake.on_exec(move |process| {
        let gone = Gone(sender.clone());
        async move {
            let _held = (gone, process);
            std::future::pending().await
        }
    });
    receiver
}

#[tokio::test]
async fn a_cancelled_run_is_ended() {
    let world = World::new().await;
    let mut gone = endless(&world);
    let cancel = world.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    });
    assert!(matches!(
        world.nix.build(&machine(), &derivation(), world.run()).await,
        Err(NixError::Cancelled)
    ));
    gone.recv().await.unwrap();
}

#[tokio::test]
async fn an_abandoned_run_is_ended() {
    let world = World::new().await;
    let mut gone = endless(&world);
    let machine = machine();
    let derivation = derivation();
    let build = world.nix.build(&machine, &derivation, world.run());
    assert!(tokio::time::timeout(Duration::from_millis(50), build).await.is_err());
    gone.recv().await.unwrap();
}

#[tokio::test]
async fn discovery_has_limits() {
    let world = World::new().await;
    let source = world.nix.parse_source("github:o/r", None).unwrap();
    world.on(&["nix", "eval"], Answer::stdout(vec![b' '; 17 << 20]));
    match world.nix.modules(&source, world.run()).await.unwrap_err() {
        NixError::Limit { limit, .. } => assert_eq!(limit, "it printed more than 16 MiB"),
        other => panic!("{other:?}"),
    }
    let mut gone = endless(&world);
    let limits = Limits { time: Some(Duration::from_millis(50)), stdout: 1 };
    let command =
        Command { action: "wait", spec: ControllerNix::command(["sleep"]), limits, stdin: Input::Nothing };
    match exec::run(&world.fake, command, None, &mut |_| {}).await {
        Err(NixError::Limit { action, limit }) => {
            assert_eq!((action.as_str(), limit.as_str()), ("wait", "it took more than 0 s"));
        }
        _ => panic!("it ended"),
    }
    gone.recv().await.unwrap();
}

#[tokio::test]
async fn what_was_killed_is_not_looked_at_again() {
    let world = World::new().await;
    let source = world.nix.parse_source("github:o/r", None).unwrap();
    let said = r#"@nix {"action":"msg","level":0,"msg":"error: interrupted while evaluating"}"#;
    world.on(&["nix", "eval"], Answer { code: 137, ..Answer::failed(format!("{said}\n")) });
    match world.nix.modules(&source, world.run()).await.unwrap_err() {
        NixError::Failed { message, .. } => assert!(message.contains("ended from outside"), "{message}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.ran("nix").len(), 1);
}

#[tokio::test]
async fn discovery_tells_what_a_repository_offers() {
    let world = World::new().await;
    let source = world.nix.parse_source("https://me:pw@github.com/o/r", None).unwrap();
    let offer = r#"{"rev": "0123456789abcdef0123456789abcdef01234567", "directNixpkgs": true, "nixConfig": true,
        "strange": ["codchiModules"], "modules": [
            {"path": ["nixosModules", "a b"], "description": "One\u001b[2J line", "error": null},
            {"path": ["nixosModules", "c"], "description": null, "error": "it is a int"}]}"#;
    world.on(&["nix", "eval"], Answer::stdout(offer));
    let found = world.nix.modules(&source, world.run()).await.unwrap();
    assert_eq!(found.url, "github:o/r");
    assert_eq!(found.modules[0].attr, r#"nixosModules."a b""#);
    assert_eq!(found.modules[0].description.as_deref(), Some("One line"));
    assert_eq!(found.modules[1].error.as_deref(), Some("it is a int"));
    assert!(found.nixpkgs.direct);
    let codes: Vec<_> = found.problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["nix_config_ignored", "credentials_ignored", "not_modules"]);
    let argv = world.ran("nix").concat().join(" ");
    assert!(argv.contains("--override-input repository github:o/r --extra"), "{argv}");
    assert!(argv.contains("--refresh"), "{argv}");
    assert!(world.file("/config/discovery", "offer.nix").is_some());

    let empty = r#"{"rev": null, "directNixpkgs": false, "nixConfig": false, "strange": [], "modules": []}"#;
    world.on(&["nix", "eval"], Answer::stdout(empty));
    let found = world.nix.modules(&source, world.run()).await.unwrap();
    assert_eq!(found.problems[0].code, "no_modules");
}

/// The lock of the recording, for a machine with this one module.
const HELLO: (&str, &str) = ("git+https://h/hello?ref=main", "hello");

fn lock() -> String {
    LOCK.replace("file:///config/hello", "https://h/hello")
}

const HASHES: &str = "sha256-5Yu0RFJI85KncnWGDZ7Rmaqskakf9z0FxO6+rD7WrQA=\nsha256-2bHX5Bin/ba4xCXcPKMzXzIMrl6Oxp0YRXcFmTBpOQQ=\n";

#[tokio::test]
async fn a_complete_lock_is_kept() {
    let world = World::new().await;
    world.on(&["nix", "--extra-experimental-features", "nix-command", "hash"], Answer::stdout(HASHES));
    let kept =
        world.nix.resolve(&machine(), &spec(&[HELLO]), Some(&lock()), false, world.run()).await.unwrap();
    assert_eq!(kept, lock());
    assert_eq!(world.ran("nix").len(), 1, "only the hashes are looked at");
    assert!(world.file("/config/machines/shop", "flake.nix").unwrap().contains(HELLO.0));
    let machine: MachineSpec =
        serde_json::from_str(&world.file("/config/machines/shop", "machine.json").unwrap()).unwrap();
    assert_eq!(machine, spec(&[HELLO]));
}

#[tokio::test]
async fn only_what_needs_it_is_locked_anew() {
    let world = World::new().await;
    world.on(&["nix"], Answer::default());
    world.on(&["nix", "--extra-experimental-features", "nix-command", "hash"], Answer::stdout(HASHES));
    let args = async |spec: &MachineSpec, lock: Option<&str>, update: bool| {
        world.ran("nix");
        world.nix.resolve(&machine(), spec, lock, update, world.run()).await.unwrap();
        let ran = world.ran("nix").pop().unwrap();
        ran[1..]
            .iter()
            .take_while(|arg| *arg != "--extra-experimental-features")
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let flake = "path:/config/machines/shop";
    let one = spec(&[HELLO]);
    assert_eq!(args(&one, None, false).await, format!("flake lock {flake}"));
    assert_eq!(args(&one, Some("damaged"), false).await, format!("flake lock {flake}"));
    assert_eq!(args(&one, Some(&lock()), true).await, format!("flake update --refresh --flake {flake}"));
    let two = spec(&[HELLO, ("github:o/r", "web")]);
    assert_eq!(args(&two, Some(&lock()), false).await, format!("flake lock {flake}"));
    // The shipped nixpkgs is another one: an upgrade.
    let changed = HASHES.replace("2bHX5", "AAAAA");
    world.on(&["nix", "--extra-experimental-features", "nix-command", "hash"], Answer::stdout(changed));
    assert_eq!(args(&one, Some(&lock()), false).await, format!("flake update codchi --flake {flake}"));
}

#[tokio::test]
async fn the_server_is_asked_for_newer_commits() {
    let world = World::new().await;
    let rev = "91684cff7f63676e73af64a099813afcc414777f";
    let unchanged = async || world.nix.inputs_unchanged(&spec(&[HELLO]), &lock(), &NOTHING).await;
    world.on(&["git", "ls-remote"], Answer::stdout(format!("{rev}\trefs/heads/main\n")));
    assert!(unchanged().await);
    let asked = world.ran("git").pop().unwrap();
    assert_eq!(asked[3..], ["--", "https://h/hello", "refs/heads/main", "refs/heads/main^{}"]);
    world.on(&["git", "ls-remote"], Answer::stdout(format!("{}\trefs/heads/main\n", rev.replace('9', "8"))));
    assert!(!unchanged().await);
    world.on(&["git", "ls-remote"], Answer::stdout(""));
    assert!(!unchanged().await, "the branch is gone");
    world.on(&["git", "ls-remote"], Answer::failed("fatal: no network"));
    assert!(!unchanged().await);
    assert!(!world.nix.inputs_unchanged(&spec(&[("https://h/x.tar.gz", "hello")]), &lock(), &NOTHING).await);
}

#[tokio::test]
async fn generations_come_and_are_not_repeated() {
    let world = World::new().await;
    let dir = "/nix/var/nix/profiles/per-instance/shop";
    let links = format!(
        "1700000000 '{dir}/system' -> 'system-1-link'\n1700000000 '{dir}/system-1-link' -> '{SYSTEM}'\n"
    );
    world.on(&["find"], Answer::stdout(links));
    world.on(&["/bin/ctrl-serve"], Answer::default());
    let same = world.nix.install(&machine(), &StorePath(SYSTEM.into())).await.unwrap();
    assert_eq!((same.number, same.current), (1, true));
    assert!(world.ran("/bin/ctrl-serve").is_empty());
    let other = StorePath(SYSTEM.replace("unnamed", "other"));
    assert!(world.nix.install(&machine(), &other).await.is_err(), "the profile still points to the old one");
    assert_eq!(world.ran("/bin/ctrl-serve")[0][1..], ["add-generation", dir, &other.0]);
    world.nix.set_generation(&machine(), 1).await.unwrap();
    assert_eq!(world.ran("/bin/ctrl-serve")[0][1..], ["switch-generation", dir, "1"]);
    world.on(&["find"], Answer::failed(format!("find: '{dir}': No such file or directory\n")));
    assert!(world.nix.generations(&machine()).await.unwrap().is_empty());
    world.on(&["/bin/ctrl-serve"], Answer::failed("ctrl-serve: the profile has no generation 9\n"));
    let error = world.nix.set_generation(&machine(), 9).await.unwrap_err();
    assert_eq!(error.to_string(), "go to generation 9: ctrl-serve: the profile has no generation 9");
}

#[tokio::test]
async fn only_what_is_known_is_remembered() {
    let world = World::new().await;
    world.on(&["find"], Answer::stdout("gone\nshop\nnot a machine\nshop\n"));
    world.on(&["rm"], Answer::default());
    world.nix.forget_others(&[machine()].into()).await.unwrap();
    let removed = world.ran("rm").concat();
    let removed: Vec<_> = removed.iter().filter(|word| word.starts_with("/config/")).collect();
    assert!(removed.contains(&&"/config/roots/gone".to_owned()), "{removed:?}");
    assert!(removed.iter().all(|path| path.contains("/gone")), "{removed:?}");
}

#[tokio::test]
async fn a_branch_or_commit_can_be_said_beside_the_address() {
    let world = World::new().await;
    let parse = |url: &str, name: &str, value: &str| world.nix.parse_source(url, Some((name, value.into())));
    assert_eq!(parse("github:o/r", "ref", "dev").unwrap().url, "github:o/r/dev");
    assert_eq!(parse("/x", "ref", "refs/tags/v1").unwrap().url, "git+file:///x?ref=refs/tags/v1");
    assert_eq!(parse("github:o/r", "rev", "x").unwrap_err().code, "bad_rev");
    assert_eq!(parse("github:o/r/main", "ref", "dev").unwrap_err().code, "bad_ref");
}

#[tokio::test]
async fn access_is_streamed_and_only_its_paths_are_told() {
    const TOKEN: &str = "t0p-s3cret-token";
    let world = World::new().await;
    world.on(&["/bin/ctrl-serve", "with-access"], Answer::failed("error: no\n"));
    let access = Access {
        credentials: vec![Credential {
            archive: false,
            origin: CredentialOrigin::Token,
            host: "git.example.org".into(),
            owners: vec!["acme".into()],
            forge: None,
            user: "me".into(),
            secret: SecretValue::new(TOKEN).unwrap(),
        }],
        ..Access::default()
    };
    let run = Run { access: &access, ..world.run() };
    world.nix.evaluate(&machine(), &spec(&[]), run).await.unwrap_err();
    let wrapped = world.ran("/bin/ctrl-serve");
    let [wrapped] = wrapped.as_slice() else { panic!("{wrapped:?}") };
    assert_eq!(
        (wrapped[1].as_str(), wrapped[3].as_str(), wrapped[5].as_str()),
        ("with-access", "--", "confine")
    );
    assert!(wrapped.iter().all(|argument| !argument.contains(TOKEN)), "{wrapped:?}");
    let read = world.inside.granted.lock().unwrap().clone();
    let length = u32::from_be_bytes(read[..4].try_into().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), read.len() - 4);
    let header: serde_json::Value = serde_json::from_slice(&read[4..]).unwrap();
    assert!(header["files"].to_string().contains(TOKEN));
    assert!(!header["variables"].to_string().contains(TOKEN), "{header}");
    assert!(header["variables"]["NIX_CONF_DIR"].is_string() && header["files"][0][1].is_string(), "{header}");
    // What is built gets nothing.
    world.on(&["nix", "build"], Answer::failed("error: no\n"));
    world.nix.build(&machine(), &derivation(), run).await.unwrap_err();
    assert_eq!(world.ran("nix").len(), 1);
}
