//! Everything that can be done, behind one value: what the api crate calls.
//!
//! Long actions return at once with their [`Operation`]; how they go on is told by [`Controller::events`].

use std::{collections::HashMap, sync::Arc};

use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use crate::{
    access::{HostSettings, Origins, UserAccess},
    activity::{Activity, ActivityId, LogLine, Unobserved},
    containers,
    driver::{Driver, DriverKind, Exec, ExecSpec, InstanceState, Role},
    error::Error,
    failure::{Failure, FailureCode},
    files::{self, FileError, Paths},
    host::Host,
    images::ImageSet,
    lock,
    machine::{MachineName, MachineRecord, MachineSpec, MachineStore, ModuleSpec, NixpkgsChoice},
    nix::{Generation, Nix, OfferedModule, Repository, Run, Source},
    operation::{
        Door, Journal, LogIndex, Operation, OperationFiles, OperationId, OperationKind, OperationOutcome,
        OperationState, Phase,
    },
    pipeline::{BuildOptions, Pipeline},
    secret::{AskFor, GivenAnswers, Sealer, SecretStore},
    settings::Settings,
    setup::Need,
    status::{self, KnownMachine, Lock, Snapshot},
};

/// The format of `settings.json` that is written.
const SETTINGS_VERSION: u64 = 1;

/// How many logs are kept indexed in memory.
const INDEXED_LOGS: usize = 8;

/// Everything that can be done.
pub struct Controller {
    pub(crate) paths: Paths,
    pub(crate) images: Option<ImageSet>,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) nix: Arc<dyn Nix>,
    pub(crate) machines: MachineStore,
    pub(crate) operations: OperationFiles,
    pub(crate) stores: Vec<Arc<dyn SecretStore>>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) user: Arc<dyn UserAccess>,
    /// What this process has brought to the controller.
    pub(crate) brought: Mutex<Option<HostSettings>>,
    pub(crate) host: Arc<dyn Host>,
    /// Told when a store was unlocked here.
    pub(crate) unlocked: Notify,
    running: std::sync::Mutex<HashMap<OperationId, CancellationToken>>,
    logs: Mutex<Vec<(OperationId, LogIndex)>>,
}

