//! What is wanted of machines, and bringing them there: making one, changing its modules, rebuilding it.

mod ask;
mod check;
mod choose;
mod pipeline;
mod switch;

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::{
    build::choose::choose,
    controller::Controller,
    driver::DriverKind,
    error::Error,
    locked::LockedMachine,
    machine::{MachineName, MachineSpec, NixpkgsChoice},
    nix::Source,
    operation::{Door, Operation, OperationKind, OperationState},
    secret::{AskFor, GivenAnswers},
};

pub(crate) use pipeline::{BuildOptions, Pipeline};

/// A machine to make.
#[derive(Clone, Debug)]
pub struct NewMachine {
    /// Its name.
    pub name: MachineName,
    /// Where its modules come from; without one it is empty.
    pub source: Option<Source>,
    /// Which modules: names or attribute paths. None: as [`Controller::init`] says.
    pub modules: Vec<String>,
    /// `builtin`, or the name of a module.
    pub nixpkgs: Option<String>,
    /// Which driver keeps it.
    pub driver: Option<DriverKind>,
    /// Whether to start it.
    pub start: bool,
    /// What is answered beforehand, and asked.
    pub dialogue: Dialogue,
}

/// How an operation and its user talk about what modules ask for.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// Answers that are given beforehand.
    pub answers: GivenAnswers,
    /// What is waited for.
    pub ask_for: AskFor,
}

impl Controller {
    /// Makes a machine. The repository is read first, so that an address without modules changes nothing.
    ///
    /// Without `modules`: the one named in the address, else `default`, else the only one. A machine whose creation didn't end is
    /// continued.
    ///
    /// # Errors
    /// Before the operation begins: bad names and addresses, a taken name, a repository that can't be used.
    pub async fn init(self: &Arc<Self>, new: NewMachine, door: Door) -> Result<Operation, Error> {
        let name = new.name;
        if let Some(driver) = new.driver.filter(|driver| *driver != self.driver.kind()) {
            return Err(Error::Argument(format!(
                "the driver {driver} isn't the one of this computer ({})",
                self.driver.kind()
            )));
        }
        if !self.free_or_unfinished(&name)? {
            self.has_no_container(&name).await?;
        }
        let (modules, own_nixpkgs) = match &new.source {
            None => (vec![], false),
            Some(source) => {
                let repository = self.modules(source).await?;
                (choose(source, &repository, &new.modules)?, repository.nixpkgs.direct)
            }
        };
        let nixpkgs = match new.nixpkgs.as_deref() {
            None | Some("builtin") => NixpkgsChoice::Builtin,
            Some(module) if !modules.iter().any(|m| m.name == module) => {
                return Err(Error::ModuleNotFound {
                    place: format!("the machine '{name}'"),
                    module: module.into(),
                    offered: modules.into_iter().map(|m| m.name).collect(),
                });
            }
            Some(module) if !own_nixpkgs => {
                return Err(Error::Argument(format!(
                    "the repository of '{module}' has no nixpkgs of its own"
                )));
            }
            Some(module) => NixpkgsChoice::Module { module: module.into() },
        };
        let mut spec = MachineSpec { driver: self.driver.kind(), nixpkgs, modules: vec![] };
        modules.into_iter().for_each(|module| spec.add(module));
        let machine = self.lock(&name)?;
        // Somebody may have taken the name while the repository was read.
        let unfinished = self.free_or_unfinished(&name)?;
        match self.machines.record(&name)?.origin {
            Some(origin) if unfinished => {
                return Err(Error::OtherDraft { machine: name, of: Some(origin.source.to_string()) });
            }
            _ if unfinished => {}
            // What a creation left that was killed while it wrote down the first things.
            _ => self.machines.remove(&name)?,
        }
        let options =
            BuildOptions { update: unfinished, dry_run: false, start: new.start, dialogue: new.dialogue };
        self.machines.write_spec(&name, &spec)?;
        self.machines.update_record(&name, |record| record.stays_stopped = !new.start)?;
        self.spawn_build(OperationKind::Create, machine, door, spec, options)
    }

    /// Adds modules to a machine and rebuilds it.
    ///
    /// # Errors
    /// As [`Controller::init`].
    pub async fn add(
        self: &Arc<Self>,
        name: &MachineName,
        source: &Source,
        modules: &[String],
        dialogue: Dialogue,
        door: Door,
    ) -> Result<Operation, Error> {
        self.wanted(name)?;
        let repository = self.modules(source).await?;
        let machine = self.lock(name)?;
        let mut spec = self.wanted(name)?;
        for module in choose(source, &repository, modules)? {
            if spec.modules.iter().any(|m| m.url == module.url && m.attr == module.attr) {
                return Err(Error::Argument(format!("'{name}' already has the module '{}'", module.name)));
            }
            spec.add(module);
        }
        self.machines.write_spec(name, &spec)?;
        let options = BuildOptions { dialogue, ..BuildOptions::default() };
        self.spawn_rebuild(machine, door, spec, options)
    }

