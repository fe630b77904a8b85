//! What is found on recorded hosts, what containers are given of it, and what happens to machines that ask for more.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use codchi_controller::{
    capability::{self, CapabilityCheck},
    doctor::{Check, CheckState},
    driver::{Device, Driver as _, InstanceState, Role, fake::FakeInstance},
    failure::FailureCode,
    host::{Host as _, RecordedHost},
    nix::Requirements,
    operation::{Door, OperationState, Phase, PhaseState},
    secret::{Answers, AskFor, GivenAnswers, HostSecret},
};
use futures::StreamExt as _;
use world::{World, name, new};

/// Makes the files of a recorded host: `PATH`, `PATH = TEXT`, `PATH -> LINK`.
fn record(host: &RecordedHost, tree: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(format!("{tree}.tree"));
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| line.starts_with('/')) {
        let place = |path: &str| {
            let path = host.path(Path::new(path));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        if let Some((path, target)) = line.split_once(" -> ") {
            std::os::unix::fs::symlink(target, place(path)).unwrap();
        } else {
            let (path, text) = line.split_once(" = ").unwrap_or((line, ""));
            std::fs::write(place(path), text).unwrap();
        }
    }
}

fn checks(tree: &str) -> (tempfile::TempDir, impl Fn(&str) -> Check) {
    let directory = tempfile::tempdir().unwrap();
    let host = RecordedHost::new(directory.path());
    record(&host, tree);
    (directory, move |name: &str| capability::named(name).unwrap().check(&host))
}

#[test]
fn what_a_workstation_has_is_found_with_names_and_versions() {
    let (_directory, check) = checks("workstation");
    for (name, evidence) in [
        ("gpu", "renderD128: nvidia 535.183.01, kernel 6.1.0-21-amd64"),
        ("cuda", "driver 535.183.01"),
        ("usb", "USB Keyboard"),
        ("camera", "video0: HD Webcam, video2, video10"),
        ("kvm", "/dev/kvm"),
        ("fuse", "/dev/fuse"),
        ("tun", "/dev/net/tun"),
        ("docker-nesting", "kernel 6.1.0-21-amd64"),
    ] {
        let Check { id, state, evidence: found, fix, .. } = check(name);
        assert_eq!((state, found.as_str(), fix), (CheckState::Ok, evidence, None), "{name}");
        assert_eq!(id, format!("capability.{name}"));
    }
    for name in ["ssh-agent", "sound", "video"] {
        assert_eq!(check(name).state, CheckState::Fail, "nobody is logged in: {name}");
    }
}

#[test]
fn what_a_server_lacks_is_explained_and_mended_where_that_can_be() {
    let (_directory, check) = checks("server");
    for (name, explanation, command) in [
        ("gpu", "no graphics card", None),
        ("cuda", "no NVIDIA card", None),
        ("usb", "no USB", None),
        ("camera", "no camera", None),
        ("kvm", "processor doesn't offer it", None),
        ("fuse", "module fuse isn't loaded", Some("modprobe fuse")),
        ("tun", "module tun isn't loaded", Some("modprobe tun")),
        ("docker-nesting", "no user namespaces", Some("sysctl user.max_user_namespaces=65536")),
        ("ssh-agent", "No SSH agent", None),
        ("sound", "No sound server", None),
        ("video", "No display", None),
    ] {
        let check = check(name);
        assert_eq!(check.state, CheckState::Fail, "{name}");
        assert!(check.explanation.contains(explanation), "{name}: {}", check.explanation);
        assert!(!check.evidence.is_empty(), "{name}");
        let fix = check.fix.map(|fix| (fix.elevates, fix.commands.concat().join(" ")));
        assert_eq!(fix, command.map(|command| (true, command.to_owned())), "{name}");
    }
}

