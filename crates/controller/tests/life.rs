//! Duplicating, renaming, exporting and importing, over the engine and the stores in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::path::PathBuf;

use codchi_controller::{
    Dialogue, Duplicate, ExportRequest, ImportRequest,
    driver::{DriverError, InstanceState, Role, fake::FakeProcess, fake::Method},
    failure::Failure,
    nix::{HostSecretRequests, Requirements, SecretRequest},
    operation::{Door, Operation, OperationState, Phase},
    secret::{GivenAnswers, HostSecret, SecretId, SecretStore as _, SecretValue},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use world::{World, name, new};

const DOOR: Door = Door::CommandLine;

fn value(text: &str) -> SecretValue {
    SecretValue::new(text).unwrap()
}

fn id(machine: &str) -> SecretId {
    SecretId::Machine { machine: name(machine), secret: "token".into() }
}

/// A world whose modules ask for a token and the SSH agent; its machines have a file, which is packed and unpacked.
fn world() -> World {
    let world = World::new();
    let token = SecretRequest {
        description: "A token".into(),
        kind: "env".into(),
        env: Some("TOKEN".into()),
        path: None,
        owner: None,
        group: None,
        mode: None,
        optional: false,
        pattern: None,
        module: Some(0),
    };
    world.nix.state().requirements = Requirements {
        secrets: [("token".to_owned(), token)].into(),
        host_secrets: HostSecretRequests { ssh_agent: true, ..HostSecretRequests::default() },
        ..Requirements::default()
    };
    world.nix.state().keep_generations = true;
    world.driver.on_exec(|mut process: FakeProcess| async move {
        let argv: Vec<String> = process.spec.argv.clone();
        let idle = process.environment().contains_key("CODCHI_IDLE");
        match argv.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [_, "deliver", ..] => {
                process.stdin.read_to_end(&mut Vec::new()).await.unwrap();
                0
            }
            [_, "pack"] => {
                let files = process.read("/files").unwrap_or_default();
                process.stdout.write_all(&files).await.unwrap();
                0
            }
            [_, "unpack"] => {
                let mut files = Vec::new();
                process.stdin.read_to_end(&mut files).await.unwrap();
                process.write("/files", files).unwrap();
                i32::from(!idle)
            }
            [_, "forget-identity"] => {
                process.write("/identity", "").unwrap();
                i32::from(!idle)
            }
            ["write", text] => i32::from(process.write("/files", text.as_bytes()).is_err()),
            ["read", path] => {
                let bytes = process.read(path).unwrap_or_else(|_| b"nothing".to_vec());
                process.stdout.write_all(&bytes).await.unwrap();
                0
            }
            _ => world::machine(process).await,
        }
    });
    world
}

impl World {
    /// The machine `web`, running, with its token, its consent and its file.
    async fn web(&self) {
        let answers = GivenAnswers {
            secrets: [("token".to_owned(), value("s3cret-token"))].into(),
            host_secrets: [(HostSecret::SshAgent, true)].into(),
            ..GivenAnswers::default()
        };
        let mut web = new("web", "repo");
        web.dialogue = Dialogue { answers, ..Dialogue::default() };
        let operation = self.controller.init(web, DOOR).await.unwrap();
        self.succeeds(operation).await;
        self.exec("web", &["write", "its files"]).await;
    }

    async fn succeeds(&self, operation: Operation) -> Operation {
        let ended = self.end(operation.id).await;
        assert_eq!(ended.state, OperationState::Succeeded, "{:?}", ended.failure);
        ended
    }

