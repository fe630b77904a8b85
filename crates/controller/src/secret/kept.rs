//! Secrets that outlive their machine, because its user wanted to keep them: a machine of the same name finds them again, and until then
//! they can be looked at, shown and forgotten under that name.
//!
//! Which there are is in a file for each name; the values stay in the store. Consents are no secrets and go with the machine.

use std::{collections::BTreeMap, fs, io};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{SecretAnswer, SecretId, SecretStatus};
use crate::{
    controller::Controller,
    error::Error,
    files::{self, FileError},
    machine::MachineName,
    nix::{Requirements, SecretRequest},
};

/// The format that is written.
const VERSION: u64 = 1;

/// The secrets that a machine left, by name.
type Kept = BTreeMap<String, KeptSecret>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptSecret {
    #[serde(with = "time::serde::rfc3339")]
    changed: OffsetDateTime,
    /// What its module said of it.
    request: SecretRequest,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Content {
    secrets: Kept,
}

impl Controller {
    /// Remembers which values stay in the store when the machine goes.
    pub(crate) fn keep_secrets(&self, machine: &MachineName) -> Result<(), Error> {
        let answers = self.machines.answers(machine)?;
        let requirements = self.machines.record(machine)?.requirements;
        let mut kept = self.kept(machine)?;
        for (secret, answer) in answers.secrets {
            let SecretAnswer::Set { changed } = answer else { continue };
            let request = requirements.secrets.get(&secret).cloned().unwrap_or_else(SecretRequest::unknown);
            kept.insert(secret, KeptSecret { changed, request });
        }
        Ok(self.write_kept(machine, kept)?)
    }

    /// Answers what an earlier machine of this name was answered, where its value is still there.
    pub(crate) async fn find_again(
        &self,
        machine: &MachineName,
        requirements: &Requirements,
    ) -> Result<Vec<String>, Error> {
        let mut kept = self.kept(machine)?;
        let answers = self.machines.answers(machine)?;
        let mut found = BTreeMap::new();
        for secret in requirements.secrets.keys().filter(|secret| !answers.secrets.contains_key(*secret)) {
            let Some(KeptSecret { changed, .. }) = kept.remove(secret) else { continue };
            found.insert(secret.clone(), SecretAnswer::Set { changed });
        }
        if found.is_empty() {
            return Ok(vec![]);
        }
        let names = found.keys().cloned().collect();
        self.machines.update_answers(machine, |answers| answers.secrets.extend(found))?;
        self.write_kept(machine, kept)?;
        Ok(names)
    }

    /// The secrets that are kept under the name of a machine that is gone; `None` where there are none.
    pub(crate) fn kept_status(&self, machine: &MachineName) -> Result<Option<Vec<SecretStatus>>, Error> {
        let kept = self.kept(machine)?;
        let status = |(name, KeptSecret { changed, request }): (String, KeptSecret)| SecretStatus {
            name,
            kind: request.kind.clone(),
            module: None,
            set: true,
            optional: request.optional,
            changed: Some(changed),
            request,
        };
        Ok((!kept.is_empty()).then(|| kept.into_iter().map(status).collect()))
    }

    /// Whether a secret is kept under this name.
    pub(crate) fn is_kept(&self, machine: &MachineName, secret: &str) -> Result<bool, Error> {
        Ok(self.kept(machine)?.contains_key(secret))
    }

    /// Forgets a secret that is kept under this name.
    pub(crate) async fn forget_kept(&self, machine: &MachineName, secret: &str) -> Result<(), Error> {
        let id = SecretId::Machine { machine: machine.clone(), secret: secret.into() };
        self.store()?.remove(&id).await?;
        let mut kept = self.kept(machine)?;
        kept.remove(secret);
        Ok(self.write_kept(machine, kept)?)
    }

    /// Forgets all that is kept under this name.
    pub(crate) async fn forget_all_kept(&self, machine: &MachineName) -> Result<(), Error> {
        for secret in self.kept(machine)?.into_keys() {
            self.forget_kept(machine, &secret).await?;
        }
        Ok(())
    }

    /// The values that are kept for machines that are gone.
    pub(crate) fn all_kept(&self) -> Result<Vec<SecretId>, Error> {
        let path = self.paths.kept_secrets();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(source) => return Err(FileError::Io { path, source }.into()),
        };
        let mut ids = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let Some(machine) = name.and_then(|name| MachineName::new(name).ok()) else { continue };
            let secrets = self.kept(&machine)?.into_keys();
            ids.extend(secrets.map(|secret| SecretId::Machine { machine: machine.clone(), secret }));
        }
        Ok(ids)
    }

    fn kept(&self, machine: &MachineName) -> Result<Kept, FileError> {
        let content: Option<Content> = files::read_versioned(&self.kept_path(machine), VERSION)?;
        Ok(content.unwrap_or_default().secrets)
    }

    fn write_kept(&self, machine: &MachineName, secrets: Kept) -> Result<(), FileError> {
        let path = self.kept_path(machine);
        if secrets.is_empty() {
            return match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    Err(FileError::Io { path, source })
                }
                _ => Ok(()),
            };
        }
        let directory = self.paths.kept_secrets();
        fs::create_dir_all(&directory).map_err(|source| FileError::Io { path: directory, source })?;
        files::write_versioned(&path, VERSION, &Content { secrets })
    }

    fn kept_path(&self, machine: &MachineName) -> std::path::PathBuf {
        self.paths.kept_secrets().join(format!("{machine}.json"))
    }
}

impl SecretRequest {
    /// Of a secret that no module asks for any more.
    fn unknown() -> Self {
        Self {
            description: String::new(),
            kind: "env".into(),
            env: None,
            path: None,
            owner: None,
            group: None,
            mode: None,
            optional: true,
            pattern: None,
            module: None,
        }
    }
}
