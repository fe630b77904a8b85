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

/// How much of a text is kept, in bytes: a repository decides what it throws.
const TEXT: usize = 16 << 10;
/// How many lines of details are kept, and how many bytes of all of them.
const LINES: usize = 400;
const DETAILS: usize = 64 << 10;

impl Failure {
    /// Cuts what others wrote to what a person reads. Of the details the end counts.
    pub(crate) fn bound(&mut self) {
        for text in std::iter::once(&mut self.message).chain(&mut self.hints).chain(&mut self.causes) {
            cut(text);
        }
        let mut kept = std::collections::VecDeque::new();
        let mut bytes = 0;
        let all = self.details.len();
        for mut line in std::mem::take(&mut self.details).into_iter().rev() {
            cut(&mut line);
            bytes += line.len();
            if kept.len() == LINES || bytes > DETAILS {
                break;
            }
            kept.push_front(line);
        }
        if kept.len() < all {
            kept.push_front(format!("({} lines before are left out)", all - kept.len()));
        }
        self.details = kept.into();
    }

    /// Masks what must not be shown.
    pub fn redact(&mut self, redactor: &crate::secret::Redactor) {
        redactor.string(&mut self.message);
        for text in self.hints.iter_mut().chain(&mut self.causes).chain(&mut self.details) {
            redactor.string(text);
        }
    }
}

/// Cuts a text that is too long, between two characters.
fn cut(text: &mut String) {
    if text.len() > TEXT {
        let left_out = text.len() - TEXT;
        let end = (0..=TEXT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(&format!("… ({left_out} bytes are left out)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str, details: Vec<String>) -> Failure {
        let mut failure = Failure {
            code: FailureCode::Evaluation,
            message: message.into(),
            hints: vec![],
            causes: vec!["ü".repeat(TEXT)],
            details,
        };
        failure.bound();
        failure
    }

    #[test]
    fn what_is_short_stays() {
        let details: Vec<String> = (0..LINES).map(|line| line.to_string()).collect();
        let bounded = failure("short", details.clone());
        assert_eq!((bounded.message.as_str(), bounded.details), ("short", details));
    }

    #[test]
    fn a_repository_does_not_decide_how_much_is_kept() {
        let bounded = failure(&"x".repeat(15 << 20), vec!["y".repeat(15 << 20), "the end".into()]);
        assert!(serde_json::to_vec(&bounded).unwrap().len() < 128 << 10);
        assert_eq!(bounded.details.last().unwrap(), "the end");
        assert!(bounded.causes[0].ends_with("(16384 bytes are left out)"), "{}", bounded.causes[0]);
        let bounded = failure("many", (0..1_000_000).map(|line| line.to_string()).collect());
        assert_eq!(bounded.details.len(), LINES + 1);
        assert_eq!(bounded.details[0], "(999600 lines before are left out)");
        assert_eq!(bounded.details.last().unwrap(), "999999");
    }
}
