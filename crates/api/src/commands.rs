//! The methods behind the [table](crate::table): arguments become the domain's types, errors become [`Failure`]s.

use std::{path::PathBuf, sync::Arc};

use codchi_controller::{
    Controller, Dialogue, Duplicate, ExportRequest, ImportRequest, NewMachine,
    access::AccessStatus,
    archive::ArchiveContents,
    diagnostics::BundleContents,
    doctor::{Diagnosis, FixRequest},
    driver::{Exec, ExecSpec},
    error::Error,
    failure::Failure,
    machine::MachineName,
    nix::{Repository, Source},
    operation::{Door, Operation, OperationId},
    secret::{Answered, SecretValue},
    settings::Settings,
    status::Snapshot,
};
use futures::stream::BoxStream;
use zeroize::Zeroizing;

use crate::{
    samples,
    types::{
        About, AddArgs, AnswerArgs, ArchiveArgs, CapabilityList, DeleteArgs, Delivered, DiagnosticsSaveArgs,
        DiagnosticsSaved, DuplicateArgs, Event, ExportArgs, FixArgs, GenerationList, ImportArgs, InitArgs,
        LogArgs, LogMatches, LogPage, LogSearchArgs, MachineArgs, ModuleArgs, Nothing, OperationArgs,
        OperationDetail, OperationList, OperationsArgs, Prepared, RebuildArgs, RenameArgs, RevealedSecret,
        SampleList, SecretArgs, SecretList, SourceArgs, StopArgs, StoreArgs, StoreStatus, TokenArgs,
        TokenSetArgs, UnlockArgs,
    },
};

/// At most so many lines come in one page of a log.
const PAGE: u32 = 5_000;

/// At most so many matches are told.
const MATCHES: usize = 10_000;

/// Everything that can be done, for one door. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    controller: Arc<Controller>,
    door: Door,
    samples: Option<PathBuf>,
}

impl Api {
    /// Opens a door. `samples` is a directory of git repositories that are offered to begin with.
    pub fn new(controller: Arc<Controller>, door: Door, samples: Option<PathBuf>) -> Self {
        Self { controller, door, samples }
    }

    /// The same through another door.
    #[must_use]
    pub fn through(&self, door: Door) -> Self {
        Self { door, ..self.clone() }
    }