    /// What a command in a machine's container says.
    async fn exec(&self, machine: &str, argv: &[&str]) -> String {
        use codchi_controller::driver::{Driver as _, ExecSpec};
        let instance = Role::Machine(name(machine)).instance();
        let exec = self.driver.exec(&instance, ExecSpec::new(argv.iter().copied())).await.unwrap();
        let output = exec.output().await.unwrap();
        assert_eq!(output.code, 0, "{argv:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn name_is_free(&self, machine: &str) {
        let operation = self.controller.init(new(machine, "repo"), DOOR).await.unwrap();
        self.waits_for(operation.id).await;
        self.controller.cancel(operation.id).unwrap();
        assert_eq!(self.end(operation.id).await.state, OperationState::Cancelled);
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("web.codchi")
    }

    fn config_of(&self, machine: &str) -> PathBuf {
        self.config().join("machines").join(machine)
    }

    fn allowed_agent(&self, machine: &str) -> Option<bool> {
        let (_, host) = self.controller.secrets(&name(machine)).unwrap();
        host.iter().find(|one| one.secret == HostSecret::SshAgent).and_then(|one| one.allowed)
    }
}

fn duplicate(to: &str, secrets: bool, data: bool) -> Duplicate {
    Duplicate {
        machine: name("web"),
        name: name(to),
        data,
        secrets,
        start: true,
        dialogue: Dialogue::default(),
    }
}

fn import(world: &World, to: Option<&str>, passphrase: Option<&str>) -> ImportRequest {
    ImportRequest {
        path: world.file(),
        name: to.map(name),
        passphrase: passphrase.map(value),
        start: true,
        dialogue: Dialogue::default(),
    }
}

#[tokio::test]
async fn a_duplicate_has_the_files_and_what_was_said_of_the_secrets() {
    let world = world();
    world.web().await;
    let operation = world.controller.duplicate(duplicate("copy", true, true), DOOR).await.unwrap();
    world.succeeds(operation).await;
    assert_eq!(world.exec("copy", &["read", "/files"]).await, "its files");
    assert_eq!(world.exec("copy", &["read", "/identity"]).await, "", "it is another machine");
    assert_eq!(world.exec("web", &["read", "/identity"]).await, "nothing");
    assert_eq!(world.stores[0].get(&id("copy")).await.unwrap(), Some(value("s3cret-token")));
    assert_eq!(world.allowed_agent("web"), Some(true));
    assert_eq!(world.allowed_agent("copy"), None, "consent is asked for again");
    let lock = |machine: &str| std::fs::read(world.config_of(machine).join("flake.lock")).unwrap();
    assert_eq!(lock("copy"), lock("web"));
    let copy = world.driver.instance(&Role::Machine(name("copy")).instance()).unwrap();
    assert_eq!(copy.state, InstanceState::Running);
    assert!(!copy.environment.contains_key("CODCHI_IDLE"));

    // Without the secrets it waits; without the files it has none.
    let operation = world.controller.duplicate(duplicate("empty", false, false), DOOR).await.unwrap();
    let asks = world.waits_for(operation.id).await;
    assert_eq!(asks.secrets.len(), 1);
    let given = GivenAnswers { secrets: [("token".into(), value("another"))].into(), ..Default::default() };
    world.controller.answer(&name("empty"), &given, DOOR).await.unwrap();
    world.succeeds(operation).await;
    assert_eq!(world.exec("empty", &["read", "/files"]).await, "nothing");

    let taken = world.controller.duplicate(duplicate("copy", true, true), DOOR).await.unwrap_err();
    assert!(taken.to_string().contains("already a machine 'copy'"), "{taken}");
}

#[tokio::test]
async fn a_copy_that_failed_is_finished_by_the_same_command_and_by_nothing_else() {
    let world = world();
    world.web().await;
    let broken = || DriverError::Engine { action: "copy".into(), message: "no room".into() };
    world.driver.fail_nth(Method::Copy, 1, broken);
    let operation = world.controller.duplicate(duplicate("copy", true, true), DOOR).await.unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Failed);
    for refused in [
        world.controller.init(new("copy", "repo"), DOOR).await.unwrap_err(),
        world
            .controller
            .duplicate(Duplicate { machine: name("copy"), ..duplicate("copy", true, true) }, DOOR)
            .await
            .unwrap_err(),
    ] {
        let why = Failure::from(refused);
        assert!(why.message.contains("unfinished a copy of 'web'"), "{}", why.message);
        assert!(why.hints.iter().any(|hint| hint.contains("codchi rebuild copy")), "{:?}", why.hints);
    }
    let other = world.another_process();
    let operation = other.duplicate(duplicate("copy", true, true), DOOR).await.unwrap();
    world.succeeds(operation).await;
    assert_eq!(world.exec("copy", &["read", "/files"]).await, "its files");
}

