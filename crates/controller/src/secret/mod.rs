//! Secrets: what modules ask for, what the user answered, and how values come into machines.
//!
//! Values are kept by a [`SecretStore`] and nowhere else; the files of this crate say only which are set, and since when.

mod answers;
mod asks;
mod deliver;
mod keep;
mod kept;
#[cfg(any(test, feature = "fake"))]
pub mod memory;
mod redact;
mod sealed;
mod store;
mod value;

pub use answers::{Answers, GivenAnswers, HostSecret, SecretAnswer};
pub use asks::{AskFor, AskedSecret, Asks};
pub(crate) use deliver::Delivery;
pub use keep::{Answered, HostSecretStatus, SecretStatus};
pub use redact::{Keys, MASK, RedactedStream, Redactor, SHORTEST, hide, known};
pub use sealed::{SealError, Sealer, Values};
pub use store::{SecretId, SecretStore, StoreError, StoreKind, StoreState};
pub use value::{MAX_BYTES, SecretValue, ValueError};
