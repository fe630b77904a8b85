//! Files of ours that are gone or damaged, while the engine has what they were about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{fs, sync::Arc, time::Duration};

use codchi_controller::{
    Dialogue,
    driver::{Driver as _, Role, StopMode, VolumeName},
    error::Error,
    event::Event,
    failure::FailureCode,
    machine::MachineName,
    operation::{Door, OperationState, Phase},
    status::{Action, MachineStatus, RunState},
};
use futures::StreamExt as _;
use tokio::sync::Notify;
use world::{World, name, new};

const DOOR: Door = Door::CommandLine;

fn lose(world: &World) {
    fs::remove_dir_all(world.config().join("machines/hello")).unwrap();
    fs::remove_file(world.directory.path().join("data/machines/hello.json")).unwrap();
}

#[tokio::test]
async fn a_container_without_settings_is_shown_refused_and_removed() {
    let world = World::new();
    world.init("hello").await;
    world.init("other").await;
    lose(&world);
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    assert_eq!((machine.name.as_str(), machine.status), ("hello", RunState::Running));
    assert_eq!(machine.allowed, [Action::Delete]);
    assert!(machine.problem.unwrap().message.contains("without settings"));
    let diagnosis = world.controller.diagnose().await;
    let check = diagnosis.checks.iter().find(|check| check.id == "machines").unwrap();
    assert_eq!((check.reason.as_str(), check.parameters["names"].as_str()), ("stray", "hello"));

    let container = Role::Machine(name("hello")).instance();
    let before = format!("{:?}", world.driver.instance(&container));
    let controller = &world.controller;
    let refused = controller.init(new("hello", "repo"), DOOR).await.unwrap_err();
    assert!(matches!(&refused, Error::WithoutSettings { machine } if *machine == name("hello")), "{refused}");
    let rename = controller.rename(&name("other"), &name("hello"), DOOR).unwrap();
    let rename = world.end(rename.id).await;
    assert_eq!(rename.failure.unwrap().code, FailureCode::AlreadyExists);
    let mounts = world.driver.instance(&Role::Controller.instance()).unwrap().mounts;
    let profile = VolumeName::profile(&name("hello"));
    assert!(mounts.iter().any(|mount| mount.volume == profile), "its generations stay: {mounts:?}");
    assert!(world.driver.has_volume(&profile));
    assert!(controller.start(&name("hello"), DOOR).is_err());
    assert_eq!(format!("{:?}", world.driver.instance(&container)), before, "it is as it was");
    assert_eq!(controller.status().await.unwrap().machines.len(), 2);

    let delete = controller.delete(&name("hello"), false, DOOR).await.unwrap();
    assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
    assert!(world.driver.instance(&container).is_none());
    let error = controller.delete(&name("hello"), false, DOOR).await.unwrap_err();
    assert!(matches!(error, Error::MachineNotFound { .. }), "{error}");
    assert_eq!(world.init("hello").await.state, OperationState::Succeeded);
}

#[tokio::test]
async fn what_was_deleted_while_the_controller_did_not_run_is_forgotten_when_it_does() {
    let world = World::new();
    for machine in ["hello", "other", "lost"] {
        world.init(machine).await;
    }
    fs::remove_dir_all(world.config().join("machines/lost")).unwrap();
    world.driver.stop(&Role::Controller.instance(), StopMode::Force).await.unwrap();
    world.nix.state().remembered = None;
    let delete = world.controller.delete(&name("hello"), false, DOOR).await.unwrap();
    assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
    assert_eq!(world.nix.state().remembered, None, "the controller isn't started for that");
    world.init("new").await;
    let remembered = world.nix.state().remembered.clone().unwrap();
    let remembered: Vec<_> = remembered.iter().map(|machine| machine.as_str()).collect();
    assert_eq!(remembered, ["lost", "other"], "a container without settings keeps what it has");
}

