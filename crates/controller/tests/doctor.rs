//! Fixes as operations, over a recorded host and the engine in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use codchi_controller::{
    Controller,
    doctor::{CheckState, FixRequest},
    driver::fake::{Method, in_order},
    error::Error,
    failure::FailureCode,
    host::{Host, HostCommand, OnLine, RecordedHost, User},
    operation::{Door, Operation, OperationKind, OperationState, Phase},
};
use tokio::sync::Notify;
use world::World;

/// What a program of the host does.
#[derive(Clone, Copy)]
enum Does {
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

/// A host without subordinate ids on which every program does this.
struct Patient {
    recorded: RecordedHost,
    does: Does,
    ran: Mutex<Vec<HostCommand>>,
}

impl Patient {
    fn new(world: &World, does: Does) -> Arc<Self> {
        let recorded = RecordedHost::new(world.directory.path().join("patient"));
        std::fs::create_dir_all(recorded.path(Path::new("/etc"))).unwrap();
        Arc::new(Self { recorded, does, ran: Mutex::default() })
    }

    fn ran(&self) -> Vec<HostCommand> {
        let all = self.ran.lock().unwrap().clone();
        all.into_iter().filter(|command| command.elevates).collect()
    }
}

#[async_trait]
impl Host for Patient {
    fn path(&self, absolute: &Path) -> PathBuf {
        self.recorded.path(absolute)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.recorded.variable(name)
    }

    fn user(&self) -> User {
        self.recorded.user()
    }

    async fn run(&self, command: &HostCommand, on_line: OnLine<'_>) -> io::Result<i32> {
        self.ran.lock().unwrap().push(command.clone());
        if !command.elevates {
            return self.recorded.run(command, on_line).await;
        }
        on_line("usermod says something");
        match self.does {
            Does::LosesInterfaces(times) if self.ran().len() <= times => {
                on_line(
                    "Error: Failed to delete bridge children interfaces: Failed to run: ip -d -j link show veth1",
                );
                Ok(1)
            }
            Does::AddsIds | Does::LosesInterfaces(_) => {
                for file in ["/etc/subuid", "/etc/subgid"] {
                    std::fs::write(self.path(Path::new(file)), "root:1000000:65536\n")?;
                }
                Ok(0)
            }
            Does::Nothing => Ok(0),
            Does::Fails => Ok(9),
            Does::Hangs => std::future::pending().await,
        }
    }
}

/// A host whose bridge is gone, and comes back when the engine is told of NAT again. The first command waits until it may go on.
struct WithoutBridge {
    recorded: RecordedHost,
    begun: Notify,
    go_on: Notify,
    ran: Mutex<Vec<String>>,
}

#[async_trait]
impl Host for WithoutBridge {
    fn path(&self, absolute: &Path) -> PathBuf {
        self.recorded.path(absolute)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.recorded.variable(name)
    }

    fn user(&self) -> User {
        self.recorded.user()
    }

    async fn run(&self, command: &HostCommand, on_line: OnLine<'_>) -> io::Result<i32> {
        let last = command.argv.last().unwrap().clone();
        if !command.argv.contains(&"network".to_owned()) {
            return self.recorded.run(command, on_line).await;
        }
        let first = last == "ipv4.nat=false";
        self.ran.lock().unwrap().push(last);
        if first {
            self.begun.notify_one();
            self.go_on.notified().await;
        } else {
            std::fs::create_dir_all(self.path(Path::new("/sys/class/net/fakebr0")))?;
        }
        Ok(0)
    }
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
    let host = Patient::new(&world, Does::AddsIds);
    let controller = world.on_host(host.clone());
    let diagnosis = controller.diagnose().await;
    assert!(!diagnosis.ok);
    let shown = diagnosis.named("idmap").unwrap().fix.clone().unwrap();
    assert!(shown.elevates && host.ran().is_empty(), "nothing is run to look");
    let operation = mended(&world, &controller).await;
    assert_eq!(operation.state, OperationState::Succeeded, "{operation:?}");
    assert_eq!(host.ran().into_iter().map(|command| command.argv).collect::<Vec<_>>(), shown.commands);
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
    let operation = mended(&world, &world.on_host(Patient::new(&world, Does::Nothing))).await;
    assert_eq!((operation.state, operation.phase()), (OperationState::Failed, Some(Phase::Verify)));
    assert!(operation.failure.unwrap().message.contains("still fails"));
}

#[tokio::test]
async fn a_command_that_fails_is_named() {
    let world = World::new();
    let operation = mended(&world, &world.on_host(Patient::new(&world, Does::Fails))).await;
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
    let host = Patient::new(&world, Does::LosesInterfaces(2));
    let operation = mended(&world, &world.on_host(host.clone())).await;
    assert_eq!((operation.state, host.ran().len()), (OperationState::Succeeded, 3), "{operation:?}");
    let world = World::new();
    let host = Patient::new(&world, Does::LosesInterfaces(usize::MAX));
    let operation = mended(&world, &world.on_host(host.clone())).await;
    assert_eq!((operation.state, host.ran().len()), (OperationState::Failed, 5), "not for ever");
}

#[tokio::test]
async fn a_fix_can_be_cancelled() {
    let world = World::new();
    let controller = world.on_host(Patient::new(&world, Does::Hangs));
    let operation = controller.fix(&request("idmap"), Door::CommandLine).await.unwrap();
    controller.cancel(operation.id).unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Cancelled);
}

#[tokio::test]
async fn a_bridge_is_not_left_without_nat() {
    let world = World::new();
    let host = Arc::new(WithoutBridge {
        recorded: RecordedHost::new(world.directory.path().join("host")),
        begun: Notify::new(),
        go_on: Notify::new(),
        ran: Mutex::default(),
    });
    let controller = world.on_host(host.clone());
    let operation = controller.fix(&request("network"), Door::CommandLine).await.unwrap();
    host.begun.notified().await;
    controller.cancel(operation.id).unwrap();
    host.go_on.notify_one();
    world.end(operation.id).await;
    assert_eq!(*host.ran.lock().unwrap(), ["ipv4.nat=false", "ipv4.nat=true"]);
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