    /// Takes a module out of a machine and rebuilds it.
    ///
    /// # Errors
    /// When there is no such machine or module.
    pub fn remove_module(
        self: &Arc<Self>,
        name: &MachineName,
        module: &str,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = self.lock(name)?;
        let mut spec = self.wanted(name)?;
        let Some(at) = spec.modules.iter().position(|m| m.name == module) else {
            return Err(Error::ModuleNotFound {
                place: format!("the machine '{name}'"),
                module: module.into(),
                offered: spec.modules.into_iter().map(|m| m.name).collect(),
            });
        };
        if matches!(&spec.nixpkgs, NixpkgsChoice::Module { module: used } if used == module) {
            spec.nixpkgs = NixpkgsChoice::Builtin;
        }
        spec.modules.remove(at);
        self.machines.write_spec(name, &spec)?;
        self.spawn_rebuild(machine, door, spec, BuildOptions::default())
    }

    /// Brings a machine to what is wanted of it.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub fn rebuild(
        self: &Arc<Self>,
        name: &MachineName,
        update: bool,
        dry_run: bool,
        dialogue: Dialogue,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = match self.lock(name) {
            // What it waits for may be mended by now.
            Err(Error::Busy { operation: Some(operation), machine }) if operation.lacks_capabilities() => {
                self.look_again_at(name)?;
                return Err(Error::Busy { operation: Some(operation), machine });
            }
            other => other?,
        };
        let spec = self.wanted(name)?;
        self.spawn_rebuild(machine, door, spec, BuildOptions { update, dry_run, start: false, dialogue })
    }

    /// Whether there is an unfinished machine of this name; fails when there is another one.
    pub(crate) fn free_or_unfinished(&self, name: &MachineName) -> Result<bool, Error> {
        if let Some(renaming) = self.renaming_with(name)? {
            return Err(renaming.unfinished());
        }
        match self.machines.same_name(name)? {
            None => Ok(false),
            Some(existing) if existing == *name && self.is_unfinished(name)? => Ok(true),
            Some(existing) => Err(Error::AlreadyExists { existing }),
        }
    }

    /// Whether the creation of a machine didn't end well, so that it may be repeated.
    fn is_unfinished(&self, name: &MachineName) -> Result<bool, Error> {
        let record = self.machines.record(name)?;
        let last = record.last_operation.and_then(|id| self.operations.read(id).ok().flatten());
        let create_failed = last.is_some_and(|operation| {
            operation.kind == OperationKind::Create && operation.state != OperationState::Succeeded
        });
        Ok(record.built.is_none() || create_failed)
    }

    /// A machine that was never built is made instead.
    fn spawn_rebuild(
        self: &Arc<Self>,
        machine: LockedMachine,
        door: Door,
        spec: MachineSpec,
        options: BuildOptions,
    ) -> Result<Operation, Error> {
        let unfinished = self.is_unfinished(&machine.name)?;
        let start = unfinished && !self.machines.record(&machine.name)?.stays_stopped;
        let kind = if unfinished { OperationKind::Create } else { OperationKind::Rebuild };
        self.spawn_build(kind, machine, door, spec, BuildOptions { start, ..options })
    }

    /// Goes on where an operation waited whose process has ended.
    pub(crate) fn continue_build(
        self: &Arc<Self>,
        name: &MachineName,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = self.lock(name)?;
        let spec = self.wanted(name)?;
        // Who answers in the window is there to be asked for the rest.
        let ask_for = if door == Door::Window { AskFor::Everything } else { AskFor::Required };
        let dialogue = Dialogue { ask_for, ..Dialogue::default() };
        self.spawn_rebuild(machine, door, spec, BuildOptions { dialogue, ..BuildOptions::default() })
    }

    pub(crate) fn spawn_build(
        self: &Arc<Self>,
        kind: OperationKind,
        machine: LockedMachine,
        door: Door,
        spec: MachineSpec,
        options: BuildOptions,
    ) -> Result<Operation, Error> {
        self.spawn(kind, Some(machine), door, async move |controller, journal| {
            let machine = journal.machine()?;
            Pipeline {
                controller: &controller,
                journal: &journal,
                machine: &machine,
                spec,
                options,
                access: OnceCell::new(),
            }
            .run()
            .await
        })
    }
}
