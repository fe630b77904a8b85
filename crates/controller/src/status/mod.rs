//! What is observed of machines: specifications, instances and operations joined into one picture.
//!
//! The joining is pure and the only place that decides a machine's state and what may be done with it; the window, the tray and
//! the command line all show its result.

mod join;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    driver::DriverKind,
    failure::Failure,
    machine::{MachineName, NixpkgsChoice},
    operation::Operation,
};

pub(crate) use join::{Instances, KnownMachine, Lock, by_name, engine, machine, snapshot, strays};

/// What a machine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is wanted, but there is no container yet.
    NotInstalled,
    /// It comes up.
    Starting,
    /// It is up.
    Running,
    /// It shuts down.
    Stopping,
    /// It doesn't run.
    Stopped,
    /// The engine reports an error.
    Error,
    /// The engine can't be asked.
    Unknown,
}

/// How what a machine runs relates to what is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ConfigState {
    /// There was never a successful build.
    NeverBuilt,
    /// A build is under way.
    Building,
    /// Its modules were changed since the last build.
    Modified,
    /// Nothing to do.
    UpToDate,
    /// The last build failed.
    Failed,
}

/// What can be done with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it.
    Restart,
    /// Build and switch.
    Rebuild,
    /// Add or remove modules.
    ChangeModules,
    /// Run commands in it.
    Exec,
    /// Make another one like it, give it another name, write it into a file.
    Move,
    /// Remove it.
    Delete,
    /// Cancel its operation.
    Cancel,
}

/// One module of a machine, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ModuleStatus {
    /// Its name in the machine.
    pub name: String,
    /// Its flake.
    pub url: String,
    /// Its attribute path, as one would write it in Nix.
    pub attr: String,
    /// The locked revision, where the source has one.
    pub rev: Option<String>,
}

/// One machine, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Its name.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub name: MachineName,
    /// Its driver.
    pub driver: DriverKind,
    /// What it does.
    pub status: RunState,
    /// How current it is.
    pub config: ConfigState,
    /// Its modules, in order.
    pub modules: Vec<ModuleStatus>,
    /// Where its nixpkgs comes from.
    pub nixpkgs: NixpkgsChoice,
    /// Its current generation.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub generation: Option<u64>,
    /// When that generation was made.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub built: Option<OffsetDateTime>,
    /// Since when it runs.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub since: Option<OffsetDateTime>,
    /// Its address.
    pub address: Option<String>,
    /// What may be done with it now.
    pub allowed: Vec<Action>,
    /// The operation that works on it, else the last one if that didn't end well.
    pub operation: Option<Operation>,
    /// What is wrong with its files, when they can't be read.
    pub problem: Option<Failure>,
}

/// The engine, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct EngineStatus {
    /// Its driver.
    pub driver: DriverKind,
    /// Whether it answers.
    pub available: bool,
    /// Whether the controller exists and runs; `None` when the engine doesn't answer.
    pub controller: Option<RunState>,
    /// Why it doesn't answer.
    pub problem: Option<Failure>,
}

/// Everything that the list, the tray and `codchi status` show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The machines, by name.
    pub machines: Vec<MachineStatus>,
    /// The engine.
    pub engine: EngineStatus,
}