#[test]
fn a_card_without_its_driver_is_told_from_none() {
    let (_directory, check) = checks("driverless");
    let gpu = check("gpu");
    assert!(gpu.explanation.contains("No driver"), "{gpu:?}");
    assert!(gpu.evidence.contains("10de:25a2"), "{gpu:?}");
    let cuda = check("cuda");
    assert_eq!(cuda.fix.unwrap().commands, [["ubuntu-drivers", "install"].map(str::to_owned).to_vec()]);
    assert_eq!(check("usb").evidence, "nothing is plugged in now");
    let kvm = check("kvm").fix.unwrap();
    assert_eq!(kvm.commands.concat(), ["modprobe", "kvm_amd"]);
    let nesting = check("docker-nesting");
    assert_eq!(nesting.state, CheckState::Ok);
    assert!(nesting.evidence.contains("CAP_SYS_RESOURCE"), "{}", nesting.evidence);
}

#[test]
fn every_capability_has_both_halves() {
    let nix = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nix/capabilities");
    let halves: BTreeSet<String> = std::fs::read_dir(nix)
        .unwrap()
        .map(|entry| {
            PathBuf::from(entry.unwrap().file_name()).file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .filter(|name| name != "default")
        .collect();
    assert_eq!(halves, capability::ALL.iter().map(|capability| capability.name.to_owned()).collect());
}

#[test]
fn what_is_asked_for_is_told_from_what_would_be_nice_and_from_what_is_unknown() {
    let directory = tempfile::tempdir().unwrap();
    let host = RecordedHost::new(directory.path());
    record(&host, "server");
    let requirements = Requirements {
        capabilities: vec!["gpu".into(), "teleport".into(), "tun".into()],
        optional_capabilities: vec!["kvm".into()],
        ..Requirements::default()
    };
    let answers = Answers { without: BTreeSet::from(["tun".into()]), ..Answers::default() };
    let found: Vec<_> = capability::check(&host, &requirements, &answers)
        .into_iter()
        .map(|found| (found.prevents_build(), found.check.state, found.capability))
        .collect();
    use CheckState::{Fail, Warn};
    let expected =
        [(true, Fail, "gpu"), (true, Fail, "teleport"), (false, Warn, "tun"), (false, Warn, "kvm")];
    assert_eq!(found, expected.map(|(prevents, state, name)| (prevents, state, name.to_owned())));
}

fn node(path: &str) -> Device {
    Device::Node { path: path.into() }
}

fn instance(world: &World, machine: &str) -> FakeInstance {
    world.driver.instance(&Role::Machine(name(machine)).instance()).unwrap()
}

fn requires(world: &World, capabilities: &[&str], optional: &[&str]) {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    world.nix.state().requirements = Requirements {
        capabilities: names(capabilities),
        optional_capabilities: names(optional),
        ..Requirements::default()
    };
}

#[tokio::test]
async fn a_missing_capability_stops_before_the_build_until_the_user_goes_without() {
    let world = World::new();
    record(&world.host, "server");
    requires(&world, &["fuse"], &[]);
    let operation = world.init("hello").await;
    let failure = operation.failure.unwrap();
    assert_eq!(failure.code, FailureCode::MissingCapability);
    assert!(failure.message.contains("fuse"), "{}", failure.message);
    assert!(failure.hints.iter().any(|hint| hint.contains("modprobe fuse")), "{:?}", failure.hints);
    assert!(failure.hints.iter().any(|hint| hint.contains("--without fuse")), "{:?}", failure.hints);
    assert!(failure.details[0].contains("there is no /dev/fuse"), "{:?}", failure.details);
    assert_eq!(world.nix.builds.load(Ordering::SeqCst), 0);
    let phase = |phase| operation.phases.iter().find(|p| p.phase == phase).unwrap().state;
    assert_eq!((phase(Phase::Check), phase(Phase::Build)), (PhaseState::Failed, PhaseState::Pending));

    let mut again = new("hello", "repo");
    again.dialogue.answers.without.insert("fuse".into());
    let operation = world.controller.init(again, Door::CommandLine).await.unwrap();
    let operation = world.end(operation.id).await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    assert!(operation.outcome.unwrap().warnings.iter().any(|warning| warning.contains("without fuse")));

    world.nix.state().commit = 1;
    let again = world.another_process();
    let rebuild = again.rebuild(&name("hello"), true, false, Default::default(), Door::Window).unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded, "it is remembered");
    let [CapabilityCheck { without, required, .. }] = &again.capabilities(&name("hello")).unwrap()[..] else {
        panic!("one capability")
    };
    assert!(*without && *required);
}

#[tokio::test]
async fn a_capability_that_nobody_knows_is_no_answer() {
    let world = World::new();
    let mut machine = new("hello", "repo");
    machine.dialogue.answers.without.insert("teleport".into());
    let operation = world.controller.init(machine, Door::CommandLine).await.unwrap();
    let failure = world.end(operation.id).await.failure.unwrap();
    assert_eq!(failure.code, FailureCode::InvalidArgument);
    assert!(failure.message.contains("docker-nesting"), "{}", failure.message);
}

#[tokio::test]
async fn where_somebody_is_asked_the_operation_waits() {
    let world = World::new();
    record(&world.host, "server");
    requires(&world, &["gpu"], &[]);
    let mut machine = new("hello", "repo");
    machine.dialogue.ask_for = AskFor::Everything;
    let operation = world.controller.init(machine, Door::Window).await.unwrap();
    let asks = world.waits_for(operation.id).await;
    assert_eq!(asks.capabilities.len(), 1);
    assert_eq!(asks.capabilities[0].id, "capability.gpu");
    assert_eq!(world.nix.builds.load(Ordering::SeqCst), 0);
    let given = GivenAnswers { without: BTreeSet::from(["gpu".into()]), ..GivenAnswers::default() };
    world.controller.answer(&name("hello"), &given, Door::Window).await.unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Succeeded);
}

