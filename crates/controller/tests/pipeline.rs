//! Create, rebuild, start, stop and delete over the engine in memory: what must hold whatever fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::sync::{Arc, atomic::Ordering};

use codchi_controller::{
    Dialogue,
    driver::{DriverError, InstanceState, Role, VolumeName, fake::Method},
    error::Error,
    failure::FailureCode,
    machine::NixpkgsChoice,
    nix::NixError,
    operation::{Door, OperationKind, OperationState, Phase, PhaseState},
    status::{Action, ConfigState, RunState},
};
use tokio::{io::AsyncWriteExt as _, sync::Notify};
use world::{World, name, new};

#[tokio::test]
async fn a_new_machine_runs_and_a_rebuild_without_changes_does_nothing() {
    let world = World::new();
    let operation = world.init("hello").await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    let states: Vec<_> = operation.phases.iter().map(|p| (p.phase, p.state)).collect();
    use PhaseState::{Done, Skipped};
    assert_eq!(
        states,
        [
            (Phase::Resolve, Done),
            (Phase::Requirements, Done),
            (Phase::Check, Skipped),
            (Phase::Ask, Skipped),
            (Phase::Build, Done),
            (Phase::Review, Done),
            (Phase::Switch, Done),
            (Phase::Finish, Done),
        ]
    );
    let status = world.controller.status().await.unwrap();
    let machine = &status.machines[0];
    assert_eq!((machine.status, machine.config), (RunState::Running, ConfigState::UpToDate));
    assert_eq!(machine.generation, Some(1));
    assert_eq!(machine.modules[0].rev.as_deref(), Some("rev-0"));
    assert_eq!(status.engine.controller, Some(RunState::Running));
    let mounts = world.driver.instance(&Role::Machine(name("hello")).instance()).unwrap().mounts;
    let writable: Vec<&str> = mounts.iter().filter(|m| !m.read_only).map(|m| m.path.as_str()).collect();
    assert_eq!(writable, ["/nix/var/nix/profiles"]);

    let asked = |method| world.driver.calls(method);
    let before = [Method::Instances, Method::Exec].map(asked);
    let rebuild = world
        .controller
        .rebuild(&name("hello"), true, false, Dialogue::default(), Door::CommandLine)
        .unwrap();
    let rebuild = world.end(rebuild.id).await;
    assert_eq!(rebuild.kind, OperationKind::Rebuild);
    assert!(!rebuild.outcome.unwrap().changed);
    assert_eq!(world.nix.builds.load(Ordering::SeqCst), 1);
    assert_eq!(
        [Method::Instances, Method::Exec].map(asked),
        before,
        "all are looked at, or something is run"
    );
    assert_eq!(world.nix.state().released, 1);

    world.nix.state().commit = 1;
    let rebuild = world
        .controller
        .rebuild(&name("hello"), true, false, Dialogue::default(), Door::CommandLine)
        .unwrap();
    let outcome = world.end(rebuild.id).await.outcome.unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.generation, Some(2));
}

#[tokio::test]
async fn a_failing_build_keeps_the_draft_and_can_be_repeated() {
    let world = World::new();
    world.nix.state().build_error = Some(|| NixError::Build {
        derivation: "hello-1".into(),
        cause: "no space left on device".into(),
        last_lines: vec!["cc: no space left".into()],
    });
    let operation = world.init("hello").await;
    let failure = operation.failure.unwrap();
    assert_eq!((operation.state, failure.code), (OperationState::Failed, FailureCode::Build));
    assert_eq!(failure.details, ["cc: no space left"]);
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    assert_eq!((machine.status, machine.config), (RunState::NotInstalled, ConfigState::Failed));
    assert_eq!(machine.allowed, [Action::Rebuild, Action::ChangeModules, Action::Move, Action::Delete]);
    let (_, activities, lines) = world.controller.operation(operation.id).await.unwrap();
    assert!(activities.iter().any(|a| a.name == "system"));
    assert!(lines > 0);

    world.nix.state().build_error = None;
    let again = world.init("hello").await;
    assert_eq!(again.state, OperationState::Succeeded);
}

#[tokio::test]
async fn what_was_evaluated_is_let_go_of_however_it_ends() {
    let world = World::new();
    world.init("hello").await;
    assert_eq!(world.nix.state().released, 1);
    let rebuild = async |dry_run| {
        let dialogue = Dialogue::default();
        let rebuild =
            world.controller.rebuild(&name("hello"), true, dry_run, dialogue, Door::Window).unwrap();
        world.end(rebuild.id).await.state
    };
    world.nix.state().commit = 1;
    assert_eq!((rebuild(true).await, world.nix.state().released), (OperationState::Succeeded, 2));
    world.nix.state().build_error = Some(|| NixError::Build {
        derivation: "hello-1".into(),
        cause: "no space left on device".into(),
        last_lines: vec![],
    });
    assert_eq!((rebuild(false).await, world.nix.state().released), (OperationState::Failed, 3));
}

