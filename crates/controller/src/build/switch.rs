//! The phase `switch`: a system that is built becomes the machine's newest generation, and what runs. Where that fails, what ran before
//! does again.

use std::{collections::BTreeSet, pin::pin, time::Duration};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::{
    activity::LogLevel,
    build::Pipeline,
    containers,
    controller::Controller,
    driver::{InstanceState, InstanceStatus, Role},
    error::Error,
    machine::{MachineRecord, Switching},
    nix::{Generation, Requirements, StorePath},
    secret::Delivery,
};

/// How long switching may take: services may take their time to stop and start, but not for ever.
const SWITCH: Duration = Duration::from_secs(15 * 60);

/// How long a machine may take to be given back what it had.
const GIVE_BACK: Duration = Duration::from_secs(30);

/// The exit code of `switch-to-configuration` when all is switched but a unit failed.
const UNITS_FAILED: i32 = 4;

/// A machine that is about to be switched.
struct Prepared {
    /// What couldn't be delivered before.
    late: Option<Delivery>,
    /// The units that had failed before.
    failed: BTreeSet<String>,
}

impl Pipeline<'_> {
    /// Makes `system` the machine's newest generation, the container where there is none, and switches it where it runs.
    pub(crate) async fn switch(
        &self,
        record: &MachineRecord,
        system: &StorePath,
        requirements: &Requirements,
    ) -> Result<Generation, Error> {
        let Self { controller, machine, journal, .. } = self;
        let Controller { driver, nix, .. } = controller;
        let profile = containers::profile_in_controller(machine);
        driver.create_volume(&profile.volume).await?;
        driver.attach(&Role::Controller.instance(), &profile).await?;
        // What ran before is what was last switched to, not what an interrupted switch left in the profile.
        let built = record.built.as_ref().map(|built| built.generation);
        let generations = nix.generations(machine).await?;
        let current = generations.iter().find(|generation| generation.current).cloned();
        let before = generations.into_iter().find(|generation| built == Some(generation.number));
        let switching = Switching { system: system.clone(), requirements: requirements.clone() };
        controller.machines.update_record(machine, |record| record.switching = Some(switching))?;
        let generation = nix.install(machine, system).await?;
        match controller.instance(machine).await? {
            None => {
                let images = controller.images.as_ref().ok_or(Error::NoImages)?;
                controller.import_image(&images.machine, Some(journal)).await?;
                controller.make_container(machine, requirements, &images.machine.image, journal).await?;
            }
            // Made, but not all of what belongs in it.
            Some(_) if record.origin.as_ref().is_some_and(|origin| origin.data && !origin.filled) => {
                let images = controller.images.as_ref().ok_or(Error::NoImages)?;
                controller.make_container(machine, requirements, &images.machine.image, journal).await?;
            }
            Some(InstanceStatus { state: InstanceState::Running, .. }) => {
                let unchanged = before.as_ref().is_some_and(|before| before.system == *system);
                if unchanged && record.switching.is_none() {
                    controller.configure_for(machine, requirements).await?;
                } else {
                    let standing =
                        if record.switching.is_none() { before.as_ref() } else { current.as_ref() };
                    let prepared = match self.prepare_switch(requirements).await {
                        Ok(prepared) => prepared,
                        Err(error) => {
                            self.take_back(record, standing).await;
                            return Err(error);
                        }
                    };
                    self.activate_with_secrets(before, prepared).await?;
                }
            }
            Some(_) => {}
        }
        Ok(generation)
    }

    /// Gives the running machine what the new system asks for, as far as that can be before it is switched. Nothing of the system itself
    /// is changed yet.
    async fn prepare_switch(&self, requirements: &Requirements) -> Result<Prepared, Error> {
        let Self { controller, machine, journal, .. } = self;
        controller.configure_for(machine, requirements).await?;
        let late = match controller.prepare_delivery(machine, requirements).await? {
            None => None,
            Some(delivery) => match self.deliver(&delivery).await {
                Ok(()) => None,
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    tracing::debug!(%error, "delivering during the switch");
                    Some(delivery)
                }
            },
        };
        let failed = controller.failed_units(machine, journal.cancel()).await?.into_iter().collect();
        Ok(Prepared { late, failed })
    }

    /// The machine isn't switched after all: what it boots and is given is what it was before.
    async fn take_back(&self, record: &MachineRecord, standing: Option<&Generation>) {
        let Self { controller, machine, journal, .. } = self;
        let back = async {
            // Without one it isn't known what runs, and the next rebuild switches it whatever it builds.
            let Some(standing) = standing else { return Ok(()) };
            controller.nix.set_generation(machine, standing.number).await?;
            let switching = record.switching.clone();
            controller.machines.update_record(machine, |record| record.switching = switching)?;
            self.give_back().await;
            Ok::<_, Error>(())
        };
        if let Err(error) = journal.step("take the new generation back", back).await {
            journal.say(LogLevel::Warning, format!("it boots the new system at its next start: {error}"));
        }
    }

    /// Gives the running machine what is recorded that it asks for, and no more.
    async fn give_back(&self) {
        let Self { controller, machine, journal, .. } = self;
        let restore = async {
            let given = async {
                controller.configure_machine(machine).await?;
                controller.deliver_if_running(machine).await.map(drop)
            };
            let no_answer = || Err(Error::NoAnswer { machine: (*machine).clone() });
            tokio::time::timeout(GIVE_BACK, given).await.unwrap_or_else(|_| no_answer())
        };
        if let Err(error) = journal.step("give back what was there before", restore).await {
            journal.say(LogLevel::Warning, format!("it isn't given what it had before: {error}"));
        }
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<(), Error> {
        let Self { controller, machine, journal, .. } = self;
        let delivered = journal.unless_cancelled(controller.deliver(machine, delivery));
        journal.step("deliver the secrets", delivered).await
    }

    /// Switches the running machine. What the new system asks for is there before its units start; where it brings the user that a
    /// secret belongs to, it is there as soon as that user is.
    async fn activate_with_secrets(
        &self,
        before: Option<Generation>,
        prepared: Prepared,
    ) -> Result<(), Error> {
        let Self { controller, machine, .. } = self;
        let Prepared { late, failed } = prepared;
        let Some(delivery) = late else { return self.activate_or_restore(before, &failed).await };
        let delivered = {
            // Its units wait for the secrets, and it for its units. Where it still waits when they don't any more it is given up.
            let mut late = pin!(controller.deliver_to_new_users(machine, &delivery).fuse());
            let mut activate = pin!(self.activate(before, &failed));
            let mut delivered = false;
            loop {
                tokio::select! {
                    activated = &mut activate => break activated.map(|()| delivered),
                    late = &mut late => delivered = late.is_ok(),
                }
            }
        };
        match delivered {
            Ok(true) => Ok(()),
            Ok(false) => self.deliver(&delivery).await,
            Err(error) => Err(self.restored(error).await?),
        }
    }

    /// Switches the running machine. What runs after a failure is given what it asks for, and no more.
    async fn activate_or_restore(
        &self,
        before: Option<Generation>,
        failed_before: &BTreeSet<String>,
    ) -> Result<(), Error> {
        match self.activate(before, failed_before).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.restored(error).await?),
        }
    }

    /// Gives what runs after this error what it asks for.
    async fn restored(&self, error: Error) -> Result<Error, Error> {
        // Where going back failed too, it isn't known which system runs.
        if self.controller.machines.record(self.machine)?.switching.is_none() {
            self.give_back().await;
        }
        Ok(error)
    }

    /// Switches the running machine to its newest generation; back to `before` when that fails.
    async fn activate(
        &self,
        before: Option<Generation>,
        failed_before: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let Self { controller, machine, journal, .. } = self;
        let cancel = journal.cancel().clone();
        let instance = Role::Machine((*machine).clone()).instance();
        let switch = |what: &str, cancel: CancellationToken| {
            let what = what.to_owned();
            let instance = &instance;
            async move {
                let given_up = async move {
                    tokio::select! {
                        () = cancel.cancelled() => "it was cancelled",
                        () = tokio::time::sleep(SWITCH) => "it took more than 15 minutes",
                    }
                };
                let program = format!("{}/system/bin/switch-to-configuration", containers::MACHINE_PROFILES);
                let run = controller.run_in(
                    instance,
                    containers::in_machine([&program, "switch"]),
                    journal,
                    given_up,
                );
                journal.step(what, run).await
            }
        };
        let (code, output) = switch("switch to the new system", cancel.clone()).await?;
        let failed = if code == UNITS_FAILED {
            // Not given up by a cancellation: from here there is only back.
            let failed = controller.failed_units(machine, &CancellationToken::new()).await;
            let mut failed = failed.unwrap_or_else(|error| vec![error.to_string()]);
            failed.retain(|unit| !failed_before.contains(unit));
            failed
        } else {
            vec![]
        };
        if code == 0 || (code == UNITS_FAILED && failed.is_empty()) {
            return Ok(());
        }
        if !failed.is_empty() {
            journal.say(LogLevel::Error, format!("failed: {}", failed.join(", ")));
        }
        let previous = match before {
            None => "there is no generation to go back to".to_owned(),
            Some(before) => {
                controller.nix.set_generation(machine, before.number).await?;
                match switch("switch back", CancellationToken::new()).await? {
                    (0 | UNITS_FAILED, _) => {
                        controller.machines.update_record(machine, |record| record.switching = None)?;
                        format!("generation {} runs again", before.number)
                    }
                    (code, _) => format!(
                        "going back to generation {} failed too (exit code {code}); restart the machine",
                        before.number
                    ),
                }
            }
        };
        if cancel.is_cancelled() {
            journal.say(LogLevel::Info, previous);
            return Err(Error::Cancelled);
        }
        Err(Error::Activation { machine: (*machine).clone(), previous, output })
    }
}