#[tokio::test]
async fn a_machine_without_its_system_is_stopped_by_whoever_works_on_it_next() {
    let world = world();
    world.web().await;
    let gone = || DriverError::Engine { action: "stop".into(), message: "no".into() };
    // What ends the idling fails as if its process were gone.
    world.driver.fail_nth(Method::Stop, 1, gone);
    let operation = world.controller.duplicate(duplicate("copy", true, true), DOOR).await.unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Failed);
    let instance = Role::Machine(name("copy")).instance();
    assert!(world.driver.instance(&instance).unwrap().environment.contains_key("CODCHI_IDLE"));
    let operation = world.controller.duplicate(duplicate("copy", true, true), DOOR).await.unwrap();
    world.succeeds(operation).await;
    assert!(!world.driver.instance(&instance).unwrap().environment.contains_key("CODCHI_IDLE"));
}

#[tokio::test]
async fn a_renamed_machine_is_the_same_one() {
    let world = world();
    world.web().await;
    let before = std::fs::read(world.config_of("web").join("machine.json")).unwrap();
    let operation = world.controller.rename(&name("web"), &name("shop"), DOOR).unwrap();
    let ended = world.succeeds(operation).await;
    assert_eq!(ended.machine, Some(name("shop")));
    let status = world.controller.status().await.unwrap();
    let names: Vec<&str> = status.machines.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(names, ["shop"]);
    assert_eq!(std::fs::read(world.config_of("shop").join("machine.json")).unwrap(), before);
    assert_eq!(world.exec("shop", &["read", "/files"]).await, "its files");
    assert_eq!(world.stores[0].ids(), [id("shop")]);
    assert_eq!(world.allowed_agent("shop"), Some(true), "it is the same machine");
    let instance = world.driver.instance(&Role::Machine(name("shop")).instance()).unwrap();
    assert_eq!(
        (instance.state, instance.environment["CODCHI_MACHINE"].as_str()),
        (InstanceState::Running, "shop")
    );
    let all = world.controller.operations(Some(&name("shop")), 10);
    assert_eq!(all.len(), 2, "what was done before belongs to it");
    let operation = world.controller.rebuild(&name("shop"), false, false, Dialogue::default(), DOOR).unwrap();
    let rebuilt = world.succeeds(operation).await;
    assert!(!rebuilt.outcome.unwrap().changed, "nothing has to be built");
    world.name_is_free("web").await;
}

#[tokio::test]
async fn names_that_cannot_be_given_change_nothing() {
    let world = world();
    world.web().await;
    let operation = world.controller.duplicate(duplicate("other", true, false), DOOR).await.unwrap();
    world.succeeds(operation).await;
    for (from, to, says) in [
        ("web", "other", "already a machine 'other'"),
        ("web", "WEB", "nothing but case"),
        ("nobody", "somebody", "no machine 'nobody'"),
    ] {
        let refused = world.controller.rename(&name(from), &name(to), DOOR).unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    world.exec("web", &["read", "/files"]).await;
}

#[tokio::test]
async fn a_renaming_that_fails_leaves_the_machine_and_one_that_was_interrupted_is_finished() {
    let world = world();
    world.web().await;
    let broken = || DriverError::Engine { action: "rename".into(), message: "no".into() };
    world.driver.fail_nth(Method::Rename, 1, broken);
    let operation = world.controller.rename(&name("web"), &name("shop"), DOOR).unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Failed);
    assert_eq!(world.stores[0].ids(), [id("web")]);
    let operation = world.controller.start(&name("web"), DOOR).unwrap();
    world.succeeds(operation).await;

    // The volume of the old name can't be removed: the machine has its new name, and the rest is open.
    world.driver.fail_nth(Method::DeleteVolume, 1, broken);
    let operation = world.controller.rename(&name("web"), &name("shop"), DOOR).unwrap();
    let failed = world.end(operation.id).await;
    assert_eq!((failed.state, failed.phase()), (OperationState::Failed, Some(Phase::Rename)));
    let unfinished = "codchi rename web shop";
    for refused in [
        world.controller.start(&name("shop"), DOOR).unwrap_err(),
        world.controller.init(new("web", "repo"), DOOR).await.unwrap_err(),
        world.controller.rename(&name("shop"), &name("web"), DOOR).unwrap_err(),
    ] {
        let why = Failure::from(refused);
        assert!(why.hints.iter().any(|hint| hint.contains(unfinished)), "{why:?}");
    }
    let operation = world.another_process().rename(&name("web"), &name("shop"), DOOR).unwrap();
    world.succeeds(operation).await;
    let instance = world.driver.instance(&Role::Machine(name("shop")).instance()).unwrap();
    assert_eq!(instance.state, InstanceState::Running, "it ran before");
    assert_eq!(world.stores[0].ids(), [id("shop")]);
    world.name_is_free("web").await;
}

