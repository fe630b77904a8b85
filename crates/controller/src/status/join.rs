//! Joins what is wanted, what was built, what the engine says and what is under way. Pure.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::{Action, ConfigState, EngineStatus, MachineStatus, ModuleStatus, RunState, Snapshot};
use crate::{
    driver::{DriverKind, InstanceState, InstanceStatus, Role},
    error::Error,
    failure::Failure,
    machine::{MachineName, MachineRecord, MachineSpec, NixpkgsChoice},
    operation::{Operation, OperationKind, OperationState, Phase},
};

/// What the files say of one machine.
pub(crate) struct KnownMachine {
    pub(crate) name: MachineName,
    /// What is wanted, or why that can't be read.
    pub(crate) spec: Result<MachineSpec, Failure>,
    pub(crate) lock: Option<Lock>,
    pub(crate) record: MachineRecord,
    /// Why the record can't be read; it is an empty one then.
    pub(crate) damage: Option<Failure>,
    pub(crate) operation: Option<Operation>,
}

/// What the engine says of all instances, or why it can't be asked.
pub(crate) type Instances = Result<Vec<InstanceStatus>, Failure>;

/// Joins everything.
pub(crate) fn snapshot(driver: DriverKind, known: &[KnownMachine], instances: &Instances) -> Snapshot {
    let by_name = by_name(instances);
    let mut machines: Vec<MachineStatus> =
        known.iter().map(|known| machine(driver, known, &by_name)).collect();
    machines.extend(strays(driver, known.iter(), &by_name));
    machines.sort_by(|a, b| a.name.cmp(&b.name));
    Snapshot { machines, engine: engine(driver, instances) }
}

/// Containers that were made for machines of which nothing is known.
pub(crate) fn strays<'a>(
    driver: DriverKind,
    known: impl Iterator<Item = &'a KnownMachine>,
    instances: &Option<HashMap<&MachineName, &InstanceStatus>>,
) -> Vec<MachineStatus> {
    let mut names = HashSet::new();
    for machine in known {
        names.insert(&machine.name);
        names.extend(machine.record.renaming.iter().flat_map(|renaming| [&renaming.from, &renaming.to]));
    }
    let strays = instances.iter().flatten().filter(|(name, _)| !names.contains(*name));
    strays.map(|(name, instance)| stray(driver, name, instance)).collect()
}

fn stray(driver: DriverKind, name: &MachineName, instance: &InstanceStatus) -> MachineStatus {
    MachineStatus {
        name: name.clone(),
        driver,
        status: run_state(instance.state),
        config: ConfigState::NeverBuilt,
        modules: vec![],
        nixpkgs: NixpkgsChoice::Builtin,
        generation: None,
        built: None,
        since: instance.since,
        address: instance.address.clone(),
        allowed: vec![Action::Delete],
        operation: None,
        problem: Some(Failure::from(Error::WithoutSettings { machine: name.clone() })),
    }
}

/// The engine's part.
pub(crate) fn engine(driver: DriverKind, instances: &Instances) -> EngineStatus {
    let state_of_controller = |instances: &Vec<InstanceStatus>| {
        let controller = instances.iter().find(|instance| instance.role == Role::Controller);
        controller.map_or(RunState::NotInstalled, |instance| run_state(instance.state))
    };
    EngineStatus {
        driver,
        available: instances.is_ok(),
        controller: instances.as_ref().ok().map(state_of_controller),
        problem: instances.as_ref().err().cloned(),
    }
}

/// The machines' instances; `None` when the engine can't be asked.
pub(crate) fn by_name(instances: &Instances) -> Option<HashMap<&MachineName, &InstanceStatus>> {
    let instances = instances.as_ref().ok()?;
    let machines = instances.iter().filter_map(|instance| match &instance.role {
        Role::Machine(name) => Some((name, instance)),
        Role::Controller => None,
    });
    Some(machines.collect())
}

/// One machine's part.
pub(crate) fn machine(
    here: DriverKind,
    known: &KnownMachine,
    instances: &Option<HashMap<&MachineName, &InstanceStatus>>,
) -> MachineStatus {
    let KnownMachine { name, spec, lock, record, damage, operation } = known;
    let running = operation.as_ref().filter(|operation| !operation.state.is_over());
    let elsewhere = spec.as_ref().ok().filter(|spec| spec.driver != here).map(|spec| spec.driver);
    // Another engine knows nothing of it.
    let asked = instances.as_ref().filter(|_| elsewhere.is_none());
    let instance = asked.map(|instances| instances.get(name));
    let status = match instance {
        None => RunState::Unknown,
        Some(None) => RunState::NotInstalled,
        Some(Some(instance)) => while_working(run_state(instance.state), running),
    };
    let instance = instance.flatten().filter(|_| matches!(status, RunState::Running | RunState::Starting));
    let elsewhere =
        elsewhere.map(|driver| Failure::from(Error::OtherEngine { machine: name.clone(), driver, here }));
    let unreadable =
        MachineSpec { driver: DriverKind::Lxd, nixpkgs: NixpkgsChoice::Builtin, modules: Vec::new() };
    let wanted = spec.as_ref().unwrap_or(&unreadable);
    MachineStatus {
        name: name.clone(),
        driver: wanted.driver,
        status,
        config: config_state(wanted, record, operation.as_ref()),
        modules: modules(wanted, lock.as_ref()),
        nixpkgs: wanted.nixpkgs.clone(),
        generation: record.built.as_ref().map(|built| built.generation),
        built: record.built.as_ref().map(|built| built.at),
        since: instance.and_then(|instance| instance.since),
        address: instance.and_then(|instance| instance.address.clone()),
        allowed: match (spec, damage) {
            // Nothing is done before its record is mended.
            (_, Some(_)) => vec![],
            (Err(_), None) => vec![Action::Delete],
            (Ok(_), None) => allowed(status, running, record),
        },
        operation: operation.clone().filter(|operation| operation.state != OperationState::Succeeded),
        problem: spec.as_ref().err().or(damage.as_ref()).cloned().or(elsewhere),
    }
}

