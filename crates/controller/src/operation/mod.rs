//! Long actions as objects: what they do, how far they are, how they ended. They outlive windows and processes as files.
//!
//! An operation is a directory `operations/ID` with `operation.json` (replaced atomically), `activity.jsonl` and `log.jsonl`
//! (appended), and `lock`, which is held while the operation runs. Everyone, also the process that runs it, learns of it from these
//! files: there is one way for a change to reach a window, whoever made it.

mod files;
mod journal;
mod log_index;
mod log_room;
mod model;

pub(crate) use files::OperationFiles;
pub(crate) use journal::Journal;
pub(crate) use log_index::LogIndex;
pub use model::{
    Door, Operation, OperationId, OperationKind, OperationOutcome, OperationState, Phase, PhaseProgress,
    PhaseState,
};
