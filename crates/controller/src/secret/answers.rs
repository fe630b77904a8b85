//! What the user answered for a machine: the content of its `answers.json`. Says which secrets are set, never their values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The user's own secrets that a machine may ask for, beyond those of its modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum HostSecret {
    /// The certificate authorities that the host trusts beyond the usual ones.
    CaCertificates,
    /// The socket of the SSH agent.
    SshAgent,
    /// Credentials for git.
    GitCredentials,
    /// Access tokens for Nix.
    NixAccessTokens,
}

/// What was answered, for one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Answers {
    /// The modules' secrets, by name.
    pub secrets: BTreeMap<String, SecretAnswer>,
    /// Whether the machine may use the user's own secrets. Not in it: not answered yet.
    pub host_secrets: BTreeMap<HostSecret, bool>,
    /// Capabilities that the machine asks for and is built without, by the user's wish.
    pub without: BTreeSet<String>,
}

/// The answer for one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum SecretAnswer {
    /// Its value is in the store.
    Set {
        /// Since when.
        #[serde(with = "time::serde::rfc3339")]
        changed: OffsetDateTime,
    },
    /// It is optional, and the user will provide it later.
    Later,
}

impl Answers {
    /// Since when a secret is set.
    pub fn set_since(&self, secret: &str) -> Option<OffsetDateTime> {
        match self.secrets.get(secret) {
            Some(SecretAnswer::Set { changed }) => Some(*changed),
            _ => None,
        }
    }
}
