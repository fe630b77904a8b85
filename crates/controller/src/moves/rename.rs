//! Giving a machine another name, with everything that is known of it: container, generations, secrets, files, and what was done to it.
//!
//! That it is under way is in its record before the first step. From then on only the same renaming goes on with it, and both names are
//! taken, until all is done. The step that makes it the other machine is one renamed directory; what comes before is undone when it fails
//! and the container has its old name, and repeated when it was interrupted; what comes after is finished.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    activity::LogLevel,
    containers,
    controller::Controller,
    driver::{DriverError, InstanceState, Role, VolumeName},
    error::Error,
    machine::{MachineName, MachineRecord},
    operation::{Door, Journal, Operation, OperationKind, OperationOutcome, Phase},
    secret::{SecretId, Values},
};

/// A renaming that isn't over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Renaming {
    pub(crate) from: MachineName,
    pub(crate) to: MachineName,
    /// Whether the machine ran, and is to run again.
    pub(crate) start: bool,
}

impl Controller {
    /// Gives a machine another name. One that runs is stopped, and started again. A renaming that was interrupted is continued.
    ///
    /// # Errors
    /// Before the operation begins: no such machine, a taken name, a machine that is being worked on.
    pub fn rename(
        self: &Arc<Self>,
        from: &MachineName,
        to: &MachineName,
        door: Door,
    ) -> Result<Operation, Error> {
        let wanted = |found: &Renaming| found.from == *from && found.to == *to;
        let begun = self.renaming_with(from)?;
        if let Some(other) = begun.as_ref().filter(|begun| !wanted(begun)) {
            return Err(other.unfinished());
        }
        let is_moved = begun.is_some() && !self.machines.names()?.contains(from);
        let (current, other) = if is_moved { (to, from) } else { (from, to) };
        self.exists(current)?;
        if from.same_as(to) {
            return Err(Error::Argument("the names differ in nothing but case".into()));
        }
        if begun.is_none() {
            if let Some(taken) = self.renaming_with(to)? {
                return Err(taken.unfinished());
            }
            if let Some(existing) = self.machines.same_name(to)? {
                return Err(Error::AlreadyExists { existing });
            }
        }
        let machine = self.lock_whatever(current)?;
        let also = self.lock_whatever(other)?;
        let (from, to) = (from.clone(), to.clone());
        self.spawn(OperationKind::Rename, Some(machine), door, async move |controller, journal| {
            let _also = also;
            controller.move_machine(&from, &to, &journal).await
        })
    }

    /// The renaming, not over yet, that this name has a part in.
    pub(crate) fn renaming_with(&self, name: &MachineName) -> Result<Option<Renaming>, Error> {
        for machine in self.machines.names()? {
            // One whose record can't be read has other problems.
            let renaming = self.machines.record(&machine).ok().and_then(|record| record.renaming);
            if let Some(renaming) = renaming.filter(|one| one.from.same_as(name) || one.to.same_as(name)) {
                return Ok(Some(renaming));
            }
        }
        Ok(None)
    }

    async fn move_machine(
        &self,
        from: &MachineName,
        to: &MachineName,
        journal: &Journal,
    ) -> Result<OperationOutcome, Error> {
        let mut warnings = Vec::new();
        if self.machines.names()?.contains(from) {
            // Read before anything is changed: the store may be locked.
            let values = self.all_values(from).await?;
            if let Err(error) = self.move_to_name(from, to, &values, journal).await {
                // Refused before it began, nothing was done that could be undone: what has the other name is somebody else's.
                if !self.machines.record(from).is_ok_and(|record| record.renaming.is_none()) {
                    self.move_back(from, to, &values, journal).await;
                }
                return Err(error);
            }
            journal.renamed(to);
        }
        if let Err(error) = self.operations.rename_machine(from, to) {
            warnings.push(format!("what was done to it before is still called '{from}': {error}"));
        }
        journal.step("remove what had the old name", self.forget_name(from, to, journal)).await?;
        let renaming = self.machines.record(to)?.renaming;
        if renaming.is_some_and(|renaming| renaming.start) {
            journal.enter(Phase::Start);
            let _controller = self.use_controller(Some(journal)).await?;
            warnings.extend(self.start_and_wait(to, journal).await?);
        }
        self.machines.update_record(to, |record| record.renaming = None)?;
        Ok(OperationOutcome { changed: true, warnings, ..OperationOutcome::default() })
    }

