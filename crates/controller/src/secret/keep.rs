//! Giving answers, and looking at what was answered: values go to the store, that they are set goes to `answers.json`.

use std::{collections::BTreeSet, sync::Arc};

use regex::Regex;
use serde::Serialize;
use time::OffsetDateTime;

use super::{
    Answers, GivenAnswers, HostSecret, SecretAnswer, SecretId, SecretStore, SecretValue, StoreError,
    StoreKind, StoreState, asks::module_of,
};
use crate::{
    controller::Controller,
    error::Error,
    machine::MachineName,
    nix::{Requirements, SecretRequest},
    operation::{Door, Operation, OperationState},
};

/// A secret that a machine's modules ask for, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// Its name.
    pub name: String,
    /// `env` or `file`.
    pub kind: String,
    /// The machine's module that asks for it, where that is known.
    pub module: Option<String>,
    /// Whether it has a value.
    pub set: bool,
    /// Whether the machine works without it.
    pub optional: bool,
    /// Since when it has its value.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub changed: Option<OffsetDateTime>,
    /// What its module says of it.
    pub request: SecretRequest,
}

/// One of the user's own secrets that a machine's modules ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HostSecretStatus {
    /// Which.
    pub secret: HostSecret,
    /// Whether the machine may use it; `None` when that wasn't answered.
    pub allowed: Option<bool>,
}

/// What became of answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// The operation that goes on because of them, where one waited that no process ran any more.
    pub operation: Option<Operation>,
    /// Whether the machine runs and has the new values now.
    pub delivered: bool,
}

impl Controller {
    /// The store that the settings choose.
    ///
    /// # Errors
    /// When this computer has none of that kind.
    pub(crate) fn store(&self) -> Result<&Arc<dyn SecretStore>, Error> {
        self.store_of(self.settings()?.secret_store)
    }

    fn store_of(&self, kind: StoreKind) -> Result<&Arc<dyn SecretStore>, Error> {
        let found = self.stores.iter().find(|store| store.kind() == kind);
        found.ok_or(Error::Store(StoreError::Absent { kind }))
    }

    /// Which store is used, and how it is.
    ///
    /// # Errors
    /// When the settings can't be read.
    pub async fn store_state(&self) -> Result<(StoreKind, StoreState), Error> {
        let kind = self.settings()?.secret_store;
        Ok(match self.store_of(kind) {
            Ok(store) => (kind, store.state().await),
            Err(_) => (kind, StoreState::Absent),
        })
    }

    /// Opens the store that is used: with a passphrase, or by the system's own prompt.
    ///
    /// # Errors
    /// When it stays locked.
    pub async fn unlock_store(&self, passphrase: Option<&SecretValue>) -> Result<(), Error> {
        self.store()?.unlock(passphrase).await?;
        self.unlocked.notify_waiters();
        Ok(())
    }