#[tokio::test]
async fn an_exported_machine_comes_back_with_what_is_in_the_file() {
    let world = world();
    world.web().await;
    let export = |data: bool, passphrase: Option<&str>| ExportRequest {
        path: world.file(),
        data,
        passphrase: passphrase.map(value),
    };
    let operation = world.controller.export(&name("web"), export(true, Some("correct horse")), DOOR).unwrap();
    world.succeeds(operation).await;
    let contents = world.controller.archive(world.file()).await.unwrap();
    assert_eq!((contents.name, contents.sealed, contents.data), (name("web"), true, Some(9)));
    assert_eq!(contents.secrets, ["token"]);

    let wrong = world.controller.import(import(&world, Some("back"), Some("guess")), DOOR).await.unwrap_err();
    assert!(wrong.to_string().contains("passphrase"), "{wrong}");
    let taken = world.controller.import(import(&world, None, Some("correct horse")), DOOR).await.unwrap_err();
    assert!(taken.to_string().contains("already a machine 'web'"), "{taken}");
    assert!(!world.config_of("back").exists(), "nothing was changed");

    let request = import(&world, Some("back"), Some("correct horse"));
    let operation = world.controller.import(request, DOOR).await.unwrap();
    world.succeeds(operation).await;
    assert_eq!(world.exec("back", &["read", "/files"]).await, "its files");
    assert_eq!(world.stores[0].get(&id("back")).await.unwrap(), Some(value("s3cret-token")));
    assert_eq!(world.allowed_agent("back"), None, "consent is asked for on each computer");

    // Neither values nor files: both are said to be missing.
    let operation = world.controller.export(&name("web"), export(false, None), DOOR).unwrap();
    world.succeeds(operation).await;
    let file = std::fs::read(world.file()).unwrap();
    for gone in ["s3cret", "its files"] {
        assert!(!file.windows(gone.len()).any(|bytes| bytes == gone.as_bytes()), "{gone}");
    }
    let operation = world.controller.import(import(&world, Some("bare"), None), DOOR).await.unwrap();
    assert_eq!(world.waits_for(operation.id).await.secrets.len(), 1);
    world.controller.cancel(operation.id).unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Cancelled);
}

#[tokio::test]
async fn a_stopped_machine_is_exported_without_being_started() {
    let world = world();
    world.web().await;
    let operation = world.controller.stop(&name("web"), true, DOOR).unwrap();
    world.succeeds(operation).await;
    let request = ExportRequest { path: world.file(), data: true, passphrase: None };
    let operation = world.controller.export(&name("web"), request, DOOR).unwrap();
    world.succeeds(operation).await;
    let instance = world.driver.instance(&Role::Machine(name("web")).instance()).unwrap();
    assert_eq!(instance.state, InstanceState::Stopped);
    assert!(!instance.environment.contains_key("CODCHI_IDLE"));
    assert_eq!(world.controller.archive(world.file()).await.unwrap().data, Some(9));
}
