//! Machines and operations for the tests of this crate.

use codchi_api::types::Event;
use codchi_controller::{
    driver::DriverKind,
    machine::{MachineName, NixpkgsChoice},
    nix::SecretRequest,
    operation::{Door, Operation, OperationId, OperationKind},
    secret::{AskedSecret, Asks},
    status::{Action, ConfigState, EngineStatus, MachineStatus, RunState},
};
use time::{OffsetDateTime, macros::datetime};

/// When everything in these tests happens.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

/// The nth identity.
pub(crate) fn operation_id(n: u8) -> OperationId {
    format!("01900000-0000-7000-8000-0000000000{n:02x}").parse().unwrap()
}

/// An operation of the window in its first moment.
pub(crate) fn operation(kind: OperationKind, machine: &str) -> Operation {
    let mut operation = Operation::begin(kind, Some(MachineName::new(machine).unwrap()), Door::Window, NOW);
    operation.id = operation_id(1);
    operation
}

/// Questions for these secrets of the module `web`.
pub(crate) fn asks(secrets: &[&str]) -> Asks {
    let secret = |name: &&str| AskedSecret {
        name: (*name).to_owned(),
        module: Some("web".to_owned()),
        request: SecretRequest {
            description: String::new(),
            kind: "env".to_owned(),
            env: None,
            path: None,
            owner: None,
            group: None,
            mode: None,
            optional: false,
            pattern: None,
            module: None,
        },
    };
    Asks { secrets: secrets.iter().map(secret).collect(), ..Asks::default() }
}

/// A running machine on which nothing works.
pub(crate) fn machine(name: &str) -> MachineStatus {
    MachineStatus {
        name: MachineName::new(name).unwrap(),
        driver: DriverKind::Lxd,
        status: RunState::Running,
        config: ConfigState::UpToDate,
        modules: vec![],
        nixpkgs: NixpkgsChoice::Builtin,
        generation: Some(1),
        built: None,
        since: None,
        address: None,
        allowed: vec![Action::Stop, Action::Restart, Action::Rebuild, Action::Exec],
        operation: None,
        problem: None,
    }
}

/// A machine that is stopped.
pub(crate) fn stopped(name: &str) -> MachineStatus {
    MachineStatus { status: RunState::Stopped, allowed: vec![Action::Start, Action::Delete], ..machine(name) }
}

/// An engine that answers.
pub(crate) fn engine() -> EngineStatus {
    EngineStatus {
        driver: DriverKind::Lxd,
        available: true,
        controller: Some(RunState::Running),
        problem: None,
    }
}

/// The event that these machines changed.
pub(crate) fn machines(changed: Vec<MachineStatus>) -> Event {
    Event::MachinesChanged { changed, removed: vec![], engine: engine() }
}
