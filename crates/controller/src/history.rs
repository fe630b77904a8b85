//! What was done: the operations, their logs, and asking one to end.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use crate::{
    activity::{Activity, ActivityId, LogLine},
    controller::Controller,
    error::Error,
    failure::Failure,
    files::{self, FileError},
    machine::MachineName,
    operation::{LogIndex, Operation, OperationId, OperationState},
};

/// How many logs are kept indexed in memory.
const INDEXED_LOGS: usize = 8;

/// A log that is being looked at.
pub(crate) type SharedIndex = Arc<Mutex<LogIndex>>;

impl Controller {
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
        self.with_log(id, move |log| Ok((log.count(activity), log.lines(activity, from, limit)?))).await
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
        let text = text.to_owned();
        let search = move |log: &LogIndex| match log.len() {
            0 => Ok(vec![]),
            _ => log.search(activity, &text, limit),
        };
        self.with_log(id, search).await
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
    pub(crate) fn prune_operations(&self) {
        let names = self.machines.names().unwrap_or_default();
        let explaining = names.iter().filter_map(|name| self.machines.record(name).ok()?.last_operation);
        self.operations.prune(&explaining.collect());
    }

    /// Reads a log where it may take its time.
    async fn with_log<T: Send + 'static>(
        &self,
        id: OperationId,
        read: impl FnOnce(&LogIndex) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        if !self.operations.directory(id).exists() {
            return Err(Error::OperationNotFound { id });
        }
        let path = self.operations.log_path(id);
        let index = self.index_of(id);
        let work = move || {
            let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
            index.update()?;
            read(&index)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|join| Err(std::io::Error::other(join)))
            .map_err(|source| FileError::Io { path, source }.into())
    }

    /// The index of a log; the ones that were looked at longest ago are forgotten.
    fn index_of(&self, id: OperationId) -> SharedIndex {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let index = match logs.iter().position(|(logged, _)| *logged == id) {
            Some(at) => logs.remove(at).1,
            None => Arc::new(Mutex::new(LogIndex::new(self.operations.log_path(id)))),
        };
        if logs.len() >= INDEXED_LOGS {
            logs.remove(0);
        }
        logs.push((id, Arc::clone(&index)));
        index
    }
}
