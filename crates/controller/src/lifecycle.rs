//! Starting, stopping and removing machines.

use std::{sync::Arc, time::Duration};

use crate::{
    controller::Controller,
    driver::{InstanceState, Role, StopMode},
    error::Error,
    machine::MachineName,
    operation::{Door, Journal, Operation, OperationKind, OperationOutcome, Phase},
};

/// How long a machine may take to shut down before it is stopped by force.
pub(crate) const STOP: Duration = Duration::from_secs(30);

impl Controller {
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
    /// So is a container removed of which nothing is known, where the engine has one.
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
                // Without an engine nobody knows of a machine of this name.
                let is_lost = matches!(self.instance(name).await, Ok(Some(_)));
                if self.renaming_with(name)?.is_some() || !is_lost {
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

    /// Stops a machine.
    pub(crate) async fn stop_machine(
        &self,
        machine: &MachineName,
        force: bool,
        journal: &Journal,
    ) -> Result<(), Error> {
        let name = Role::Machine(machine.clone()).instance();
        let mode = if force { StopMode::Force } else { StopMode::Graceful(STOP) };
        journal.step("stop the container", self.driver.stop(&name, mode)).await?;
        Ok(())
    }

    /// Removes a machine: its container, its generations, and what is known of it, what is wanted last.
    pub(crate) async fn remove(
        &self,
        machine: &MachineName,
        keep_secrets: bool,
        journal: &Journal,
    ) -> Result<OperationOutcome, Error> {
        let name = Role::Machine(machine.clone()).instance();
        journal.enter(Phase::Stop);
        // Else its files would be gone, and it would still be listed.
        self.machines.is_writable()?;
        let instance = self.instance(machine).await?;
        if instance.as_ref().is_some_and(|instance| instance.state != InstanceState::Stopped) {
            journal.step("stop the container", self.driver.stop(&name, StopMode::Force)).await?;
        }
        journal.enter(Phase::Remove);
        self.hide_root(machine).await?;
        if instance.is_some() {
            journal.step("delete the container", self.driver.delete(&name)).await?;
        }
        // Nobody installs the controller meanwhile, which would mount the generations again.
        let held = self.hold_controller(Some(journal)).await?;
        journal.step("delete the generations", self.remove_generations(machine)).await?;
        let mut warnings = Vec::new();
        if keep_secrets {
            self.keep_secrets(machine)?;
        } else {
            let forgotten = journal.step("forget the secrets", self.forget_secrets(machine)).await;
            if let Err(error) = forgotten {
                // The machine is gone either way; its user must know that a value is still in the keyring.
                warnings.push(format!("its secrets couldn't be removed: {error}"));
            }
        }
        self.machines.remove(machine)?;
        drop(held);
        self.forget_repositories_if_unused().await;
        Ok(OperationOutcome { changed: true, warnings, ..OperationOutcome::default() })
    }
}
