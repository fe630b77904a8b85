//! Create and rebuild: from what is wanted to a running machine, phase by phase.
//!
//! Nothing is removed on failure: the specification, the log and the generation that ran before stay.

use std::time::Duration;

use tokio::sync::OnceCell;

use crate::{
    access::Access,
    activity::LogLevel,
    build::{Dialogue, ask::Asked},
    containers::setup::ReadyController,
    controller::Controller,
    error::Error,
    machine::{Built, MachineName, MachineRecord, MachineSpec},
    nix::{Evaluation, Run},
    operation::{Journal, OperationOutcome, Phase},
    secret::GivenAnswers,
};

/// How long letting go of what was built may take: nobody waits for it.
const LET_GO: Duration = Duration::from_secs(5);

/// What a build is asked to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildOptions {
    /// Update the modules to their newest commits.
    pub(crate) update: bool,
    /// Stop after the comparison.
    pub(crate) dry_run: bool,
    /// Start the machine when it is done.
    pub(crate) start: bool,
    /// What is answered beforehand, and asked.
    pub(crate) dialogue: Dialogue,
}

/// One run of the pipeline.
pub(crate) struct Pipeline<'a> {
    pub(crate) controller: &'a Controller,
    pub(crate) journal: &'a Journal,
    pub(crate) machine: &'a MachineName,
    pub(crate) spec: MachineSpec,
    pub(crate) options: BuildOptions,
    /// What its modules may be fetched with, once that is needed.
    pub(crate) access: OnceCell<Access>,
}

/// What the first phase found.
enum Resolved {
    /// What is there is what is wanted.
    Unchanged(OperationOutcome),
    /// It is to be made.
    Changed(Box<Sources>),
}

/// What a machine is to be made of.
struct Sources {
    ready: ReadyController,
    /// What was known of the machine before.
    record: MachineRecord,
    lock: String,
    /// The release of Codchi that it is made with.
    release: String,
}

/// What came of it.
struct Made {
    outcome: OperationOutcome,
    _ready: ReadyController,
}

