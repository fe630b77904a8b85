//! An error as people and programs read it: what happened, to which thing, what now.
//!
//! The typed errors of this crate become a [`Failure`] at the edge, in [`crate::error`]; nothing branches on its texts.

use serde::{Deserialize, Serialize};

/// What kind of failure it is, where somebody branches on it: the command line's exit code, a page of the window, a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// A machine's name isn't valid.
    InvalidName,
    /// An address of a repository isn't valid.
    InvalidUrl,
    /// An address contains a password or token.
    UrlHasCredentials,
    /// Another argument isn't valid.
    InvalidArgument,
    /// The name is taken.
    AlreadyExists,
    /// The machine doesn't exist.
    MachineNotFound,
    /// The module doesn't exist.
    ModuleNotFound,
    /// The operation doesn't exist.
    OperationNotFound,
    /// The repository doesn't exist, or this user may not see it.
    RepositoryNotFound,
    /// A server refused the user's access, or there is none.
    AccessDenied,
    /// A server's certificate isn't trusted.
    Certificate,
    /// The repository has no `flake.nix`.
    NoFlake,
    /// The repository offers no module.
    NoModules,
    /// Nix code doesn't evaluate.
    Evaluation,
    /// A derivation failed.
    Build,
    /// The new system couldn't be activated.
    Activation,
    /// The system didn't come up.
    Boot,
    /// Another operation works on the machine.
    Busy,
    /// The machine must run for this.
    NotRunning,
    /// The engine isn't there, doesn't run or refuses.
    EngineUnavailable,
    /// No controller image was found.
    ImageUnavailable,
    /// A file is damaged or of a newer Codchi.
    InvalidFile,
    /// The secret doesn't exist or isn't set.
    SecretNotFound,
    /// The store of secrets isn't there, is locked or refuses.
    StoreUnavailable,
    /// The operation waits for an answer.
    InputNeeded,
    /// This computer lacks what the machine needs.
    MissingCapability,
    /// The user cancelled.
    Cancelled,
    /// The process that ran the operation ended.
    Interrupted,
    /// Anything else.
    Failed,
}

/// An error for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its kind.
    pub code: FailureCode,
    /// What happened, to which thing. One sentence without a full stop.
    pub message: String,
    /// What to do now, one sentence each.
    pub hints: Vec<String>,
    /// Why, from the nearest cause to the farthest.
    pub causes: Vec<String>,
    /// The last lines of output, or a trace, where there is one.
    pub details: Vec<String>,
}

impl Failure {
    /// Masks what must not be shown.
    pub fn redact(&mut self, redactor: &crate::secret::Redactor) {
        redactor.string(&mut self.message);
        for text in self.hints.iter_mut().chain(&mut self.causes).chain(&mut self.details) {
            redactor.string(text);
        }
    }
}