#[tokio::test]
async fn a_failing_activation_goes_back_and_keeps_the_running_generation() {
    let world = World::new();
    world.init("hello").await;
    world.nix.state().commit = 1;
    world.driver.on_exec(|mut process| async move {
        let argv = process.spec.argv.join(" ");
        if argv.ends_with("switch-to-configuration switch") {
            let current = process.read("/var/switched").is_ok();
            process.write("/var/switched", "").unwrap();
            process.stdout.write_all(b"activating\x1b[2J\nfailed\n").await.unwrap();
            return if current { 0 } else { 2 };
        }
        0
    });
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    let operation = world.end(rebuild.id).await;
    let failure = operation.failure.unwrap();
    assert_eq!(failure.code, FailureCode::Activation);
    assert!(failure.message.contains("generation 1 runs again"), "{}", failure.message);
    assert_eq!(failure.details, ["activating", "failed"]);
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    assert_eq!((machine.generation, machine.config), (Some(1), ConfigState::Failed));
    assert!(world.nix.state().generations[0].current);
}

#[tokio::test]
async fn a_switch_that_hangs_is_cancelled_and_undone() {
    let world = World::new();
    world.init("hello").await;
    world.nix.state().commit = 1;
    let (started, mut has_started) = tokio::sync::mpsc::channel(1);
    world.driver.on_exec(move |process| {
        let started = started.clone();
        async move {
            let switch = process.spec.argv.last().is_some_and(|word| word == "switch");
            if switch && process.read("/var/hung").is_err() {
                process.write("/var/hung", "").unwrap();
                started.send(()).await.unwrap();
                std::future::pending::<()>().await;
            }
            0
        }
    });
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    has_started.recv().await.unwrap();
    world.controller.cancel(rebuild.id).unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Cancelled);
    assert!(world.nix.state().generations[0].current);
}

#[tokio::test]
async fn what_fails_in_the_engine_can_be_repeated() {
    let methods = [
        Method::ImportImage,
        Method::CreateVolume,
        Method::Create,
        Method::Attach,
        Method::Start,
        Method::Exec,
        Method::Instances,
        Method::Instance,
    ];
    for method in methods {
        for nth in 1..=6 {
            let world = World::new();
            world
                .driver
                .fail_nth(method, nth, || DriverError::Engine { action: "try".into(), message: "no".into() });
            let first = world.controller.init(new("hello", "repo"), Door::CommandLine).await;
            let first = match first {
                Ok(operation) => Some(world.end(operation.id).await.state),
                Err(_) => None,
            };
            if first == Some(OperationState::Succeeded) {
                continue;
            }
            // What was made may be unfinished; the same words finish it.
            let again = world.controller.init(new("hello", "repo"), Door::CommandLine).await.unwrap();
            let again = world.end(again.id).await;
            assert_eq!(again.state, OperationState::Succeeded, "{method:?} {nth}: {again:?}");
            let machine = world.controller.status().await.unwrap().machines.remove(0);
            assert_eq!(machine.status, RunState::Running, "{method:?} {nth}");

            let delete = world.controller.delete(&name("hello"), false, Door::CommandLine).await.unwrap();
            assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
            assert!(world.driver.instance(&Role::Machine(name("hello")).instance()).is_none());
            assert!(!world.driver.has_volume(&VolumeName::profile(&name("hello"))));
            assert!(world.controller.status().await.unwrap().machines.is_empty());
        }
    }
}

#[tokio::test]
async fn one_machine_has_one_operation_and_any_process_can_cancel_it() {
    let world = World::new();
    *world.nix.gate.lock().unwrap() = Some(Arc::new(Notify::new()));
    let operation = world.controller.init(new("hello", "repo"), Door::Window).await.unwrap();
    let other = world.another_process();
    let busy =
        other.rebuild(&name("hello"), true, false, Dialogue::default(), Door::CommandLine).unwrap_err();
    assert!(matches!(&busy, Error::Busy { operation: Some(o), .. } if o.id == operation.id), "{busy}");
    let machine = other.status().await.unwrap().machines.remove(0);
    assert_eq!((machine.config, machine.allowed), (ConfigState::Building, vec![Action::Cancel]));

    other.cancel(operation.id).unwrap();
    let ended = world.end(operation.id).await;
    assert_eq!(ended.state, OperationState::Cancelled);
    *world.nix.gate.lock().unwrap() = None;
    assert_eq!(world.init("hello").await.state, OperationState::Succeeded);
}

#[tokio::test]
async fn nothing_is_made_of_bad_input() {
    let world = World::new();
    world.init("hello").await;
    let before = files(&world);
    let init = async |new| world.controller.init(new, Door::CommandLine).await.unwrap_err().code();
    assert_eq!(init(new("HELLO", "repo")).await, FailureCode::AlreadyExists);
    assert_eq!(init(new("hello", "repo")).await, FailureCode::AlreadyExists);
    assert_eq!(init(new("other", "empty")).await, FailureCode::NoModules);
    assert_eq!(init(new("other", "many")).await, FailureCode::InvalidArgument);
    let mut wrong = new("other", "many");
    wrong.modules = vec!["c".into()];
    assert_eq!(init(wrong).await, FailureCode::ModuleNotFound);
    let mut nixpkgs = new("other", "repo");
    nixpkgs.nixpkgs = Some("nope".into());
    assert_eq!(init(nixpkgs).await, FailureCode::ModuleNotFound);
    assert_eq!(files(&world), before);
    let missing = world.controller.start(&name("other"), Door::CommandLine).unwrap_err();
    assert_eq!(missing.code(), FailureCode::MachineNotFound);
}

