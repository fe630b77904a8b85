//! Beginning an operation, which goes on by itself and writes down how it ended.

use std::{collections::HashMap, sync::Arc};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    controller::Controller,
    error::Error,
    failure::{Failure, FailureCode},
    locked::LockedMachine,
    machine::MachineName,
    operation::{Door, Journal, Operation, OperationId, OperationKind, OperationOutcome, OperationState},
};

impl Controller {
    pub(crate) fn running(&self) -> std::sync::MutexGuard<'_, HashMap<OperationId, CancellationToken>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