impl Pipeline<'_> {
    pub(crate) async fn run(&self) -> Result<OperationOutcome, Error> {
        let leaves_source = self.leaves_source()?;
        let outcome = self.phases().await;
        if leaves_source {
            self.controller.forget_repositories_if_unused().await;
        }
        outcome
    }

    async fn phases(&self) -> Result<OperationOutcome, Error> {
        let sources = match self.resolve().await? {
            Resolved::Unchanged(outcome) => return Ok(outcome),
            Resolved::Changed(sources) => sources,
        };
        let made = self.make(*sources).await;
        // Its profile keeps the system now, if anything does.
        let finish = async { self.finish(made?).await };
        let (outcome, ()) = futures::join!(finish, self.let_go());
        outcome
    }

    /// Lets go of what was evaluated. What is left goes with the next one that makes something, or with a collection.
    async fn let_go(&self) {
        match tokio::time::timeout(LET_GO, self.controller.nix.release(self.machine)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(machine = %self.machine, %error, "its derivation is still kept");
            }
            Err(_) => tracing::debug!(machine = %self.machine, "the controller doesn't let go in time"),
        }
    }

    /// Whether the machine was made of something that it isn't to be made of any more.
    fn leaves_source(&self) -> Result<bool, Error> {
        let built = self.controller.machines.record(self.machine)?.built;
        let is_wanted = |url: &str| self.spec.modules.iter().any(|module| module.url == url);
        Ok(built.is_some_and(|built| built.spec.modules.iter().any(|module| !is_wanted(&module.url))))
    }

    /// The first phase: what it is to be made of.
    async fn resolve(&self) -> Result<Resolved, Error> {
        let Self { controller, journal, machine, spec, options, .. } = self;
        let (store, nix) = (&controller.machines, &controller.nix);
        let release = controller.images.as_ref().map_or_else(String::new, |images| images.release.clone());

        journal.enter(Phase::Resolve);
        self.remember_without()?;
        let ready = controller.use_controller(Some(journal)).await?;
        let record = store.record(machine)?;
        // Made for somebody else: an own one is never made before that is written down.
        if record.built.is_none()
            && record.switching.is_none()
            && controller.instance(machine).await?.is_some()
        {
            let record = store.record_path(machine);
            return Err(Error::NothingKnown { machine: (*machine).clone(), record });
        }
        let known_lock = store.lock(machine)?;
        if let (Some(built), Some(lock)) = (&record.built, &known_lock) {
            let same = built.spec == *spec && built.lock == *lock && built.release == release;
            if same
                && self.answers_nothing()
                && record.switching.is_none()
                && !self.lacks_what_it_needs(&built.requirements)?
                && !self.lacks_an_answer(&built.requirements)?
                && (!options.update || nix.inputs_unchanged(spec, lock, self.access().await?).await)
                && controller.instance(machine).await?.is_some()
            {
                return Ok(Resolved::Unchanged(self.leave_as_is(built).await?));
            }
        }
        let lock =
            nix.resolve(machine, spec, known_lock.as_deref(), options.update, self.nix_run().await?).await?;
        if known_lock.as_deref() != Some(&lock) && !options.dry_run {
            store.write_lock(machine, &lock)?;
        }
        self.not_cancelled()?;
        Ok(Resolved::Changed(Box::new(Sources { ready, record, lock, release })))
    }

    /// What was built is what is wanted: there is nothing to build.
    async fn leave_as_is(&self, built: &Built) -> Result<OperationOutcome, Error> {
        let Self { controller, journal, machine, options, .. } = self;
        self.not_cancelled()?;
        journal.say(LogLevel::Info, "nothing changed since the last build");
        let mut outcome = OperationOutcome {
            changed: false,
            generation: Some(built.generation),
            system: Some(built.system.clone()),
            ..OperationOutcome::default()
        };
        if !options.dry_run {
            controller.configure_machine(machine).await?;
        }
        if options.start && !options.dry_run {
            // Its creation was interrupted: it may still come up, or not have been started.
            journal.enter(Phase::Finish);
            outcome.warnings = controller.start_and_wait(machine, journal).await?;
        }
        Ok(outcome)
    }

    /// The phases from the evaluation to the switch.
    async fn make(&self, sources: Sources) -> Result<Made, Error> {
        let Self { controller, journal, machine, spec, options, .. } = self;
        let (store, nix) = (&controller.machines, &controller.nix);
        let Sources { ready, record, lock, release } = sources;

        journal.enter(Phase::Requirements);
        let Evaluation { requirements, derivation } =
            nix.evaluate(machine, spec, self.nix_run().await?).await?;
        if !options.dry_run {
            store.update_record(machine, |record| record.requirements = requirements.clone())?;
        }

        journal.enter(Phase::Check);
        let noteworthy = self.check(&requirements)?;
        journal.enter(Phase::Ask);
        let Asked { ready, waited } = match options.dry_run {
            true => Asked { ready, waited: false },
            false => self.ask(&requirements, ready).await?,
        };
        self.not_cancelled()?;

        journal.enter(Phase::Build);
        let derivation = match waited {
            true => nix.evaluate(machine, spec, self.nix_run().await?).await?.derivation,
            false => derivation,
        };
        let system = nix.build(machine, &derivation, self.nix_run().await?).await?;
        self.not_cancelled()?;

        journal.enter(Phase::Review);
        let before = record.built.as_ref();
        let changed = before.is_none_or(|built| built.system != system);
        let diff = match before {
            Some(built) if changed => Some(nix.diff(&built.system, &system).await?),
            _ => None,
        };
        let outcome = |generation| OperationOutcome {
            changed,
            generation,
            system: Some(system.clone()),
            diff,
            warnings: noteworthy,
        };
        if options.dry_run {
            return Ok(Made { outcome: outcome(before.map(|built| built.generation)), _ready: ready });
        }
        self.not_cancelled()?;

        journal.enter(Phase::Switch);
        let generation = self.switch(&record, &system, &requirements).await?;
        let built = Built {
            spec: spec.clone(),
            lock,
            release,
            system: system.clone(),
            requirements,
            generation: generation.number,
            at: generation.created,
        };
        store.update_record(machine, |record| {
            record.built = Some(built);
            record.switching = None;
        })?;
        if !changed && (waited || !self.answers_nothing()) {
            // Otherwise the switch has brought what is new to the machine that runs.
            journal.step("deliver the secrets", controller.deliver_if_running(machine)).await?;
        }
        Ok(Made { outcome: outcome(Some(generation.number)), _ready: ready })
    }

    /// The last phase, where something was switched.
    async fn finish(&self, made: Made) -> Result<OperationOutcome, Error> {
        let Self { controller, journal, machine, options, .. } = self;
        let Made { mut outcome, _ready } = made;
        if options.dry_run {
            return Ok(outcome);
        }
        journal.enter(Phase::Finish);
        if options.start {
            self.not_cancelled()?;
            outcome.warnings.extend(controller.start_and_wait(machine, journal).await?);
        }
        Ok(outcome)
    }

    /// Whether no answers were given with the command.
    fn answers_nothing(&self) -> bool {
        self.options.dialogue.answers == GivenAnswers::default()
    }

    async fn nix_run(&self) -> Result<Run<'_>, Error> {
        let access = self.access().await?;
        Ok(Run { observer: self.journal, cancel: self.journal.cancel(), access })
    }

    /// Asked for once: a prompt of the keyring is answered once.
    async fn access(&self) -> Result<&Access, Error> {
        let gather = || async {
            let access =
                self.controller.access_of(self.machine, &self.spec, &self.options.dialogue.answers).await?;
            if access.proxy.has_credentials() {
                let text = "the proxy has a password: git uses it, downloads that Nix makes itself go without a proxy";
                self.journal.say(LogLevel::Warning, text);
            }
            Ok(access)
        };
        self.access.get_or_try_init(gather).await
    }

    fn not_cancelled(&self) -> Result<(), Error> {
        if self.journal.cancel().is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