    /// Everything that changes; the first event has all machines.
    pub fn subscribe(&self) -> BoxStream<'static, Event> {
        self.controller.events()
    }

    /// One operation's events from its beginning until it is over; then the stream ends.
    ///
    /// # Errors
    /// When there is no such operation.
    pub fn follow(&self, id: OperationId) -> Result<BoxStream<'static, Event>, Failure> {
        Ok(self.controller.follow(id)?)
    }

    /// Runs a command in a machine as its user with its login environment; a login shell where `spec.argv` is empty.
    ///
    /// # Errors
    /// When there is no such machine or it doesn't run.
    pub async fn exec(&self, name: &str, spec: ExecSpec) -> Result<Exec, Failure> {
        Ok(self.controller.exec(&machine(name)?, spec).await?)
    }

    /// A secret's value, as it is.
    ///
    /// # Errors
    /// When there is no such machine or secret, it isn't set, or the store can't be used.
    pub async fn reveal(&self, args: &SecretArgs) -> Result<SecretValue, Failure> {
        Ok(self.controller.reveal_secret(&machine(&args.name)?, &args.secret).await?)
    }

    /// The operations that end with this process.
    pub fn running_here(&self) -> Vec<OperationId> {
        self.controller.running_here()
    }

    /// What this Codchi is.
    pub async fn about(&self, _: Nothing) -> Result<About, Failure> {
        Ok(About { version: env!("CARGO_PKG_VERSION").into(), driver: self.controller.driver_kind() })
    }

    /// All machines and the engine.
    pub async fn status(&self, _: Nothing) -> Result<Snapshot, Failure> {
        Ok(self.controller.status().await?)
    }

    /// Which modules a repository offers.
    pub async fn modules(&self, args: SourceArgs) -> Result<Repository, Failure> {
        Ok(self.controller.modules(&self.source(&args)?).await?)
    }

    /// Repositories that are offered to begin with.
    pub async fn samples(&self, _: Nothing) -> Result<SampleList, Failure> {
        Ok(SampleList { samples: self.samples.as_deref().map(samples::read).unwrap_or_default() })
    }

    /// Makes a machine.
    pub async fn init(&self, args: InitArgs) -> Result<Operation, Failure> {
        let new = NewMachine {
            name: machine(&args.name)?,
            source: args.source.as_ref().map(|source| self.source(source)).transpose()?,
            modules: args.modules,
            nixpkgs: args.nixpkgs,
            driver: args.driver,
            start: args.start,
            dialogue: Dialogue { answers: args.answers, ask_for: args.ask_for },
        };
        Ok(self.controller.init(new, self.door).await?)
    }

    /// Adds modules to a machine and rebuilds it.
    pub async fn add(&self, args: AddArgs) -> Result<Operation, Failure> {
        let (name, source) = (machine(&args.name)?, self.source(&args.source)?);
        let dialogue = Dialogue { answers: args.answers, ask_for: args.ask_for };
        Ok(self.controller.add(&name, &source, &args.modules, dialogue, self.door).await?)
    }

    /// Takes a module out of a machine and rebuilds it.
    pub async fn module_remove(&self, args: ModuleArgs) -> Result<Operation, Failure> {
        Ok(self.controller.remove_module(&machine(&args.name)?, &args.module, self.door)?)
    }

    /// Builds a machine and switches it.
    pub async fn rebuild(&self, args: RebuildArgs) -> Result<Operation, Failure> {
        let (name, dialogue) =
            (machine(&args.name)?, Dialogue { answers: args.answers, ask_for: args.ask_for });
        Ok(self.controller.rebuild(&name, args.update, args.dry_run, dialogue, self.door)?)
    }

    /// Starts a machine.
    pub async fn start(&self, args: MachineArgs) -> Result<Operation, Failure> {
        Ok(self.controller.start(&machine(&args.name)?, self.door)?)
    }

    /// Stops a machine.
    pub async fn stop(&self, args: StopArgs) -> Result<Operation, Failure> {
        Ok(self.controller.stop(&machine(&args.name)?, args.force, self.door)?)
    }

    /// Stops and starts a machine.
    pub async fn restart(&self, args: StopArgs) -> Result<Operation, Failure> {
        Ok(self.controller.restart(&machine(&args.name)?, args.force, self.door)?)
    }

    /// Removes a machine and everything in it.
    pub async fn delete(&self, args: DeleteArgs) -> Result<Operation, Failure> {
        Ok(self.controller.delete(&machine(&args.name)?, args.keep_secrets, self.door).await?)
    }

    /// Makes a machine like another one.
    pub async fn duplicate(&self, args: DuplicateArgs) -> Result<Operation, Failure> {
        let request = Duplicate {
            machine: machine(&args.name)?,
            name: machine(&args.new_name)?,
            data: args.data,
            secrets: args.secrets,
            start: args.start,
            dialogue: Dialogue { answers: args.answers, ask_for: args.ask_for },
        };
        Ok(self.controller.duplicate(request, self.door).await?)
    }

    /// Gives a machine another name.
    pub async fn rename(&self, args: RenameArgs) -> Result<Operation, Failure> {
        Ok(self.controller.rename(&machine(&args.name)?, &machine(&args.new_name)?, self.door)?)
    }

    /// Writes a machine into a file.
    pub async fn export(&self, args: ExportArgs) -> Result<Operation, Failure> {
        let request =
            ExportRequest { path: absolute(args.path)?, data: args.data, passphrase: args.passphrase };
        Ok(self.controller.export(&machine(&args.name)?, request, self.door)?)
    }

    /// What is in a file that a machine was exported to.
    pub async fn archive(&self, args: ArchiveArgs) -> Result<ArchiveContents, Failure> {
        Ok(self.controller.archive(absolute(args.path)?).await?)
    }

    /// Makes a machine from such a file.
    pub async fn import(&self, args: ImportArgs) -> Result<Operation, Failure> {
        let request = ImportRequest {
            path: absolute(args.path)?,
            name: args.name.as_deref().map(machine).transpose()?,
            passphrase: args.passphrase,
            start: args.start,
            dialogue: Dialogue { answers: args.answers, ask_for: args.ask_for },
        };
        Ok(self.controller.import(request, self.door).await?)
    }

    /// What a machine's modules ask for, and what of it is set.
    pub async fn secrets(&self, args: MachineArgs) -> Result<SecretList, Failure> {
        let (secrets, host_secrets) = self.controller.secrets(&machine(&args.name)?)?;
        Ok(SecretList { secrets, host_secrets })
    }

    /// Answers what a machine's modules ask for. What waited goes on.
    pub async fn answer(&self, args: AnswerArgs) -> Result<Answered, Failure> {
        Ok(self.controller.answer(&machine(&args.name)?, &args.answers, self.door).await?)
    }

    /// Forgets a secret's value.
    pub async fn secret_unset(&self, args: SecretArgs) -> Result<Answered, Failure> {
        Ok(self.controller.unset_secret(&machine(&args.name)?, &args.secret, self.door).await?)
    }

    /// A secret's value.
    pub async fn secret_reveal(&self, args: SecretArgs) -> Result<RevealedSecret, Failure> {
        let value = self.reveal(&args).await?;
        let text = std::str::from_utf8(value.expose()).ok().map(|text| Zeroizing::new(text.to_owned()));
        Ok(RevealedSecret { text, base64: value.to_base64() })
    }

    /// Brings a machine that runs its secrets again, as after somebody else started it.
    pub async fn secrets_deliver(&self, args: MachineArgs) -> Result<Delivered, Failure> {
        Ok(Delivered { delivered: self.controller.deliver_if_running(&machine(&args.name)?).await? })
    }

    /// What there is of the user's own access to servers.
    pub async fn access(&self, _: Nothing) -> Result<AccessStatus, Failure> {
        Ok(self.controller.access_status().await?)
    }

    /// Keeps a token for a host.
    pub async fn token_set(&self, args: TokenSetArgs) -> Result<AccessStatus, Failure> {
        self.controller.set_token(&args.host, args.user.as_deref(), &args.token).await?;
        self.access(Nothing {}).await
    }

    /// Forgets the token for a host. One that isn't there is fine.
    pub async fn token_remove(&self, args: TokenArgs) -> Result<AccessStatus, Failure> {
        self.controller.remove_token(&args.host).await?;
        self.access(Nothing {}).await
    }

    /// Where secrets are kept.
    pub async fn secret_store(&self, _: Nothing) -> Result<StoreStatus, Failure> {
        let (kind, state) = self.controller.store_state().await?;
        Ok(StoreStatus { kind, state })
    }

    /// Keeps secrets in another store from now on, and takes those along that there are.
    pub async fn secret_store_use(&self, args: StoreArgs) -> Result<StoreStatus, Failure> {
        self.controller.use_store(args.kind, args.passphrase.as_ref()).await?;
        self.secret_store(Nothing {}).await
    }

    /// Opens the store of secrets.
    pub async fn secret_store_unlock(&self, args: UnlockArgs) -> Result<StoreStatus, Failure> {
        self.controller.unlock_store(args.passphrase.as_ref()).await?;
        self.secret_store(Nothing {}).await
    }

    /// What a machine asks of this computer, and what it has.
    pub async fn capabilities(&self, args: MachineArgs) -> Result<CapabilityList, Failure> {
        Ok(CapabilityList { capabilities: self.controller.capabilities(&machine(&args.name)?)? })
    }

    /// The generations of a machine.
    pub async fn generations(&self, args: MachineArgs) -> Result<GenerationList, Failure> {
        Ok(GenerationList { generations: self.controller.generations(&machine(&args.name)?).await? })
    }

    /// The newest operations.
    pub async fn operations(&self, args: OperationsArgs) -> Result<OperationList, Failure> {
        let name = args.machine.as_deref().map(machine).transpose()?;
        Ok(OperationList { operations: self.controller.operations(name.as_ref(), args.limit as usize) })
    }

    /// One operation.
    pub async fn operation(&self, args: OperationArgs) -> Result<OperationDetail, Failure> {
        let (operation, activities, log_lines) = self.controller.operation(args.id).await?;
        Ok(OperationDetail { operation, activities, log_lines })
    }

    /// A part of an operation's log.
    pub async fn operation_log(&self, args: LogArgs) -> Result<LogPage, Failure> {
        let limit = args.limit.min(PAGE) as usize;
        let (total, lines) = self.controller.log(args.id, args.activity, args.from, limit).await?;
        Ok(LogPage { total, lines })
    }

    /// Which lines of an operation's log contain a text.
    pub async fn operation_log_search(&self, args: LogSearchArgs) -> Result<LogMatches, Failure> {
        let lines = self.controller.search_log(args.id, args.activity, &args.text, MATCHES).await?;
        Ok(LogMatches { lines })
    }

    /// Asks an operation to end.
    pub async fn operation_cancel(&self, args: OperationArgs) -> Result<Nothing, Failure> {
        self.controller.cancel(args.id)?;
        Ok(Nothing {})
    }

    /// Looks whether everything is there that machines need.
    pub async fn doctor(&self, _: Nothing) -> Result<Diagnosis, Failure> {
        Ok(self.controller.diagnose().await)
    }

    /// Mends what a check found.
    pub async fn doctor_fix(&self, args: FixArgs) -> Result<Operation, Failure> {
        let request = FixRequest { id: args.id, file: args.file.map(PathBuf::from) };
        Ok(self.controller.fix(&request, self.door).await?)
    }

    /// What the diagnostics bundle would have in it.
    pub async fn diagnostics_contents(&self, _: Nothing) -> Result<BundleContents, Failure> {
        Ok(self.controller.diagnostics(env!("CARGO_PKG_VERSION")).await.contents())
    }

    /// Collects the diagnostics bundle anew and saves it.
    pub async fn diagnostics_save(&self, args: DiagnosticsSaveArgs) -> Result<DiagnosticsSaved, Failure> {
        let bundle = self.controller.diagnostics(env!("CARGO_PKG_VERSION")).await;
        bundle.save(std::path::Path::new(&args.path))?;
        Ok(DiagnosticsSaved { path: args.path, files: bundle.contents().files })
    }

    /// Installs, replaces or starts the controller, when that is needed.
    pub async fn prepare(&self, _: Nothing) -> Result<Prepared, Failure> {
        Ok(Prepared { operation: self.controller.prepare(self.door).await? })
    }

    /// The settings.
    pub async fn settings(&self, _: Nothing) -> Result<Settings, Failure> {
        Ok(self.controller.settings()?)
    }

    /// Replaces the settings.
    pub async fn settings_set(&self, settings: Settings) -> Result<Settings, Failure> {
        self.controller.set_settings(&settings)?;
        Ok(settings)
    }

    /// The address as typed, with what was said beside it put where the flake reference has it. Asks nobody.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn source(&self, args: &SourceArgs) -> Result<Source, Failure> {
        let parameter = match (&args.branch, &args.tag, &args.rev) {
            (None, None, None) => None,
            (Some(branch), None, None) => Some(("ref", branch.clone())),
            (None, Some(tag), None) => Some(("ref", format!("refs/tags/{tag}"))),
            (None, None, Some(rev)) => Some(("rev", rev.clone())),
            _ => {
                return Err(
                    Error::Argument("say a branch, a tag or a commit, not several of them".into()).into()
                );
            }
        };
        Ok(self.controller.parse_source(&args.url, parameter)?)
    }
}

fn machine(name: &str) -> Result<MachineName, Error> {
    Ok(MachineName::new(name)?)
}

/// A path that means the same for every process.
fn absolute(path: String) -> Result<PathBuf, Error> {
    let path = PathBuf::from(path);
    match path.is_absolute() && path.file_name().is_some() {
        true => Ok(path),
        false => Err(Error::Argument(format!("{} isn't the absolute path of a file", path.display()))),
    }
}