/// What a controller is put together from.
pub struct Parts {
    /// Where files are.
    pub paths: Paths,
    /// What containers are made from; `None` where no images were found.
    pub images: Option<ImageSet>,
    /// The engine.
    pub driver: Arc<dyn Driver>,
    /// Nix.
    pub nix: Arc<dyn Nix>,
    /// The stores of secrets there are, one of each kind at most; the settings say which is used.
    pub stores: Vec<Arc<dyn SecretStore>>,
    /// What encrypts secrets in files that leave this computer.
    pub sealer: Arc<dyn Sealer>,
    /// The user's own access to servers.
    pub user: Arc<dyn UserAccess>,
    /// This computer.
    pub host: Arc<dyn Host>,
}

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
    /// Puts everything together and makes the directories. Asks the engine nothing.
    ///
    /// # Errors
    /// When a directory can't be made.
    pub fn new(parts: Parts) -> Result<Arc<Self>, FileError> {
        let Parts { paths, images, driver, nix, stores, sealer, user, host } = parts;
        paths.create()?;
        let machines = MachineStore::new(paths.clone());
        machines.sweep();
        Ok(Arc::new(Self {
            machines,
            operations: OperationFiles::new(&paths),
            running: std::sync::Mutex::default(),
            logs: Mutex::default(),
            paths,
            images,
            driver,
            nix,
            stores,
            sealer,
            user,
            brought: Mutex::default(),
            host,
            unlocked: Notify::new(),
        }))
    }

    /// The driver of this computer.
    pub fn driver_kind(&self) -> DriverKind {
        self.driver.kind()
    }

    /// Understands an address as typed, with a `ref` or `rev` that was said beside it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_source(&self, input: &str, parameter: Option<(&str, String)>) -> Result<Source, Error> {
        let source = self.nix.parse_source(input, parameter)?;
        if source.had_credentials {
            let host = self.nix.server(&source.url).map(|server| server.host);
            return Err(Error::UrlHasCredentials { url: source.url, host });
        }
        Ok(source)
    }

    /// All machines and the engine, with one request to it.
    ///
    /// # Errors
    /// When the machines' directory can't be read. An engine that doesn't answer is part of the result.
    pub async fn status(&self) -> Result<Snapshot, Error> {
        let (known, instances) = tokio::join!(async { self.known_machines() }, self.driver.instances());
        let instances = instances.map_err(|error| Failure::from(Error::from(error)));
        Ok(status::snapshot(self.driver.kind(), &known?, &instances))
    }

    pub(crate) fn known_machines(&self) -> Result<Vec<KnownMachine>, Error> {
        Ok(self.machines.names()?.into_iter().filter_map(|name| self.known_machine(name)).collect())
    }

    /// What the files say of a machine; `None` when there is none.
    pub(crate) fn known_machine(&self, name: MachineName) -> Option<KnownMachine> {
        let spec = match self.machines.spec(&name) {
            Ok(Some(spec)) => Ok(spec),
            Ok(None) => return None,
            Err(error) => Err(Failure::from(Error::from(error))),
        };
        let (record, damage) = match self.machines.record(&name) {
            Ok(record) => (record, None),
            Err(error) => (MachineRecord::default(), Some(Failure::from(Error::from(error)))),
        };
        let operation = record.last_operation.and_then(|id| self.operations.read(id).ok().flatten());
        let lock = self.machines.lock(&name).ok().flatten().map(|text| Lock::read(&text));
        Some(KnownMachine { name, spec, lock, record, damage, operation })
    }

    /// Which modules a repository offers.
    ///
    /// # Errors
    /// When it can't be fetched or read.
    pub async fn modules(&self, source: &Source) -> Result<Repository, Error> {
        let _controller = self.use_controller(None).await?;
        let access = self.access_to([source.url.as_str()].into_iter(), Origins::ALL).await?;
        let run = Run { observer: &Unobserved, cancel: &CancellationToken::new(), access: &access };
        Ok(self.nix.modules(source, run).await?)
    }

    /// Installs, replaces or starts the controller, when that is needed; `None` when it is ready.
    ///
    /// # Errors
    /// When the engine doesn't answer.
    pub async fn prepare(self: &Arc<Self>, door: Door) -> Result<Option<Operation>, Error> {
        if self.controller_need().await? == Need::Nothing {
            return Ok(None);
        }
        let operation =
            self.spawn(OperationKind::InstallController, None, door, async |controller, journal| {
                journal.enter(Phase::Prepare);
                controller.use_controller(Some(&journal)).await?;
                Ok(OperationOutcome { changed: true, ..OperationOutcome::default() })
            })?;
        Ok(Some(operation))
    }

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

    /// Starts a machine and waits until its system is up. One that runs is left alone.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub fn start(self: &Arc<Self>, name: &MachineName, door: Door) -> Result<Operation, Error> {
        let machine = self.lock_existing(name)?;
        self.spawn(OperationKind::Start, Some(machine), door, async |controller, journal| {
            let name = journal.machine()?;
            journal.enter(Phase::Start);
            let Some(instance) = controller.instance(&name).await? else {
                return Err(Error::NotInstalled { machine: name });
            };
            let _controller = controller.use_controller(Some(&journal)).await?;
            let warnings = controller.start_and_wait(&name, &journal).await?;
            let changed = instance.state != InstanceState::Running;
            Ok(OperationOutcome { changed, warnings, ..OperationOutcome::default() })
        })
    }

    /// Stops a machine. One that is stopped is left alone.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub fn stop(self: &Arc<Self>, name: &MachineName, force: bool, door: Door) -> Result<Operation, Error> {
        let machine = self.lock_existing(name)?;
        self.spawn(OperationKind::Stop, Some(machine), door, async move |controller, journal| {
            let name = journal.machine()?;
            journal.enter(Phase::Stop);
            let Some(instance) = controller.instance(&name).await? else {
                return Err(Error::NotInstalled { machine: name });
            };
            controller.stop_machine(&name, force, &journal).await?;
            let changed = instance.state != InstanceState::Stopped;
            Ok(OperationOutcome { changed, ..OperationOutcome::default() })
        })
    }

    /// Stops and starts a machine.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub fn restart(
        self: &Arc<Self>,
        name: &MachineName,
        force: bool,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = self.lock_existing(name)?;
        self.spawn(OperationKind::Restart, Some(machine), door, async move |controller, journal| {
            let name = journal.machine()?;
            journal.enter(Phase::Stop);
            if controller.instance(&name).await?.is_none() {
                return Err(Error::NotInstalled { machine: name });
            }
            // What couldn't be brought again isn't taken away.
            controller.prepare_delivery(&name, &controller.machines.record(&name)?.given()).await?;
            controller.stop_machine(&name, force, &journal).await?;
            journal.enter(Phase::Start);
            let _controller = controller.use_controller(Some(&journal)).await?;
            let warnings = controller.start_and_wait(&name, &journal).await?;
            Ok(OperationOutcome { changed: true, warnings, ..OperationOutcome::default() })
        })
    }

    /// Removes a machine and everything in it, with its secrets unless they are to be kept. A removal that was interrupted is continued.
    /// So is a container removed of which nothing is known.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub async fn delete(
        self: &Arc<Self>,
        name: &MachineName,
        keep_secrets: bool,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = match self.lock_existing(name) {
            Err(error @ Error::MachineNotFound { .. }) => {
                if self.renaming_with(name)?.is_some() || self.instance(name).await?.is_none() {
                    return Err(error);
                }
                self.lock(name)?
            }
            machine => machine?,
        };
        self.spawn(OperationKind::Delete, Some(machine), door, async move |controller, journal| {
            controller.remove(&journal.machine()?, keep_secrets, &journal).await
        })
    }

    /// The machine's generations, oldest first.
    ///
    /// # Errors
    /// When there is no such machine, or the engine doesn't answer.
    pub async fn generations(&self, name: &MachineName) -> Result<Vec<Generation>, Error> {
        self.exists_here(name)?;
        let _controller = self.use_controller(None).await?;
        Ok(self.nix.generations(name).await?)
    }

    /// Runs a command in a machine as its user, see [`containers::as_user`]; terminal and stdin as in `spec`.
    ///
    /// # Errors
    /// When there is no such machine or it doesn't run.
    pub async fn exec(&self, name: &MachineName, spec: ExecSpec) -> Result<Exec, Error> {
        self.exists_here(name)?;
        let user = containers::as_user(spec.argv);
        let mut env = spec.env;
        env.extend(user.env);
        let spec = ExecSpec { argv: user.argv, env, ..spec };
        match self.driver.exec(&Role::Machine(name.clone()).instance(), spec).await {
            Ok(exec) => Ok(exec),
            Err(error) => match self.instance(name).await? {
                None => Err(Error::NotInstalled { machine: name.clone() }),
                Some(instance) if instance.state != InstanceState::Running => {
                    Err(Error::NotRunning { machine: name.clone() })
                }
                Some(_) => Err(error.into()),
            },
        }
    }

    /// The newest operations, of one machine or of all.
    pub fn operations(&self, machine: Option<&MachineName>, limit: usize) -> Vec<Operation> {
        let ids = self.operations.ids().into_iter();
        ids.filter_map(|id| self.operations.read(id).ok().flatten())
            .filter(|operation| machine.is_none_or(|machine| operation.machine.as_ref() == Some(machine)))
            .take(limit)
            .collect()
    }

    /// One operation with its activities and the number of its log lines.
    ///
    /// # Errors
    /// When there is no such operation.
    pub async fn operation(&self, id: OperationId) -> Result<(Operation, Vec<Activity>, u64), Error> {
        let operation = self.operations.read(id)?.ok_or(Error::OperationNotFound { id })?;
        let activities = self.operations.activities(id)?;
        let lines = self.with_log(id, |log| Ok(log.len())).await?;
        Ok((operation, activities, lines))
    }

    /// Lines of an operation's log with the number of all of them; both counted among those of `activity`.
    ///
    /// # Errors
    /// When there is no such operation.
    pub async fn log(
        &self,
        id: OperationId,
        activity: Option<ActivityId>,
        from: u64,
        limit: usize,
    ) -> Result<(u64, Vec<LogLine>), Error> {
        self.with_log(id, |log| Ok((log.count(activity), log.lines(activity, from, limit)?))).await
    }

    /// Which lines of an operation's log contain `text`.
    ///
    /// # Errors
    /// When there is no such operation.
    pub async fn search_log(
        &self,
        id: OperationId,
        activity: Option<ActivityId>,
        text: &str,
        limit: usize,
    ) -> Result<Vec<u64>, Error> {
        self.with_log(id, |log| if log.len() == 0 { Ok(vec![]) } else { log.search(activity, text, limit) })
            .await
    }

    /// Asks an operation to end, whichever process runs it. One that is over is left alone.
    ///
    /// # Errors
    /// When there is no such operation.
    pub fn cancel(&self, id: OperationId) -> Result<(), Error> {
        let operation = self.operations.read(id)?.ok_or(Error::OperationNotFound { id })?;
        if operation.state.is_over() {
            return Ok(());
        }
        let ours = self.running().get(&id).cloned();
        let cancelled = Failure::from(Error::Cancelled);
        let end = |operation: &mut Operation| {
            operation.fail(OperationState::Cancelled, cancelled, OffsetDateTime::now_utc());
        };
        match ours {
            Some(cancel) => cancel.cancel(),
            None if self.operations.end_waiting(id, end)? => {}
            None => files::write_atomic(&self.operations.cancel_path(id), b"")?,
        }
        Ok(())
    }

    /// The operations that this process runs.
    pub fn running_here(&self) -> Vec<OperationId> {
        self.running().keys().copied().collect()
    }

    /// Removes old operations, but none that explains how a machine is.
    fn prune_operations(&self) {
        let names = self.machines.names().unwrap_or_default();
        let explaining = names.iter().filter_map(|name| self.machines.record(name).ok()?.last_operation);
        self.operations.prune(&explaining.collect());
    }

    /// The settings; the defaults where there are none.
    ///
    /// # Errors
    /// When the file is damaged or of a newer Codchi.
    pub fn settings(&self) -> Result<Settings, Error> {
        Ok(files::read_versioned(&self.paths.settings(), SETTINGS_VERSION)?.unwrap_or_default())
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_settings(&self, settings: &Settings) -> Result<(), Error> {
        Ok(files::write_versioned(&self.paths.settings(), SETTINGS_VERSION, settings)?)
    }

    async fn with_log<T>(
        &self,
        id: OperationId,
        read: impl FnOnce(&LogIndex) -> std::io::Result<T>,
    ) -> Result<T, Error> {
        if !self.operations.directory(id).exists() {
            return Err(Error::OperationNotFound { id });
        }
        let path = self.operations.log_path(id);
        let mut logs = self.logs.lock().await;
        let mut index = match logs.iter().position(|(logged, _)| *logged == id) {
            Some(at) => logs.remove(at).1,
            None => LogIndex::new(path.clone()),
        };
        if logs.len() >= INDEXED_LOGS {
            logs.remove(0);
        }
        let result = index.update().and_then(|()| read(&index));
        logs.push((id, index));
        result.map_err(|source| FileError::Io { path, source }.into())
    }

    /// Whether the name isn't that of a container without settings. An engine that doesn't answer is asked again before one is made.
    pub(crate) async fn has_no_container(&self, name: &MachineName) -> Result<(), Error> {
        match self.instance(name).await {
            Ok(Some(_)) => Err(Error::WithoutSettings { machine: name.clone() }),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn exists(&self, name: &MachineName) -> Result<(), Error> {
        if self.machines.names()?.contains(name) {
            Ok(())
        } else {
            Err(Error::MachineNotFound { name: name.clone() })
        }
    }

    pub(crate) fn wanted(&self, name: &MachineName) -> Result<MachineSpec, Error> {
        let spec = self.machines.spec(name)?.ok_or_else(|| Error::MachineNotFound { name: name.clone() })?;
        self.is_here(name, spec.driver)?;
        Ok(spec)
    }

    /// Another engine than the one that keeps a machine knows nothing of it, and must not be taken for the one that does.
    pub(crate) fn is_here(&self, name: &MachineName, driver: DriverKind) -> Result<(), Error> {
        let here = self.driver.kind();
        if driver == here { Ok(()) } else { Err(Error::OtherEngine { machine: name.clone(), driver, here }) }
    }

    /// Whether there is such a machine, on this engine.
    pub(crate) fn exists_here(&self, name: &MachineName) -> Result<(), Error> {
        self.exists(name)?;
        // What can't be read may still be removed, from where it was last built.
        let wanted = self.machines.spec(name).ok().flatten();
        let built = self.machines.record(name).ok().and_then(|record| record.built);
        match wanted.or(built.map(|built| built.spec)) {
            Some(spec) => self.is_here(name, spec.driver),
            None => Ok(()),
        }
    }

    pub(crate) fn lock_existing(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        self.exists_here(name)?;
        self.lock(name)
    }

    pub(crate) fn lock(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        let machine = self.lock_whatever(name)?;
        match self.machines.record(name)?.renaming {
            None => Ok(machine),
            Some(renaming) => Err(renaming.unfinished()),
        }
    }

    /// The same, also for one that is being given another name.
    pub(crate) fn lock_whatever(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        match lock::machine(&self.paths, name)? {
            Some(held) => Ok(LockedMachine { name: name.clone(), _held: held }),
            None => {
                let operation = self.machines.record(name)?.last_operation;
                let operation =
                    operation.and_then(|id| self.operations.read(id).ok().flatten()).map(Box::new);
                Err(Error::Busy { machine: name.clone(), operation })
            }
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<OperationId, CancellationToken>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        let start = self.is_unfinished(&machine.name)?;
        let kind = if start { OperationKind::Create } else { OperationKind::Rebuild };
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

    /// The operation before may wait for an answer although its process ended; `next` takes its place.
    fn end_waiting(&self, name: &MachineName, next: &Operation) -> Result<(), Error> {
        let Some(before) = self.machines.record(name)?.last_operation else { return Ok(()) };
        let goes_on = matches!(next.kind, OperationKind::Create | OperationKind::Rebuild);
        self.operations.end_waiting(before, |operation| {
            operation.continued_by = goes_on.then_some(next.id);
            operation.fail(OperationState::Interrupted, given_up(next), next.started);
        })?;
        Ok(())
    }

    /// Begins an operation that goes on by itself.
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        kind: OperationKind,
        machine: Option<LockedMachine>,
        door: Door,
        work: impl FnOnce(Arc<Self>, Arc<Journal>) -> F + Send + 'static,
    ) -> Result<Operation, Error>
    where
        F: Future<Output = Result<OperationOutcome, Error>> + Send,
    {
        let name = machine.as_ref().map(|machine| machine.name.clone());
        let operation = Operation::begin(kind, name.clone(), door, OffsetDateTime::now_utc());
        let journal = Journal::begin(&self.operations, operation.clone())?;
        if let Some(name) = &name {
            self.end_waiting(name, &operation)?;
            self.machines.update_record(name, |record| record.last_operation = Some(operation.id))?;
        }
        self.running().insert(operation.id, journal.cancel().clone());
        let controller = Arc::clone(self);
        tokio::spawn(async move {
            let cancel_requests = journal.listen_for_cancel();
            let result = async {
                if let Some(name) = &name {
                    controller.end_idle(name).await?;
                }
                work(Arc::clone(&controller), Arc::clone(&journal)).await
            };
            let result = result.await;
            drop(cancel_requests);
            // Whoever sees that it is over may begin the next one at once.
            drop(machine);
            journal.finish(result.map_err(|error| {
                let state = match error {
                    Error::Cancelled => OperationState::Cancelled,
                    _ => OperationState::Failed,
                };
                tracing::warn!(?error, "operation ended badly");
                (state, Failure::from(&error))
            }));
            controller.running().remove(&journal.operation().id);
            controller.prune_operations();
        });
        Ok(operation)
    }
}

/// Why an operation ends that waited while nobody ran it.
fn given_up(next: &Operation) -> Failure {
    Failure {
        code: FailureCode::Interrupted,
        message: "it waited for an answer, and another operation took its place".into(),
        hints: vec![],
        causes: vec![next.description()],
        details: vec![],
    }
}

/// A machine on which nobody else works.
pub(crate) struct LockedMachine {
    name: MachineName,
    _held: lock::Held,
}

/// The modules that are meant.
fn choose(source: &Source, repository: &Repository, asked: &[String]) -> Result<Vec<ModuleSpec>, Error> {
    let offered = || repository.modules.iter().map(|module| module.name.clone()).collect::<Vec<_>>();
    let url = || repository.url.clone();
    if repository.modules.is_empty() {
        return Err(Error::NoModules { url: url() });
    }
    let find = |wanted: &str| {
        let found = repository.modules.iter().find(|module| module.name == wanted || module.attr == wanted);
        found.ok_or_else(|| Error::ModuleNotFound { place: url(), module: wanted.into(), offered: offered() })
    };
    let mut chosen: Vec<&OfferedModule> =
        asked.iter().map(|wanted| find(wanted)).collect::<Result<_, _>>()?;
    if chosen.is_empty() {
        chosen.push(match (&source.attr, repository.modules.as_slice()) {
            (Some(attr), modules) => {
                let named = |module: &&OfferedModule| {
                    module.path == *attr || attr.len() == 1 && attr.first() == module.path.last()
                };
                modules.iter().find(named).ok_or_else(|| Error::ModuleNotFound {
                    place: url(),
                    module: attr.join("."),
                    offered: offered(),
                })?
            }
            (None, [only]) => only,
            (None, modules) => modules
                .iter()
                .find(|module| module.name == "default")
                .ok_or_else(|| Error::ChooseModule { url: url(), offered: offered() })?,
        });
    }
    chosen
        .into_iter()
        .map(|module| match &module.error {
            Some(cause) => {
                Err(Error::ModuleBroken { module: module.name.clone(), url: url(), cause: cause.clone() })
            }
            None => Ok(ModuleSpec {
                name: module.name.clone(),
                url: source.url.clone(),
                attr: module.path.clone(),
            }),
        })
        .collect()
}
