//! Fixes as operations, over a recorded host and the engine in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use codchi_controller::{
    Controller,
    doctor::{CheckState, FixRequest},
    driver::fake::{Method, in_order},
    error::Error,
    failure::FailureCode,
    host::{Host as _, RecordedHost},
    operation::{Door, Operation, OperationKind, OperationState, Phase},
};
use tokio::sync::Notify;
use world::World;

/// What `usermod` does on a host without subordinate ids.
#[derive(Clone, Copy)]
enum Usermod {
    /// It gives root ids in both files.
    AddsIds,
    /// It says that it did, and didn't.
    Nothing,
    /// It fails.
    Fails,
    /// It is an Incus that this often finds an interface gone that it had just listed, and then gives root ids.
    LosesInterfaces(usize),
    /// It never ends.
    Hangs,
}

fn without_ids(world: &World, usermod: Usermod) -> Arc<RecordedHost> {
    let host = Arc::new(RecordedHost::new(world.directory.path().join("patient")));
    let etc = host.path(Path::new("/etc"));
    std::fs::create_dir_all(&etc).unwrap();
    let calls = AtomicUsize::new(0);
    host.on_run(move |argv| {
        if argv[0] != "usermod" {
            return None;
        }
        let call = calls.fetch_add(1, Ordering::SeqCst);
        let etc = etc.clone();
        Some(async move {
            let says = |code, line: &str| Ok((code, vec![line.to_owned()]));
            match usermod {
                Usermod::LosesInterfaces(times) if call < times => says(
                    1,
                    "Error: Failed to delete bridge children interfaces: Failed to run: ip -d -j link show veth1",
                ),
                Usermod::AddsIds | Usermod::LosesInterfaces(_) => {
                    for file in ["subuid", "subgid"] {
                        std::fs::write(etc.join(file), "root:1000000:65536\n").unwrap();
                    }
                    says(0, "usermod says something")
                }
                Usermod::Nothing => says(0, "usermod says something"),
                Usermod::Fails => says(9, "usermod says something"),
                Usermod::Hangs => std::future::pending().await,
            }
        })
    });
    host
}

fn request(id: &str) -> FixRequest {
    FixRequest { id: id.into(), file: None }
}

async fn mended(world: &World, controller: &Arc<Controller>) -> Operation {
    let operation = controller.fix(&request("subuid"), Door::CommandLine).await.unwrap();
    assert_eq!(operation.kind, OperationKind::Fix);
    world.end(operation.id).await
}

#[tokio::test]
async fn a_fix_runs_what_was_shown_and_logs_what_it_said() {
    let world = World::new();
    let host = without_ids(&world, Usermod::AddsIds);
    let controller = world.on_host(host.clone());
    let diagnosis = controller.diagnose().await;
    assert!(!diagnosis.ok);
    let shown = diagnosis.named("idmap").unwrap().fix.clone().unwrap();
    assert!(shown.elevates && host.elevated().is_empty(), "nothing is run to look");
    let operation = mended(&world, &controller).await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    assert_eq!(host.elevated(), std::slice::from_ref(&shown.commands));
    let (_, lines) = controller.log(operation.id, None, 0, 100).await.unwrap();
    let text: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    assert!(text.contains(&format!("$ {}", shown.commands[0].join(" "))), "{text:?}");
    assert!(text.contains(&"usermod says something".to_owned()), "{text:?}");
    let again = controller.fix(&request("idmap"), Door::CommandLine).await.unwrap_err();
    assert!(matches!(again, Error::NothingToFix { .. }), "{again}");
}

#[tokio::test]
async fn a_fix_that_mends_nothing_fails() {
    let world = World::new();
    let operation = mended(&world, &world.on_host(without_ids(&world, Usermod::Nothing))).await;
    assert_eq!((operation.state, operation.phase()), (OperationState::Failed, Some(Phase::Verify)));
    assert!(operation.failure.unwrap().message.contains("still fails"));
}

#[tokio::test]
async fn a_command_that_fails_is_named() {
    let world = World::new();
    let operation = mended(&world, &world.on_host(without_ids(&world, Usermod::Fails))).await;
    assert_eq!((operation.state, operation.phase()), (OperationState::Failed, Some(Phase::Fix)));
    let failure = operation.failure.unwrap();
    assert!(
        failure.message.starts_with("`usermod ") && failure.message.ends_with("ended with 9"),
        "{failure:?}"
    );
    assert!(failure.details.contains(&"usermod says something".to_owned()), "{failure:?}");
}

#[tokio::test]
async fn what_an_interface_that_went_broke_is_run_again() {
    let world = World::new();
    let host = without_ids(&world, Usermod::LosesInterfaces(2));
    let operation = mended(&world, &world.on_host(host.clone())).await;
    assert_eq!((operation.state, host.elevated().len()), (OperationState::Succeeded, 3), "{operation:?}");
    let world = World::new();
    let host = without_ids(&world, Usermod::LosesInterfaces(usize::MAX));
    let operation = mended(&world, &world.on_host(host.clone())).await;
    assert_eq!((operation.state, host.elevated().len()), (OperationState::Failed, 5), "not for ever");
}

