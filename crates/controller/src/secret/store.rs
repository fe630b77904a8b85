//! Where secrets are kept on the host: the trait that the domain needs. A keyring and an encrypted vault implement it in
//! `codchi-secrets`.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::SecretValue;
use crate::machine::MachineName;

/// Which secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretId {
    /// One that a module of a machine asks for.
    Machine {
        /// The machine.
        machine: MachineName,
        /// Its name among `codchi.secrets`.
        secret: String,
    },
    /// The user's access token for a host of repositories. The value is `USER:TOKEN`.
    Token {
        /// The host's name, with its port where that isn't the usual one.
        host: String,
    },
}

/// As it is called in the keyring: `machine/NAME/SECRET`, `token/HOST`.
impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine { machine, secret } => write!(f, "machine/{machine}/{secret}"),
            Self::Token { host } => write!(f, "token/{host}"),
        }
    }
}

/// The kinds of store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// The keyring of the operating system: Secret Service, Windows Credential Manager.
    #[default]
    Keyring,
    /// A file that is encrypted with a passphrase.
    Vault,
}

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It can be read and written.
    Ready,
    /// It must be unlocked first: the keyring by its own prompt, the vault by its passphrase.
    Locked,
    /// There is none: no Secret Service on this session's bus, no vault file yet.
    Absent,
}

/// Keeps secrets, and has each value that it takes or gives hidden ([`super::hide`]). [`SecretStore::unlock`] may take as long as its user takes to answer a prompt of the system; the others raise none.
#[async_trait]
pub trait SecretStore: Send + Sync + 'static {
    /// Which it is.
    fn kind(&self) -> StoreKind;

    /// How it is, without raising a prompt.
    async fn state(&self) -> StoreState;

    /// A value; `None` when there is none.
    async fn get(&self, id: &SecretId) -> Result<Option<SecretValue>, StoreError>;

    /// Keeps a value in place of the one before.
    async fn set(&self, id: &SecretId, value: &SecretValue) -> Result<(), StoreError>;

    /// Forgets a value. One that isn't there is fine.
    async fn remove(&self, id: &SecretId) -> Result<(), StoreError>;

    /// Opens the store. The vault takes its passphrase, and is made with it where there is none; the keyring takes none and raises the
    /// system's prompt.
    async fn unlock(&self, passphrase: Option<&SecretValue>) -> Result<(), StoreError>;

    /// Returns when a store that was locked can be used, whichever process opened it. A store that another process can't open for this
    /// one never returns.
    async fn opened(&self) {
        std::future::pending::<()>().await;
    }

    /// Has the store opened by another passphrase from now on. Only the vault has one that Codchi knows of.
    async fn change_passphrase(&self, old: &SecretValue, new: &SecretValue) -> Result<(), StoreError> {
        let _ = (old, new);
        Err(StoreError::Failed {
            action: format!("change the passphrase of the {}", words(self.kind())),
            reason: "it is changed where the system keeps its passwords".into(),
        })
    }
}

/// What went wrong with a store. Never has a value or a passphrase in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is none.
    #[error("this computer has no {}", words(*kind))]
    Absent {
        /// Which was looked for.
        kind: StoreKind,
    },
    /// It is locked, and wasn't unlocked.
    #[error("the {} is locked", words(*kind))]
    Locked {
        /// Which.
        kind: StoreKind,
    },
    /// The user, or the system, refused.
    #[error("access to the {} was denied", words(*kind))]
    Denied {
        /// Which.
        kind: StoreKind,
    },
    /// The vault doesn't open.
    #[error("the passphrase doesn't open the vault")]
    WrongPassphrase,
    /// Anything else.
    #[error("can't {action}: {reason}")]
    Failed {
        /// What was asked, such as `read machine/web/token from the keyring`.
        action: String,
        /// Why.
        reason: String,
    },
}

/// What a store is called in a sentence.
fn words(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Keyring => "keyring",
        StoreKind::Vault => "vault",
    }
}