#[tokio::test]
async fn a_container_is_given_what_there_is_and_nothing_else() {
    let world = World::new();
    record(&world.host, "workstation");
    requires(&world, &["fuse", "gpu"], &["cuda", "kvm", "sound", "docker-nesting", "usb"]);
    let operation = world.init("hello").await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    let given = instance(&world, "hello");
    let all = [
        node("/dev/dri/card0"),
        node("/dev/dri/renderD128"),
        node("/dev/nvidia0"),
        node("/dev/nvidiactl"),
        Device::Nvidia,
        Device::Usb,
        node("/dev/kvm"),
        node("/dev/fuse"),
        Device::Containers,
        Device::SystemCalls,
    ];
    assert_eq!(given.devices, all);
    let nodes = "/dev/dri/card0:/dev/dri/renderD128:/dev/nvidia0:/dev/nvidiactl:/dev/kvm:/dev/fuse";
    assert_eq!(given.environment["CODCHI_DEVICES"], nodes);
    assert_eq!(given.environment["CODCHI_CONTAINERS"], "yes");

    // The card is taken out, and the user withholds what is there.
    std::fs::remove_dir_all(world.host.path(Path::new("/dev/dri"))).unwrap();
    std::fs::remove_file(world.host.path(Path::new("/dev/nvidiactl"))).unwrap();
    let start = world.controller.start(&name("hello"), Door::CommandLine).unwrap();
    assert_eq!(world.end(start.id).await.state, OperationState::Succeeded);
    assert_eq!(instance(&world, "hello").devices, &all[5..]);
    let mut dialogue = codchi_controller::Dialogue::default();
    dialogue.answers.without.extend(["gpu".to_owned(), "kvm".into()]);
    let rebuild =
        world.controller.rebuild(&name("hello"), false, false, dialogue, Door::CommandLine).unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded);
    let given = instance(&world, "hello");
    assert_eq!(given.devices, [Device::Usb, node("/dev/fuse"), Device::Containers, Device::SystemCalls]);
    assert_eq!(given.environment["CODCHI_DEVICES"], "/dev/fuse");
}