#[tokio::test]
async fn a_fix_can_be_cancelled() {
    let world = World::new();
    let controller = world.on_host(without_ids(&world, Usermod::Hangs));
    let operation = controller.fix(&request("idmap"), Door::CommandLine).await.unwrap();
    controller.cancel(operation.id).unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Cancelled);
}

#[tokio::test]
async fn a_bridge_is_not_left_without_nat() {
    let world = World::new();
    let host = Arc::new(RecordedHost::new(world.directory.path().join("host")));
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let bridge = host.path(Path::new("/sys/class/net/fakebr0"));
    let (begins, may_go_on) = (begun.clone(), go_on.clone());
    // The first command waits until it may go on; the bridge is there when the engine is told of NAT again.
    host.on_run(move |argv| {
        let last = argv.last()?.clone();
        let (begins, may_go_on, bridge) = (begins.clone(), may_go_on.clone(), bridge.clone());
        argv.contains(&"network".to_owned()).then_some(async move {
            if last == "ipv4.nat=false" {
                begins.notify_one();
                may_go_on.notified().await;
            } else {
                std::fs::create_dir_all(bridge).unwrap();
            }
            Ok((0, vec![]))
        })
    });
    let controller = world.on_host(host.clone());
    let operation = controller.fix(&request("network"), Door::CommandLine).await.unwrap();
    begun.notified().await;
    controller.cancel(operation.id).unwrap();
    go_on.notify_one();
    world.end(operation.id).await;
    let settings: Vec<String> = host.ran().into_iter().filter_map(|argv| argv.last().cloned()).collect();
    let settings: Vec<_> = settings.iter().filter(|word| word.starts_with("ipv4.nat")).collect();
    assert_eq!(settings, ["ipv4.nat=false", "ipv4.nat=true"]);
}

#[tokio::test]
async fn the_administrators_rights_are_asked_for_once() {
    let world = World::new();
    world.driver.set_reachable(false);
    let host = Arc::new(RecordedHost::new(world.directory.path().join("host")));
    for file in ["/usr/bin/apt-get", "/run/systemd/system/x"] {
        let path = host.path(Path::new(file));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let policy = ["apt-cache", "policy", "lxd", "incus"];
    host.answer(&policy, 0, &["lxd:", "  Candidate: 5.0.2"]);
    // Making the bridge finds an interface gone: what was done before isn't done again.
    let bridges = AtomicUsize::new(0);
    host.on_run(move |argv| {
        let lost = argv.iter().any(|word| word == "network") && bridges.fetch_add(1, Ordering::SeqCst) == 0;
        let says = "Error: Failed to delete bridge children interfaces: Failed to run: ip";
        Some(async move { Ok(if lost { (1, vec![says.to_owned()]) } else { (0, vec![]) }) })
    });
    let controller = world.on_host(host.clone());
    let shown = controller.diagnose().await.named("engine").unwrap().fix.clone().unwrap();
    assert!(shown.elevates && shown.commands.len() > 5, "{shown:?}");
    let operation = controller.fix(&request("engine"), Door::CommandLine).await.unwrap();
    let operation = world.end(operation.id).await;
    assert_eq!(operation.phase(), Some(Phase::Verify), "there is no engine all the same: {operation:?}");
    let prompts = host.elevated();
    assert_eq!((prompts.len(), &prompts[0]), (2, &shown.commands));
    assert!(prompts[1][0].contains(&"network".to_owned()), "{prompts:?}");
    let (_, lines) = controller.log(operation.id, None, 0, 100).await.unwrap();
    let said: Vec<_> = lines.iter().filter_map(|line| line.text.strip_prefix("$ ")).collect();
    assert_eq!(said.len(), shown.commands.len() + 1, "{said:?}");
    assert_eq!(said[0], shown.commands[0].join(" "));
}

#[tokio::test]
async fn an_engine_that_is_away_leaves_the_rest_known() {
    let world = World::new();
    world.driver.set_reachable(false);
    let diagnosis = world.controller.diagnose().await;
    let state = |id: &str| diagnosis.named(id).unwrap().state;
    assert_eq!(state("engine"), CheckState::Fail);
    assert_eq!((state("pool"), state("nix-daemon")), (CheckState::Unknown, CheckState::Unknown));
    assert_eq!(state("clock"), CheckState::Ok);
    assert_eq!(world.driver.calls(Method::Inspect), 1);
    let unknown = world.controller.fix(&request("nonsense"), Door::Window).await.unwrap_err();
    assert_eq!(unknown.code(), FailureCode::InvalidArgument);
}

#[tokio::test]
async fn a_setup_of_the_engine_is_judged() {
    let world = World::new();
    let mut report = in_order();
    report.devices = Some([].into());
    world.driver.set_report(report);
    let diagnosis = world.controller.diagnose().await;
    let profile = diagnosis.named("profile").unwrap();
    assert_eq!((profile.state, profile.reason.as_str()), (CheckState::Fail, "empty"));
    assert_eq!(profile.fix.as_ref().unwrap().commands.len(), 2);
}
