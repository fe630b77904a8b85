//! Everything that can be done, behind one value: what the api crate calls. Here is what it is made of and what only looks; what changes
//! machines is in `build`, `lifecycle` and the files that are called like it.
//!
//! Long actions return at once with their [`Operation`]; how they go on is told by [`Controller::events`].

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    access::{HostSettings, Origins, UserAccess},
    activity::Unobserved,
    containers::{self, images::ImageSet, setup::Need},
    driver::{Driver, DriverKind, Exec, ExecSpec, InstanceState, Role},
    error::Error,
    failure::Failure,
    files::{self, FileError, Paths},
    history::SharedIndex,
    host::Host,
    machine::{MachineName, MachineRecord, MachineStore},
    nix::{Generation, Nix, Repository, Run, Source},
    operation::{
        Door, Operation, OperationFiles, OperationId, OperationKind, OperationOutcome, OperationState, Phase,
    },
    secret::{Sealer, SecretStore},
    settings::Settings,
    status::{self, KnownMachine, Lock, Snapshot},
};

/// The format of `settings.json` that is written.
const SETTINGS_VERSION: u64 = 1;

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
    pub(crate) running: std::sync::Mutex<HashMap<OperationId, CancellationToken>>,
    pub(crate) logs: std::sync::Mutex<Vec<(OperationId, SharedIndex)>>,
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
        let operations = OperationFiles::new(&paths);
        operations.sweep();
        Ok(Arc::new(Self {
            machines,
            operations,
            running: std::sync::Mutex::default(),
            logs: std::sync::Mutex::default(),
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
        if operation.as_ref().is_some_and(|operation| operation.state == OperationState::Interrupted) {
            files::sweep_killed(&self.machines.directory(&name));
        }
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
        // Nobody may have run since they moved.
        self.follow_sockets().await;
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

    /// The settings; the defaults where there are none.
    ///
    /// # Errors
    /// When the file is damaged or of a newer Codchi.
    pub fn settings(&self) -> Result<Settings, Error> {
        Ok(files::read_versioned(&self.paths.settings(), SETTINGS_VERSION)?.unwrap_or_default())
    }

    /// Replaces the settings. Ones that can't be read are left as they are.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn set_settings(&self, settings: &Settings) -> Result<(), Error> {
        self.settings()?;
        Ok(files::write_versioned(&self.paths.settings(), SETTINGS_VERSION, settings)?)
    }
}