#[tokio::test]
async fn what_is_plugged_in_and_out_comes_and_goes_while_the_machine_runs() {
    let world = World::new();
    record(&world.host, "workstation");
    requires(&world, &["gpu", "kvm"], &["camera", "fuse"]);
    world.init("hello").await;
    requires(&world, &[], &[]);
    world.init("plain").await;
    let mut engine = world.driver.events();
    let _app = world.another_process().events();
    let host = |path: &str| world.host.path(Path::new(path));
    let mut becomes = async |devices: &[Device]| {
        world.host.change_devices();
        while instance(&world, "hello").devices != devices {
            let event = tokio::time::timeout(std::time::Duration::from_secs(20), engine.next()).await;
            event.unwrap_or_else(|_| panic!("still {:?}", instance(&world, "hello").devices)).unwrap();
        }
    };
    let rest = [node("/dev/kvm"), node("/dev/fuse")];
    let with = |more: &[Device]| [more, &rest].concat();
    let cameras = ["/dev/video0", "/dev/video2", "/dev/video10"].map(node);
    let card = [node("/dev/dri/card0"), node("/dev/dri/renderD128")];

    std::fs::write(host("/dev/dri/card1"), "").unwrap();
    std::fs::write(host("/dev/dri/renderD129"), "").unwrap();
    let both = ["card0", "card1", "renderD128", "renderD129"].map(|name| node(&format!("/dev/dri/{name}")));
    becomes(&with(&[&both[..], &cameras].concat())).await;

    // All of them are pulled out, a camera as well.
    std::fs::remove_dir_all(host("/dev/dri")).unwrap();
    std::fs::remove_file(host("/dev/video2")).unwrap();
    becomes(&with(&[cameras[0].clone(), cameras[2].clone()])).await;
    assert_eq!(instance(&world, "plain").devices, [], "it asks for nothing");
    assert_eq!(instance(&world, "hello").state, InstanceState::Running);

    // And the first one back in.
    std::fs::create_dir_all(host("/dev/dri")).unwrap();
    std::fs::write(host("/dev/dri/card0"), "").unwrap();
    std::fs::write(host("/dev/dri/renderD128"), "").unwrap();
    becomes(&with(&[&card[..], &[cameras[0].clone(), cameras[2].clone()]].concat())).await;
}

