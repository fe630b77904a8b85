//! What the user answered for a machine: the content of its `answers.json`. Says which secrets are set, never their values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::SecretValue;

/// The user's own secrets that a machine may ask for, beyond those of its modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum HostSecret {
    /// The certificate authorities that the host trusts beyond the usual ones.
    CaCertificates,
    /// The socket of the SSH agent.
    SshAgent,
    /// What git's helpers know, to fetch its modules with. Used unless it was refused: modules are fetched before they can ask.
    GitCredentials,
    /// The tokens that are kept for servers, to fetch its modules with. Used unless it was refused.
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

/// Answers that are given at once: values among them, so they are never written as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GivenAnswers {
    /// Values, by the secrets' names: text, or `{"base64": "…"}`.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, string | { base64: string }>"))]
    pub secrets: BTreeMap<String, SecretValue>,
    /// Optional secrets that the user provides later.
    #[cfg_attr(feature = "ts", ts(type = "Array<string>"))]
    pub later: BTreeSet<String>,
    /// Which of the user's own secrets the machine may use.
    pub host_secrets: BTreeMap<HostSecret, bool>,
    /// Capabilities that this computer lacks and the machine is built without.
    #[cfg_attr(feature = "ts", ts(type = "Array<string>"))]
    pub without: BTreeSet<String>,
    /// Capabilities that it isn't to be built without any more.
    #[cfg_attr(feature = "ts", ts(type = "Array<string>"))]
    pub with: BTreeSet<String>,
}

impl Answers {
    /// Takes over what isn't a secret's value.
    pub(crate) fn take(&mut self, given: &GivenAnswers) {
        self.secrets.extend(given.later.iter().map(|name| (name.clone(), SecretAnswer::Later)));
        self.host_secrets.extend(&given.host_secrets);
        self.take_without(given);
    }

    /// Takes over what the machine is built without, and without no more.
    pub(crate) fn take_without(&mut self, given: &GivenAnswers) {
        self.without.extend(given.without.iter().cloned());
        self.without.retain(|name| !given.with.contains(name));
    }

    /// Takes over what isn't answered here yet.
    pub(crate) fn take_missing(&mut self, other: &Self) {
        for (name, answer) in &other.secrets {
            self.secrets.entry(name.clone()).or_insert(*answer);
        }
        self.without.extend(other.without.iter().cloned());
    }

    /// Since when a secret is set.
    pub fn set_since(&self, secret: &str) -> Option<OffsetDateTime> {
        match self.secrets.get(secret) {
            Some(SecretAnswer::Set { changed }) => Some(*changed),
            _ => None,
        }
    }
}
