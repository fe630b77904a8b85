//! `ctrl-serve deliver`: puts a machine's secrets, variables and certificates into its tmpfs, all of them or none.
//!
//! What was delivered lies in one directory below `/run/codchi`. The names that programs know are links through `current`, and to
//! replace everything that one link is exchanged: whoever reads sees the old delivery or the new one. The marker `delivered` is
//! written last, each time.
//!
//! Not here: where values come from and whether they are complete. The host decides both.

mod accounts;
mod place;
mod quote;
mod request;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::wait::{self, WaitError};

pub(crate) use place::MARKER;

/// Where it goes.
pub(crate) const RUNTIME: &str = "/run/codchi";

/// Where accounts are; both files are replaced by a rename.
const ACCOUNTS: &str = "etc/passwd";

/// The machine's user, who reads the variables.
const USER: &str = "codchi";

/// Why nothing was changed. Never contains a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    #[error("cannot read the delivery: {0}")]
    Read(#[source] io::Error),
    #[error("the delivery is larger than {} MB", request::LARGEST >> 20)]
    TooLarge,
    #[error("the delivery is not of the form that this machine understands (line {line}, column {column})")]
    Form { line: usize, column: usize },
    #[error("the delivery has version {0}; this machine understands version {version}", version = request::VERSION)]
    Version(u32),
    #[error("the delivery's {what} {name:?} is refused: {reason}")]
    Refused { what: &'static str, name: String, reason: &'static str },
    #[error("the secret {secret:?} is for the {kind} {account:?}, which this machine does not have")]
    Account { secret: String, kind: &'static str, account: String },
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error("{path:?} is not in a tmpfs: nothing secret is written to a disk")]
    Disk { path: PathBuf },
    #[error("cannot write {path:?}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

impl DeliverError {
    /// Whether the machine wasn't far enough in time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, DeliverError::Wait(e) if e.is_timeout())
    }
}

/// Replaces what was delivered by the document in `input`, once the machine's systemd has its `/run`, and, where `await_accounts`, its
/// users and groups are there that the document names.
///
/// # Errors
/// See [`DeliverError`]; what was delivered before is then unchanged.
pub(crate) fn deliver(
    input: &mut dyn io::Read,
    timeout: Duration,
    await_accounts: bool,
) -> Result<(), DeliverError> {
    let text = request::read_whole(input)?;
    let delivery = request::parse(&text)?;
    wait::until_runtime(timeout)?;
    let root = Path::new("/");
    if await_accounts {
        // What is missing after it is said by what follows.
        wait::until_accounts(&root.join(ACCOUNTS), timeout, || place::has_owners(&delivery, root))?;
    }
    place::replace(&delivery, root, Path::new(RUNTIME))
}