#[tokio::test]
async fn damaged_and_newer_files_are_refused_and_left() {
    let world = World::new();
    world.init("hello").await;
    let path = world.config().join("machines/hello/machine.json");
    for content in ["{", "", r#"{"version": 7, "later": true}"#] {
        std::fs::write(&path, content).unwrap();
        let machine = world.controller.status().await.unwrap().machines.remove(0);
        assert_eq!(machine.problem.unwrap().code, FailureCode::InvalidFile);
        assert_eq!(machine.allowed, [Action::Delete]);
        let error = world
            .controller
            .rebuild(&name("hello"), true, false, Dialogue::default(), Door::CommandLine)
            .unwrap_err();
        assert_eq!(error.code(), FailureCode::InvalidFile);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn modules_are_added_and_removed() {
    let world = World::new();
    world.init("hello").await;
    let source = world.controller.parse_source("many", None).unwrap();
    let modules = ["a".to_owned(), "b".to_owned()];
    let add = world
        .controller
        .add(&name("hello"), &source, &modules, Dialogue::default(), Door::Window)
        .await
        .unwrap();
    assert_eq!(world.end(add.id).await.state, OperationState::Succeeded);
    let twice =
        world.controller.add(&name("hello"), &source, &modules, Dialogue::default(), Door::Window).await;
    assert_eq!(twice.unwrap_err().code(), FailureCode::InvalidArgument);
    let remove = world.controller.remove_module(&name("hello"), "a", Door::Window).unwrap();
    assert_eq!(world.end(remove.id).await.state, OperationState::Succeeded);
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    let modules: Vec<_> = machine.modules.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(modules, ["hello", "b"]);
    assert_eq!(machine.nixpkgs, NixpkgsChoice::Builtin);
}

#[tokio::test]
async fn an_engine_that_is_away_leaves_what_is_known() {
    let world = World::new();
    world.init("hello").await;
    world.driver.set_reachable(false);
    let status = world.controller.status().await.unwrap();
    assert!(!status.engine.available);
    assert_eq!(status.engine.problem.unwrap().code, FailureCode::EngineUnavailable);
    let machine = &status.machines[0];
    assert_eq!((machine.status, machine.generation), (RunState::Unknown, Some(1)));
    assert!(machine.allowed.is_empty());
    let stop = world.controller.stop(&name("hello"), false, Door::Tray).unwrap();
    assert_eq!(world.end(stop.id).await.failure.unwrap().code, FailureCode::EngineUnavailable);
    world.driver.set_reachable(true);
    let stop = world.controller.stop(&name("hello"), false, Door::Tray).unwrap();
    assert_eq!(world.end(stop.id).await.state, OperationState::Succeeded);
    let instance = world.driver.instance(&Role::Machine(name("hello")).instance()).unwrap();
    assert_eq!(instance.state, InstanceState::Stopped);
}

fn files(world: &World) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![world.config()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_machine_of_another_engine_is_left_alone() {
    let world = World::new();
    world.init("hello").await;
    // LXD kept it, and today only another engine is there.
    let file = world.config().join("machines/hello/machine.json");
    let spec = std::fs::read_to_string(&file).unwrap().replace("\"fake\"", "\"lxd\"");
    std::fs::write(&file, &spec).unwrap();
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    assert_eq!((machine.status, machine.allowed), (RunState::Unknown, vec![]));
    assert!(machine.problem.unwrap().message.contains("lxd keeps 'hello'"));
    let controller = &world.controller;
    let door = Door::CommandLine;
    let refused = [
        controller.delete(&name("hello"), false, door).await.err(),
        controller.rebuild(&name("hello"), true, false, Dialogue::default(), door).err(),
        controller.start(&name("hello"), door).err(),
        controller.generations(&name("hello")).await.err(),
    ];
    assert!(refused.iter().all(|error| matches!(error, Some(Error::OtherEngine { .. }))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), spec);
    assert!(world.driver.instance(&Role::Machine(name("hello")).instance()).is_some());
}

#[tokio::test]
async fn a_machine_that_does_not_answer_keeps_nobody_waiting() {
    let world = World::new();
    world.init("hello").await;
    let (asked, mut hears) = tokio::sync::mpsc::channel(1);
    world.driver.on_exec(move |process| {
        let asked = asked.clone();
        async move {
            if process.spec.argv.iter().any(|word| word == "list-units") && asked.try_send(()).is_ok() {
                std::future::pending::<()>().await;
            }
            world::machine(process).await
        }
    });
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    hears.recv().await.unwrap();
    world.controller.cancel(rebuild.id).unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Cancelled);
    // It never began to switch: what runs is what the profile names, and nothing is under way.
    assert!(world.nix.state().generations[0].current);
    assert_eq!(world.record("hello")["switching"], serde_json::Value::Null);
}