#[tokio::test]
async fn repositories_that_no_machine_is_made_of_are_forgotten_when_nobody_uses_the_controller() {
    let world = World::new();
    world.init("hello").await;
    let source = world.controller.parse_source("many", None).unwrap();
    let (hello, modules) = (name("hello"), ["a".into()]);
    let add = world.controller.add(&hello, &source, &modules, Dialogue::default(), DOOR).await.unwrap();
    world.end(add.id).await;
    let gone = world.controller.init(new("gone", "elsewhere"), DOOR).await.unwrap();
    world.end(gone.id).await;
    let kept = || world.nix.state().repositories.take().map(|urls| urls.into_iter().collect::<Vec<_>>());
    kept();

    let rebuild = || world.controller.rebuild(&hello, true, false, Dialogue::default(), DOOR).unwrap();
    world.end(rebuild().id).await;
    assert_eq!(kept(), None, "it is made of what it was made of");
    let remove = world.controller.remove_module(&hello, "hello", DOOR).unwrap();
    world.end(remove.id).await;
    assert_eq!(kept().unwrap(), ["elsewhere", "many"]);

    // Another one builds.
    let gate = Arc::new(Notify::new());
    *world.nix.gate.lock().unwrap() = Some(Arc::clone(&gate));
    world.nix.state().commit = 2;
    let building = rebuild();
    let events = world.controller.follow(building.id).unwrap();
    let builds = events.any(async |event| match event {
        Event::OperationChanged { operation } => operation.phase() == Some(Phase::Build),
        _ => false,
    });
    assert!(builds.await);
    let delete = world.controller.delete(&name("gone"), false, DOOR).await.unwrap();
    assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
    assert_eq!(kept(), None, "what it uses stays");
    gate.notify_one();
    assert_eq!(world.end(building.id).await.state, OperationState::Succeeded);
    *world.nix.gate.lock().unwrap() = None;

    // It is done by whoever starts the controller, but not while it isn't known what a machine is made of.
    let settings = world.config().join("machines/other/machine.json");
    world.init("other").await;
    let known = fs::read(&settings).unwrap();
    let restart = async || {
        world.driver.stop(&Role::Controller.instance(), StopMode::Force).await.unwrap();
        world.end(rebuild().id).await;
    };
    fs::write(&settings, "{").unwrap();
    restart().await;
    assert_eq!(kept(), None);
    fs::write(&settings, known).unwrap();
    restart().await;
    assert_eq!(kept().unwrap(), ["many", "repo"]);
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_not_the_engines_fault() {
    let world = World::new();
    world.init("hello").await;
    let machines = world.config().join("machines");
    fs::rename(&machines, world.config().join("elsewhere")).unwrap();
    fs::write(&machines, "").unwrap();
    let diagnosis = world.controller.diagnose().await;
    let check = diagnosis.checks.iter().find(|check| check.id == "machines").unwrap();
    assert_eq!(check.reason, "unread");
    assert!(check.evidence.contains("machines"), "{}", check.evidence);
}

#[tokio::test]
async fn a_draft_is_not_built_into_somebody_elses_container() {
    let world = World::new();
    world.init("hello").await;
    lose(&world);
    // Written down while the engine didn't answer.
    let spec = r#"{"version":1,"driver":"fake","nixpkgs":{"from":"builtin"},"modules":[]}"#;
    fs::create_dir_all(world.config().join("machines/hello")).unwrap();
    let there = fs::read_to_string(world.config().join("machines/hello/machine.json")).unwrap_or(spec.into());
    fs::write(world.config().join("machines/hello/machine.json"), there).unwrap();
    let builds = world.nix.builds.load(std::sync::atomic::Ordering::SeqCst);
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, codchi_controller::Dialogue::default(), DOOR);
    let rebuild = world.end(rebuild.unwrap().id).await;
    assert_eq!(rebuild.failure.unwrap().code, FailureCode::AlreadyExists);
    assert_eq!(world.nix.builds.load(std::sync::atomic::Ordering::SeqCst), builds, "nothing is built for it");
}

#[tokio::test]
async fn a_machine_that_is_being_made_is_never_told_of_as_one_without_settings() {
    let world = World::new();
    let mut events = world.another_process().events();
    let mut until = async |is: fn(&[MachineStatus], &[MachineName]) -> bool| {
        let told = async {
            while let Some(event) = events.next().await {
                let Event::MachinesChanged { changed, removed, .. } = event else { continue };
                assert!(changed.iter().all(|machine| machine.problem.is_none()), "{changed:?}");
                if is(&changed, &removed) {
                    return;
                }
            }
            panic!("nothing more is told");
        };
        tokio::time::timeout(Duration::from_secs(30), told).await.expect("it is told in time");
    };
    let create = world.controller.init(new("hello", "repo"), DOOR).await.unwrap();
    world.end(create.id).await;
    until(|changed, _| changed.iter().any(|machine| machine.name == name("hello"))).await;
    let delete = world.controller.delete(&name("hello"), false, DOOR).await.unwrap();
    world.end(delete.id).await;
    until(|_, removed| removed.contains(&name("hello"))).await;
}

#[tokio::test]
async fn a_container_of_which_it_is_not_known_what_was_built_is_not_called_one_without_settings() {
    let world = World::new();
    world.init("hello").await;
    fs::remove_file(world.directory.path().join("data/machines/hello.json")).unwrap();
    let builds = world.nix.builds.load(std::sync::atomic::Ordering::SeqCst);
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, codchi_controller::Dialogue::default(), DOOR);
    let failure = world.end(rebuild.unwrap().id).await.failure.unwrap();
    assert_eq!(failure.code, FailureCode::AlreadyExists);
    assert!(failure.message.contains("isn't known what was built"), "{failure:?}");
    assert!(failure.hints.iter().any(|hint| hint.contains("backup")), "{failure:?}");
    assert_eq!(world.nix.builds.load(std::sync::atomic::Ordering::SeqCst), builds, "nothing is built for it");
}

#[tokio::test]
async fn a_damaged_record_is_a_problem_and_nothing_is_done_before_it_is_mended() {
    let world = World::new();
    world.init("hello").await;
    let record = world.directory.path().join("data/machines/hello.json");
    let whole = fs::read(&record).unwrap();
    fs::write(&record, "{").unwrap();
    let machine = world.controller.status().await.unwrap().machines.remove(0);
    let problem = machine.problem.unwrap();
    assert_eq!((problem.code, machine.allowed), (FailureCode::InvalidFile, vec![]));
    assert!(problem.message.contains("hello.json"), "{problem:?}");
    let operations = world.controller.operations(None, 10).len();
    assert!(matches!(world.controller.start(&name("hello"), DOOR), Err(Error::File(_))));
    assert!(matches!(world.controller.delete(&name("hello"), false, DOOR).await, Err(Error::File(_))));
    assert_eq!(world.controller.operations(None, 10).len(), operations, "nothing was begun");
    assert_eq!(fs::read(&record).unwrap(), b"{", "it is as it was");
    fs::write(&record, whole).unwrap();
    assert_eq!(world.controller.status().await.unwrap().machines.remove(0).problem, None);
}