fn run_state(state: InstanceState) -> RunState {
    match state {
        InstanceState::Starting => RunState::Starting,
        InstanceState::Running => RunState::Running,
        InstanceState::Stopping => RunState::Stopping,
        InstanceState::Stopped => RunState::Stopped,
        InstanceState::Error => RunState::Error,
    }
}

/// An init that runs is not yet a system that is up: the operation that waits for it knows.
fn while_working(state: RunState, running: Option<&Operation>) -> RunState {
    let Some(operation) = running else { return state };
    match (operation.phase(), state) {
        (Some(Phase::Start), RunState::Running | RunState::Stopped) => RunState::Starting,
        (Some(Phase::Finish), RunState::Running) if operation.kind == OperationKind::Create => {
            RunState::Starting
        }
        (Some(Phase::Stop), RunState::Running) => RunState::Stopping,
        _ => state,
    }
}

fn config_state(spec: &MachineSpec, record: &MachineRecord, operation: Option<&Operation>) -> ConfigState {
    let builds = |o: &&Operation| matches!(o.kind, OperationKind::Create | OperationKind::Rebuild);
    if let Some(operation) = operation.filter(builds) {
        if !operation.state.is_over() {
            return ConfigState::Building;
        }
        if matches!(operation.state, OperationState::Failed | OperationState::Interrupted) {
            return ConfigState::Failed;
        }
    }
    match &record.built {
        None => ConfigState::NeverBuilt,
        Some(built) if built.spec != *spec => ConfigState::Modified,
        Some(_) => ConfigState::UpToDate,
    }
}

/// The one table of what may be done when.
fn allowed(status: RunState, running: Option<&Operation>, record: &MachineRecord) -> Vec<Action> {
    if running.is_some() {
        let mut actions = vec![Action::Cancel];
        if status == RunState::Running {
            actions.push(Action::Exec);
        }
        return actions;
    }
    let built = record.built.is_some();
    match status {
        RunState::Unknown => vec![],
        RunState::NotInstalled => vec![Action::Rebuild, Action::ChangeModules, Action::Move, Action::Delete],
        RunState::Stopped if built => {
            vec![Action::Start, Action::Rebuild, Action::ChangeModules, Action::Move, Action::Delete]
        }
        RunState::Stopped => vec![Action::Rebuild, Action::ChangeModules, Action::Move, Action::Delete],
        RunState::Running => vec![
            Action::Stop,
            Action::Restart,
            Action::Rebuild,
            Action::ChangeModules,
            Action::Exec,
            Action::Move,
            Action::Delete,
        ],
        RunState::Starting | RunState::Stopping | RunState::Error => vec![Action::Stop, Action::Delete],
    }
}

/// What is shown of a `flake.lock`: at which commit each input of the machine's own flake is.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    revs: HashMap<String, String>,
}

impl Lock {
    /// Of the file's text; empty when it makes no sense, which is said where it is used.
    pub(crate) fn read(text: &str) -> Self {
        /// As Nix writes it.
        #[derive(Deserialize)]
        struct File {
            root: String,
            nodes: HashMap<String, Node>,
        }

        #[derive(Deserialize)]
        struct Node {
            #[serde(default)]
            inputs: HashMap<String, serde_json::Value>,
            locked: Option<Locked>,
        }

        #[derive(Deserialize)]
        struct Locked {
            rev: Option<String>,
        }

        let Ok(File { root, nodes }) = serde_json::from_str(text) else { return Self::default() };
        let inputs = nodes.get(&root).map(|root| &root.inputs).into_iter().flatten();
        let revs = inputs.filter_map(|(input, node)| {
            let rev = nodes.get(node.as_str()?)?.locked.as_ref()?.rev.clone()?;
            Some((input.clone(), rev))
        });
        Self { revs: revs.collect() }
    }
}

fn modules(spec: &MachineSpec, lock: Option<&Lock>) -> Vec<ModuleStatus> {
    let inputs = spec.inputs();
    let rev = |url: &str| {
        let (input, _) = inputs.iter().find(|(_, input_url)| *input_url == url)?;
        lock?.revs.get(input).cloned()
    };
    spec.modules
        .iter()
        .map(|module| ModuleStatus {
            name: module.name.clone(),
            url: module.url.clone(),
            attr: module.attr_path(),
            rev: rev(&module.url),
        })
        .collect()
}