#[tokio::test]
async fn a_machine_that_is_worked_on_is_given_its_devices_afterwards() {
    let world = World::new();
    requires(&world, &[], &["camera"]);
    world.init("hello").await;
    let mut engine = world.driver.events();
    let _app = world.another_process().events();
    // A rebuild that was begun with what there was.
    let gate = Arc::new(tokio::sync::Notify::new());
    *world.nix.gate.lock().unwrap() = Some(gate.clone());
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Default::default(), Door::CommandLine).unwrap();
    while world.nix.builds.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    std::fs::create_dir_all(world.host.path(Path::new("/dev"))).unwrap();
    std::fs::write(world.host.path(Path::new("/dev/video0")), "").unwrap();
    world.host.change_devices();
    gate.notify_one();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded);
    while instance(&world, "hello").devices != [node("/dev/video0")] {
        tokio::time::timeout(std::time::Duration::from_secs(20), engine.next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_started_later_is_given_to_what_runs() {
    let world = World::new();
    requires(&world, &[], &["sound"]);
    let socket = world.host.path(Path::new("/run/user/1000/pulse/native"));
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    world.init("hello").await;
    assert_eq!(instance(&world, "hello").devices, []);
    let mut engine = world.driver.events();
    let mut app = world.another_process().events();
    // From its first event on it listens.
    app.next().await.unwrap();
    let _server = std::os::unix::net::UnixListener::bind(socket).unwrap();
    while !matches!(&instance(&world, "hello").devices[..], [Device::Socket { name, .. }] if name == "pulse")
    {
        tokio::time::timeout(std::time::Duration::from_secs(20), engine.next()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_build_that_waits_for_a_device_goes_on_when_it_is_plugged_in() {
    let world = World::new();
    requires(&world, &["camera"], &[]);
    let app = world.another_process();
    let _events = app.events();
    let mut machine = new("hello", "repo");
    machine.dialogue.ask_for = AskFor::Everything;
    let operation = app.init(machine, Door::Window).await.unwrap();
    world.waits_for(operation.id).await;
    let video = world.host.path(Path::new("/dev/video0"));
    std::fs::create_dir_all(video.parent().unwrap()).unwrap();
    std::fs::write(video, "").unwrap();
    world.host.change_devices();
    assert_eq!(world.end(operation.id).await.state, OperationState::Succeeded);
    assert_eq!(instance(&world, "hello").devices, [node("/dev/video0")]);
}

#[tokio::test]
async fn the_agent_is_given_with_consent_only_however_it_is_asked_for() {
    let world = World::new();
    record(&world.host, "workstation");
    world.host.set_variable("SSH_AUTH_SOCK", "/tmp/agent");
    let socket = world.host.path(Path::new("/tmp/agent"));
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let _agent = std::os::unix::net::UnixListener::bind(socket).unwrap();
    requires(&world, &["ssh-agent"], &[]);
    let has_agent = |world: &World| {
        let devices = instance(world, "hello").devices;
        devices.iter().any(|one| matches!(one, Device::Socket { path, .. } if path.ends_with("ssh-agent")))
    };
    let operation = world.init("hello").await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    let warnings = operation.outcome.unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("--allow ssh-agent")), "{warnings:?}");
    assert!(!has_agent(&world), "nobody was asked");
    for (answer, optional) in [(false, true), (true, true), (false, false), (true, false)] {
        let names: &[&str] = &["ssh-agent"];
        requires(&world, if optional { &[] } else { names }, if optional { names } else { &[] });
        world.nix.state().commit += 1;
        let mut dialogue = codchi_controller::Dialogue::default();
        dialogue.answers.host_secrets.insert(HostSecret::SshAgent, answer);
        let rebuild = world.controller.rebuild(&name("hello"), true, false, dialogue, Door::Window).unwrap();
        let rebuild = world.end(rebuild.id).await;
        assert_eq!(rebuild.state, OperationState::Succeeded, "{rebuild:?}");
        assert_eq!(has_agent(&world), answer);
        // The same without a rebuild, and with one that finds nothing else changed.
        let answers = |answer| GivenAnswers {
            host_secrets: [(HostSecret::SshAgent, answer)].into(),
            ..GivenAnswers::default()
        };
        world.controller.answer(&name("hello"), &answers(!answer), Door::Window).await.unwrap();
        assert_eq!(has_agent(&world), !answer, "it runs with what was answered");
        let dialogue = codchi_controller::Dialogue { answers: answers(answer), ..Default::default() };
        let rebuild =
            world.controller.rebuild(&name("hello"), false, false, dialogue, Door::CommandLine).unwrap();
        assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded);
        assert_eq!(has_agent(&world), answer);
    }
}

#[tokio::test]
async fn the_controllers_builds_may_use_what_nix_has_names_for() {
    let world = World::new();
    record(&world.host, "workstation");
    world.init("hello").await;
    let controller = world.driver.instance(&Role::Controller.instance()).unwrap();
    assert_eq!(controller.environment["CODCHI_SYSTEM_FEATURES"], "kvm cuda");
    assert!(controller.devices.contains(&Device::Node { path: "/dev/kvm".into() }));

    // What is gone when it starts would keep it from starting.
    std::fs::remove_file(world.host.path(Path::new("/dev/nvidiactl"))).unwrap();
    world.driver.set_state_from_outside(&Role::Controller.instance(), InstanceState::Stopped);
    let start = world.controller.start(&name("hello"), Door::CommandLine).unwrap();
    assert_eq!(world.end(start.id).await.state, OperationState::Succeeded);
    let controller = world.driver.instance(&Role::Controller.instance()).unwrap();
    assert_eq!(controller.environment["CODCHI_SYSTEM_FEATURES"], "kvm");
    assert!(!controller.devices.contains(&Device::Nvidia));

    let world = World::new();
    record(&world.host, "server");
    world.init("hello").await;
    let controller = world.driver.instance(&Role::Controller.instance()).unwrap();
    let root = |device: &Device| matches!(device, Device::InstanceRoot { .. });
    assert!(controller.environment.is_empty() && controller.devices.iter().all(root));
    assert_eq!(instance(&world, "hello").environment["CODCHI_DEVICES"], "none");
    assert_eq!(instance(&world, "hello").environment["CODCHI_CONTAINERS"], "no");
}
