//! Secrets: what modules ask for, what the user answered, and how values come into machines.
//!
//! Values are kept by a [`SecretStore`] and nowhere else; the files of this crate say only which are set, and since when.

mod answers;
mod store;
mod value;

pub use answers::{Answers, HostSecret, SecretAnswer};
pub use store::{SecretId, SecretStore, StoreError, StoreKind, StoreState};
pub use value::{MAX_BYTES, SecretValue, ValueError};
