//! What a new machine is made from, where that is more than its modules: another machine, or a file that one was exported to.
//!
//! It is part of the draft's record, so that any process can go on with it. Its container is filled when there is a system to boot.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    controller::Controller,
    driver::{Image, Role, StopMode},
    error::Error,
    lock,
    machine::{MachineName, MachineSpec},
    moves::archive::Archive,
    nix::Requirements,
    operation::Journal,
    secret::{Answers, SecretAnswer},
};

/// Where a machine's own files come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Origin {
    /// What it is made from.
    pub(crate) source: Source,
    /// Whether its own files come along.
    pub(crate) data: bool,
    /// Whether they are there.
    pub(crate) filled: bool,
}

/// What a machine can be made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "from")]
pub(crate) enum Source {
    /// Another machine.
    Machine {
        /// Its name.
        machine: MachineName,
    },
    /// A file that a machine was exported to.
    Archive {
        /// Its absolute path.
        path: PathBuf,
    },
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Machine { machine } => write!(f, "a copy of '{machine}'"),
            Self::Archive { path } => write!(f, "an import of {}", path.display()),
        }
    }
}

/// A machine that is to be made from something.
pub(crate) struct Draft {
    pub(crate) spec: MachineSpec,
    pub(crate) lock: Option<String>,
    /// Answers that hold for it too. Never what may be used of the user's own, nor that a value is set.
    pub(crate) answers: Answers,
    pub(crate) origin: Origin,
    /// Whether to start it.
    pub(crate) start: bool,
}

impl Answers {
    /// Of these, those that hold for a copy: what its user wants to provide later.
    pub(crate) fn for_a_copy(&self) -> Self {
        let later = self.secrets.iter().filter(|(_, answer)| matches!(answer, SecretAnswer::Later));
        Self { secrets: later.map(|(name, answer)| (name.clone(), *answer)).collect(), ..Self::default() }
    }
}

impl Controller {
    /// Whether the name is free for what is made from this, or has an unfinished one already.
    pub(crate) fn free_or_draft_of(&self, name: &MachineName, source: &Source) -> Result<bool, Error> {
        if !self.free_or_unfinished(name)? {
            return Ok(false);
        }
        match self.machines.record(name)?.origin {
            Some(origin) if origin.source == *source => Ok(true),
            origin => {
                Err(Error::OtherDraft { machine: name.clone(), of: origin.map(|o| o.source.to_string()) })
            }
        }
    }

    /// Writes down what is wanted of a machine that is made from something, what makes it a machine last. The caller has its lock.
    pub(crate) fn write_draft(&self, name: &MachineName, draft: &Draft) -> Result<(), Error> {
        let exists = self.machines.spec(name)?.is_some();
        if !exists {
            // What a creation left that was killed in here.
            self.machines.remove(name)?;
        }
        let filled = exists && self.machines.record(name)?.origin.is_some_and(|origin| origin.filled);
        if let Some(lock) = &draft.lock {
            self.machines.write_lock(name, lock)?;
        }
        self.machines.update_answers(name, |answers| answers.take_missing(&draft.answers))?;
        self.machines.update_record(name, |record| {
            record.origin = Some(Origin { filled, ..draft.origin.clone() });
            record.stays_stopped = !draft.start;
        })?;
        Ok(self.machines.write_spec(name, &draft.spec)?)
    }

    /// Makes a machine's container where there is none, with what it is made from in it. The controller sees its files.
    pub(crate) async fn make_container(
        &self,
        machine: &MachineName,
        requirements: &Requirements,
        image: &Image,
        journal: &Journal,
    ) -> Result<(), Error> {
        // What it may still see is that of one which is gone.
        self.hide_root(machine).await?;
        self.fill_container(machine, requirements, image, journal).await?;
        self.show_root(machine).await;
        Ok(())
    }

    async fn fill_container(
        &self,
        machine: &MachineName,
        requirements: &Requirements,
        image: &Image,
        journal: &Journal,
    ) -> Result<(), Error> {
        let spec = self.machine_spec(machine, requirements, image)?;
        let origin = self.machines.record(machine)?.origin.filter(|origin| origin.data && !origin.filled);
        let Some(origin) = origin else {
            return Ok(journal.step("create the container", self.driver.create(&spec)).await?);
        };
        let name = spec.role.instance();
        match origin.source {
            Source::Machine { machine: original } => {
                // Nobody changes it meanwhile. Waiting can be given up.
                let wait = async { Ok(lock::wait_for_machine(&self.paths, &original).await?) };
                let _held = journal.unless_cancelled(wait).await?;
                if self.instance(&original).await?.is_none() {
                    return Err(Error::OriginGone { machine: machine.clone(), original });
                }
                let original = Role::Machine(original).instance();
                let copy = self.driver.copy(&original, &spec);
                journal.step("copy the container", copy).await?;
                let forget = self
                    .while_idle(machine, async |instance| self.ctrl_serve(instance, "forget-identity").await);
                journal.step("make it another machine", forget).await?;
            }
            Source::Archive { path } => {
                let opened = path.clone();
                let open = tokio::task::spawn_blocking(move || Archive::open(&opened));
                let mut archive =
                    open.await.unwrap_or_else(|error| Err(Error::Argument(error.to_string())))?;
                // What an interrupted one left has a part of the files.
                if self.instance(machine).await?.is_some() {
                    self.driver.stop(&name, StopMode::Force).await?;
                    self.driver.delete(&name).await?;
                }
                journal.step("create the container", self.driver.create(&spec)).await?;
                let fill = self.while_idle(machine, async |instance| {
                    self.unpack(instance, move |to| archive.copy_data(to), journal).await
                });
                journal.step("unpack its own files", fill).await?;
            }
        }
        Ok(self.machines.update_record(machine, |record| {
            if let Some(origin) = &mut record.origin {
                origin.filled = true;
            }
        })?)
    }
}