    /// Keeps secrets in another store from now on. Values that the machines have are taken along, and then removed from the one before.
    ///
    /// # Errors
    /// When either store can't be used; then nothing changed.
    pub async fn use_store(&self, kind: StoreKind, passphrase: Option<&SecretValue>) -> Result<(), Error> {
        let mut settings = self.settings()?;
        let to = self.store_of(kind)?;
        if to.state().await != StoreState::Ready {
            to.unlock(passphrase).await?;
        }
        if settings.secret_store != kind {
            let from = self.store_of(settings.secret_store)?;
            let mut moved = Vec::new();
            for id in self.kept_values()? {
                // A keyring that isn't there any more has nothing to take along: it is asked for again.
                match from.get(&id).await {
                    Ok(Some(value)) => {
                        to.set(&id, &value).await?;
                        moved.push(id);
                    }
                    Ok(None) | Err(StoreError::Absent { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            settings.secret_store = kind;
            self.set_settings(&settings)?;
            for id in moved {
                from.remove(&id).await?;
            }
        }
        self.unlocked.notify_waiters();
        Ok(())
    }

    /// The values of all machines and the tokens that are said to be set.
    fn kept_values(&self) -> Result<Vec<SecretId>, Error> {
        let mut ids = Vec::new();
        for machine in self.machines.names()? {
            let answers = self.machines.answers(&machine)?;
            let set = answers.secrets.keys().filter(|secret| answers.set_since(secret).is_some());
            ids.extend(
                set.map(|secret| SecretId::Machine { machine: machine.clone(), secret: secret.clone() }),
            );
        }
        ids.extend(self.all_kept()?);
        ids.extend(self.tokens()?.into_iter().map(|token| SecretId::Token { host: token.host }));
        Ok(ids)
    }

    /// What a machine's modules ask for, as they were last evaluated, and what was answered. Of a machine that is gone, what was kept.
    ///
    /// # Errors
    /// When there is no such machine.
    pub fn secrets(&self, name: &MachineName) -> Result<(Vec<SecretStatus>, Vec<HostSecretStatus>), Error> {
        if let (Err(Error::MachineNotFound { .. }), Some(kept)) = (self.exists(name), self.kept_status(name)?)
        {
            return Ok((kept, vec![]));
        }
        let spec = self.wanted(name)?;
        let requirements = self.machines.record(name)?.requirements;
        let answers = self.machines.answers(name)?;
        let secrets = requirements.secrets.iter().map(|(secret, request)| SecretStatus {
            name: secret.clone(),
            kind: request.kind.clone(),
            module: module_of(&spec, request),
            set: answers.set_since(secret).is_some(),
            optional: request.optional,
            changed: answers.set_since(secret),
            request: request.clone(),
        });
        let host = requirements
            .wanted_host_secrets()
            .into_iter()
            .map(|secret| HostSecretStatus { secret, allowed: answers.host_secrets.get(&secret).copied() });
        Ok((secrets.collect(), host.collect()))
    }

    /// Answers for a machine. An operation of it that waits goes on; when its process has ended, another one continues it here. A
    /// machine that runs gets the new values at once.
    ///
    /// # Errors
    /// When there is no such machine or secret, a value doesn't fit, or the store can't be used. Values that were kept before stay kept.
    pub async fn answer(
        self: &Arc<Self>,
        name: &MachineName,
        given: &GivenAnswers,
        door: Door,
    ) -> Result<Answered, Error> {
        self.exists(name)?;
        let requirements = self.machines.record(name)?.requirements;
        for secret in given.secrets.keys().chain(&given.later) {
            request_of(name, &requirements, secret)?;
        }
        self.keep_answers(name, &requirements, given).await?;
        self.answered(name, door).await
    }

    /// Forgets a secret's value.
    ///
    /// # Errors
    /// When there is no such machine or secret, or the store can't be used.
    pub async fn unset_secret(
        self: &Arc<Self>,
        name: &MachineName,
        secret: &str,
        door: Door,
    ) -> Result<Answered, Error> {
        if self.exists(name).is_err() && self.is_kept(name, secret)? {
            self.forget_kept(name, secret).await?;
            return Ok(Answered { operation: None, delivered: false });
        }
        self.exists(name)?;
        let id = self.id_of(name, secret)?;
        self.store()?.remove(&id).await?;
        self.machines.update_answers(name, |answers| {
            answers.secrets.remove(secret);
        })?;
        self.answered(name, door).await
    }

    /// A secret's value, for a user who asked to see it.
    ///
    /// # Errors
    /// When there is no such machine or secret, it isn't set, or the store can't be used.
    pub async fn reveal_secret(&self, name: &MachineName, secret: &str) -> Result<SecretValue, Error> {
        let id = if self.exists(name).is_err() && self.is_kept(name, secret)? {
            SecretId::Machine { machine: name.clone(), secret: secret.into() }
        } else {
            self.exists(name)?;
            self.id_of(name, secret)?
        };
        let value = self.store()?.get(&id).await?;
        value.ok_or_else(|| Error::SecretNotSet { machine: name.clone(), secret: secret.into() })
    }

    /// A secret that a machine asks for, or asked for when it was answered.
    fn id_of(&self, name: &MachineName, secret: &str) -> Result<SecretId, Error> {
        if !self.machines.answers(name)?.secrets.contains_key(secret) {
            request_of(name, &self.machines.record(name)?.requirements, secret)?;
        }
        Ok(SecretId::Machine { machine: name.clone(), secret: secret.into() })
    }

    /// Goes on with what waited, and brings the values to a machine that runs.
    async fn answered(self: &Arc<Self>, name: &MachineName, door: Door) -> Result<Answered, Error> {
        let last = self.machines.record(name)?.last_operation;
        let waits = last.and_then(|id| self.operations.read(id).ok().flatten());
        let waits = waits.filter(|operation| operation.state == OperationState::WaitingForInput);
        if let Some(waiting) = waits {
            let operation = match self.continue_build(name, door) {
                Ok(operation) => Some(operation),
                // Its process lives, and sees the answer by itself, also one that says nothing but "look again".
                Err(Error::Busy { .. }) => {
                    self.look_again_at(name)?;
                    None
                }
                Err(error) => return Err(error),
            };
            tracing::debug!(waiting = %waiting.id, continued = operation.is_some(), "answered");
            return Ok(Answered { operation, delivered: false });
        }
        if self.instance(name).await?.is_some() {
            // What of the user's own it may use, or may no more.
            self.configure_machine(name).await?;
        }
        let delivered = self.deliver_if_running(name).await?;
        Ok(Answered { operation: None, delivered })
    }

    /// Keeps what is given for secrets that the machine asks for. All values are checked before the first is kept.
    pub(crate) async fn keep_answers(
        &self,
        name: &MachineName,
        requirements: &Requirements,
        given: &GivenAnswers,
    ) -> Result<(), Error> {
        if *given == GivenAnswers::default() {
            return Ok(());
        }
        let known = given.secrets.iter().filter_map(|(secret, value)| {
            requirements.secrets.get(secret).map(|request| (secret, value, request))
        });
        let known: Vec<_> = known.collect();
        for (secret, value, request) in &known {
            fits(secret, request, value)?;
        }
        if !known.is_empty() {
            let store = self.store()?;
            for (secret, value, _) in &known {
                let id = SecretId::Machine { machine: name.clone(), secret: (*secret).clone() };
                store.set(&id, value).await?;
            }
        }
        let changed = OffsetDateTime::now_utc();
        self.machines.update_answers(name, |answers| {
            answers.take(given);
            let set = known.iter().map(|(secret, ..)| ((*secret).clone(), SecretAnswer::Set { changed }));
            answers.secrets.extend(set);
        })?;
        Ok(())
    }

    /// The secrets that are said to be set and have no value in the store any more.
    pub(crate) async fn lost_values(
        &self,
        name: &MachineName,
        requirements: &Requirements,
        answers: &Answers,
    ) -> Result<BTreeSet<String>, Error> {
        let mut lost = BTreeSet::new();
        for secret in requirements.secrets.keys().filter(|secret| answers.set_since(secret).is_some()) {
            let id = SecretId::Machine { machine: name.clone(), secret: secret.clone() };
            if self.store()?.get(&id).await?.is_none() {
                lost.insert(secret.clone());
            }
        }
        Ok(lost)
    }

    /// Forgets all values of a machine.
    pub(crate) async fn forget_secrets(&self, name: &MachineName) -> Result<(), Error> {
        self.forget_all_kept(name).await?;
        let answers = self.machines.answers(name)?;
        let set: Vec<_> =
            answers.secrets.keys().filter(|secret| answers.set_since(secret).is_some()).collect();
        if set.is_empty() {
            return Ok(());
        }
        let store = self.store()?;
        for secret in set {
            store.remove(&SecretId::Machine { machine: name.clone(), secret: secret.clone() }).await?;
        }
        Ok(())
    }
}

fn request_of<'a>(
    machine: &MachineName,
    requirements: &'a Requirements,
    secret: &str,
) -> Result<&'a SecretRequest, Error> {
    requirements.secrets.get(secret).ok_or_else(|| Error::SecretNotFound {
        machine: machine.clone(),
        secret: secret.into(),
        asked: requirements.secrets.keys().cloned().collect(),
    })
}

/// Whether a value can be what a module asks for. Never repeats it.
fn fits(secret: &str, request: &SecretRequest, value: &SecretValue) -> Result<(), Error> {
    let unfit = |reason: String| Err(Error::SecretUnfit { secret: secret.into(), reason });
    if request.kind == "env" && value.expose().contains(&0) {
        return unfit("it has a NUL byte, which no environment variable can hold".into());
    }
    let Some(pattern) = &request.pattern else { return Ok(()) };
    // A module's mistake is no reason to refuse what its user knows.
    let Ok(regex) = Regex::new(&format!("^(?:{pattern})$")) else {
        tracing::warn!(secret, pattern, "the module's pattern isn't a regular expression");
        return Ok(());
    };
    match std::str::from_utf8(value.expose()) {
        Ok(text) if regex.is_match(text) => Ok(()),
        Ok(text) if text.strip_suffix('\n').is_some_and(|line| regex.is_match(line)) => unfit(format!(
            "it ends in a line break, which the module's pattern {pattern} doesn't allow; `printf %s` writes none"
        )),
        _ => unfit(format!("it doesn't match the module's pattern {pattern}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(kind: &str, pattern: Option<&str>) -> SecretRequest {
        SecretRequest {
            description: String::new(),
            kind: kind.into(),
            env: None,
            path: None,
            owner: None,
            group: None,
            mode: None,
            optional: false,
            pattern: pattern.map(str::to_owned),
            module: None,
        }
    }

    fn check(kind: &str, pattern: Option<&str>, value: &[u8]) -> Result<(), String> {
        let value = SecretValue::new(value).unwrap();
        fits("token", &request(kind, pattern), &value).map_err(|error| error.to_string())
    }

    #[test]
    fn values_must_fit_and_are_never_repeated() {
        assert_eq!(check("env", Some("glpat-[a-z]{4}"), b"glpat-abcd"), Ok(()));
        let refused = check("env", Some("glpat-[a-z]{4}"), b"xx-glpat-abcd").unwrap_err();
        assert!(refused.contains("pattern glpat-") && !refused.contains("xx-"), "{refused}");
        assert!(check("env", Some("a|b"), b"ab").is_err(), "the whole value counts");
        assert!(check("env", None, b"a\0b").unwrap_err().contains("NUL"));
        assert_eq!(check("file", None, b"a\0b"), Ok(()));
        assert_eq!(check("file", Some("("), b"anything"), Ok(()), "a pattern that is none");
        assert!(check("file", Some(".*"), b"\xff").is_err(), "patterns are about text");
        let line = check("env", Some("[a-z]{4}"), b"abcd\n").unwrap_err();
        assert!(line.contains("line break") && line.contains("printf"), "{line}");
    }
}