    /// Everything until the machine has its new name.
    async fn move_to_name(
        &self,
        from: &MachineName,
        to: &MachineName,
        values: &Values,
        journal: &Journal,
    ) -> Result<(), Error> {
        journal.enter(Phase::Stop);
        let images = self.images.as_ref().ok_or(Error::NoImages)?;
        let _controller = self.use_controller(Some(journal)).await?;
        let runs = self.instance(from).await?.is_some_and(|one| one.state != InstanceState::Stopped);
        let begun = self.machines.record(from)?.renaming;
        if begun.is_none() && self.instance(to).await?.is_some() {
            return Err(Error::WithoutSettings { machine: to.clone() });
        }
        let start = runs || begun.is_some_and(|begun| begun.start);
        let renaming = Renaming { from: from.clone(), to: to.clone(), start };
        self.machines.update_record(from, |record| record.renaming = Some(renaming.clone()))?;
        if runs {
            self.stop_machine(from, false, journal).await?;
        }
        if journal.cancel().is_cancelled() {
            return Err(Error::Cancelled);
        }

        journal.enter(Phase::Rename);
        if !values.is_empty() {
            let keep = async {
                let store = self.open_store().await?;
                for (secret, value) in values {
                    let id = SecretId::Machine { machine: to.clone(), secret: secret.clone() };
                    store.set(&id, value).await?;
                }
                Ok::<_, Error>(())
            };
            journal.step("take the secrets along", keep).await?;
        }
        if self.machines.record(from)?.built.is_some() {
            let profiles = async {
                for machine in [from, to] {
                    let mount = containers::profile_in_controller(machine);
                    self.driver.create_volume(&mount.volume).await?;
                    self.driver.attach(&Role::Controller.instance(), &mount).await?;
                }
                self.nix.copy_generations(from, to).await.map_err(Error::from)
            };
            journal.step("take the generations along", profiles).await?;
            let spec =
                self.machine_spec_as(from, to, &self.machines.record(from)?.given(), &images.machine.image)?;
            let instance = Role::Machine(from.clone()).instance();
            self.hide_root(from).await?;
            let rename = self.driver.rename(&instance, &spec);
            match journal.step("rename the container", rename).await {
                Err(DriverError::NotFound { kind: "instance", .. }) => {
                    journal.say(LogLevel::Info, "it has no container");
                }
                renamed => renamed?,
            }
            // Before what is kept for the old name is forgotten.
            self.show_root(to).await;
            self.keep_roots().await?;
        }
        let record = self.machines.record(from)?;
        Ok(self.machines.rename(from, to, &MachineRecord { renaming: Some(renaming), ..record })?)
    }

    /// Leaves the machine as it was when it couldn't be moved. Where its container has the new name already there is no way back: then the
    /// same renaming goes on.
    async fn move_back(&self, from: &MachineName, to: &MachineName, values: &Values, journal: &Journal) {
        let back = async {
            let built = self.machines.record(from)?.built.is_some();
            if built && self.instance(from).await?.is_none() {
                return Ok(false);
            }
            for secret in values.keys() {
                let id = SecretId::Machine { machine: to.clone(), secret: secret.clone() };
                self.store()?.remove(&id).await?;
            }
            self.remove_generations(to).await?;
            self.show_root(from).await;
            self.machines.update_record(from, |record| record.renaming = None)?;
            Ok::<_, Error>(true)
        };
        let text = match back.await {
            Ok(true) => return,
            Ok(false) => format!("`codchi rename {from} {to}` goes on from here"),
            Err(error) => format!("what was done of it stays, `codchi rename {from} {to}` goes on: {error}"),
        };
        journal.say(LogLevel::Warning, text);
    }

    /// Removes what is left of the old name.
    async fn forget_name(
        &self,
        from: &MachineName,
        to: &MachineName,
        journal: &Journal,
    ) -> Result<(), Error> {
        let answers = self.machines.answers(to)?;
        for secret in answers.secrets.keys().filter(|secret| answers.set_since(secret).is_some()) {
            let id = SecretId::Machine { machine: from.clone(), secret: secret.clone() };
            self.open_store().await?.remove(&id).await?;
        }
        // Nobody installs the controller meanwhile, which would mount the generations again.
        let _held = self.hold_controller(Some(journal)).await?;
        self.remove_generations(from).await?;
        Ok(self.machines.remove_record(from)?)
    }
}

impl Renaming {
    /// Why nothing else is done with either name.
    pub(crate) fn unfinished(&self) -> Error {
        Error::RenameUnfinished { from: self.from.clone(), to: self.to.clone() }
    }
}

impl Controller {
    /// Removes the generations of a name, and what the controller has of it.
    pub(crate) async fn remove_generations(&self, name: &MachineName) -> Result<(), Error> {
        let controller = self.controller_need().await?;
        if controller == crate::containers::setup::Need::Nothing {
            self.nix.forget(name).await?;
        }
        let volume = VolumeName::profile(name);
        if controller != crate::containers::setup::Need::Install {
            self.driver.detach(&Role::Controller.instance(), &volume).await?;
        }
        Ok(self.driver.delete_volume(&volume).await?)
    }
}
