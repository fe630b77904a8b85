//! The directory of an operation: names of its files, and reading them. Writing is [`super::journal`]'s.

use std::{collections::HashSet, fs, path::PathBuf};

use time::OffsetDateTime;

use super::{Operation, OperationId, OperationKind, OperationState};
use crate::{
    activity::{Activity, ActivityTree},
    failure::{Failure, FailureCode},
    files::{self, FileError, Paths},
    lock,
    machine::MachineName,
};

/// The format of `operation.json` that is written.
pub(super) const VERSION: u64 = 1;

/// How many ended operations are kept.
const KEEP: usize = 200;

/// How many operations, the newest, are swept: what was killed before that was swept before.
const SWEPT: usize = 20;

/// All operations of this user.
#[derive(Clone, Debug)]
pub(crate) struct OperationFiles {
    directory: PathBuf,
}

impl OperationFiles {
    pub(crate) fn new(paths: &Paths) -> Self {
        Self { directory: paths.operations() }
    }

    pub(crate) fn directory(&self, id: OperationId) -> PathBuf {
        self.directory.join(id.to_string())
    }

    pub(crate) fn log_path(&self, id: OperationId) -> PathBuf {
        self.directory(id).join("log.jsonl")
    }

    pub(crate) fn activity_path(&self, id: OperationId) -> PathBuf {
        self.directory(id).join("activity.jsonl")
    }

    /// Its presence asks the process that runs the operation to cancel it.
    pub(crate) fn cancel_path(&self, id: OperationId) -> PathBuf {
        self.directory(id).join("cancel")
    }

    pub(super) fn operation_path(&self, id: OperationId) -> PathBuf {
        self.directory(id).join("operation.json")
    }

    pub(super) fn lock_path(&self, id: OperationId) -> PathBuf {
        self.directory(id).join("lock")
    }

    /// The identities of all operations, the newest first.
    pub(crate) fn ids(&self) -> Vec<OperationId> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let mut ids: Vec<OperationId> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    /// Removes what processes that were killed while they wrote have left of the last operations.
    pub(crate) fn sweep(&self) {
        self.ids().into_iter().take(SWEPT).for_each(|id| files::sweep_killed(&self.directory(id)));
    }

    /// The operation as it is now. One whose process ended before it did is marked as interrupted here, once; one that waits for an
    /// answer waits on.
    pub(crate) fn read(&self, id: OperationId) -> Result<Option<Operation>, FileError> {
        let path = self.operation_path(id);
        let read = || files::read_versioned::<Operation>(&path, VERSION);
        let Some(operation) = read()? else { return Ok(None) };
        if operation.state != OperationState::Running {
            return Ok(Some(operation));
        }
        let Some(_held) = lock::try_exclusive(&self.lock_path(id))? else { return Ok(Some(operation)) };
        // Nobody runs it. It may have ended between the two looks.
        let Some(mut operation) = read()? else { return Ok(None) };
        if operation.state == OperationState::Running {
            operation.fail(OperationState::Interrupted, interrupted(&operation), OffsetDateTime::now_utc());
            files::write_versioned(&path, VERSION, &operation)?;
        }
        Ok(Some(operation))
    }

    /// Ends an operation that waits for an answer and that nobody runs any more; whether there was something to end.
    pub(crate) fn end_waiting(
        &self,
        id: OperationId,
        end: impl FnOnce(&mut Operation),
    ) -> Result<bool, FileError> {
        let path = self.operation_path(id);
        let Some(_held) = lock::try_exclusive(&self.lock_path(id))? else { return Ok(false) };
        match files::read_versioned::<Operation>(&path, VERSION)? {
            Some(mut operation) if operation.state == OperationState::WaitingForInput => {
                end(&mut operation);
                files::write_versioned(&path, VERSION, &operation)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Has what was done to a machine belong to its new name. Operations that aren't over are left alone.
    pub(crate) fn rename_machine(&self, from: &MachineName, to: &MachineName) -> Result<(), FileError> {
        for id in self.ids() {
            // One that can't be read explains nothing.
            let Ok(Some(mut operation)) = self.read(id) else { continue };
            if operation.state.is_over() && operation.machine.as_ref() == Some(from) {
                operation.machine = Some(to.clone());
                files::write_versioned(&self.operation_path(id), VERSION, &operation)?;
            }
        }
        Ok(())
    }

    /// Its activities so far, in the order in which they appeared.
    pub(crate) fn activities(&self, id: OperationId) -> Result<Vec<Activity>, FileError> {
        let bytes = files::read_if_exists(&self.activity_path(id))?.unwrap_or_default();
        let mut tree = ActivityTree::default();
        // The last line may be half-written: the writer is at work, or was killed.
        for activity in bytes.split(|&b| b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()) {
            tree.upsert(activity);
        }
        Ok(tree.iter().cloned().collect())
    }

    /// Removes the oldest of the operations that are over, except those `kept`.
    pub(crate) fn prune(&self, kept: &HashSet<OperationId>) {
        for id in self.ids().into_iter().skip(KEEP).filter(|id| !kept.contains(id)) {
            if matches!(self.read(id), Ok(Some(operation)) if operation.state.is_over()) {
                let _ = fs::remove_dir_all(self.directory(id));
            }
        }
    }
}

fn interrupted(operation: &Operation) -> Failure {
    let subject = match &operation.machine {
        Some(machine) => format!("'{machine}'"),
        None if operation.kind == OperationKind::Fix => "fixing this computer".into(),
        None => "the controller".into(),
    };
    Failure {
        code: FailureCode::Interrupted,
        message: format!("the process that worked on {subject} ended before it was done"),
        hints: vec!["nothing is lost: run the same command again, it continues from what is there".into()],
        causes: vec![],
        details: vec![],
    }
}
