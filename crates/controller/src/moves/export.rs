//! Writing a machine into a file: what is wanted of it, which of its secrets are set, and, where its user wants it, their values behind a
//! passphrase and its own files.
//!
//! What the user allowed it to use of their own is no part of it: that is asked on each computer. How the file looks is
//! [`crate::moves::archive`]'s.

use std::{path::PathBuf, sync::Arc};

use crate::{
    controller::Controller,
    driver::{InstanceState, Role},
    error::Error,
    machine::MachineName,
    moves::archive::{self, Content, Manifest},
    operation::{Door, Journal, Operation, OperationKind, OperationOutcome, Phase},
    secret::{SecretAnswer, SecretId, SecretValue, Values},
};

/// What is written into the file.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The absolute path of the file; one that is there is replaced.
    pub path: PathBuf,
    /// Whether the machine's own files are in it. They aren't encrypted.
    pub data: bool,
    /// Its secrets are in it, encrypted with this passphrase.
    pub passphrase: Option<SecretValue>,
}

impl Controller {
    /// Writes a machine into a file. It may run; what it writes meanwhile may be missing.
    ///
    /// # Errors
    /// When there is no such machine or it is being worked on.
    pub fn export(
        self: &Arc<Self>,
        name: &MachineName,
        request: ExportRequest,
        door: Door,
    ) -> Result<Operation, Error> {
        let machine = self.lock_existing(name)?;
        self.spawn(OperationKind::Export, Some(machine), door, async move |controller, journal| {
            journal.enter(Phase::Export);
            let name = journal.machine()?;
            controller.write_archive(&name, request, &journal).await
        })
    }

    async fn write_archive(
        self: &Arc<Self>,
        name: &MachineName,
        request: ExportRequest,
        journal: &Arc<Journal>,
    ) -> Result<OperationOutcome, Error> {
        let answers = self.machines.answers(name)?;
        let (mut set, mut later) = (Vec::new(), Vec::new());
        for (secret, answer) in &answers.secrets {
            match answer {
                SecretAnswer::Set { .. } => set.push(secret.clone()),
                SecretAnswer::Later => later.push(secret.clone()),
            }
        }
        let sealed = match request.passphrase {
            Some(passphrase) => {
                let values = self.all_values(name).await?;
                Some(journal.step("encrypt the secrets", self.seal(values, passphrase)).await?)
            }
            None => None,
        };
        let spec = self.wanted(name)?;
        let lock = self.machines.lock(name)?;
        let manifest =
            Manifest::new(name.clone(), spec, set.into_iter().collect(), later.into_iter().collect());
        let content = Content { manifest, lock, sealed };
        let path = request.path.clone();
        let instance = match request.data {
            true => {
                self.instance(name).await?.ok_or(Error::NotInstalled { machine: name.clone() }).map(Some)?
            }
            false => None,
        };
        match instance {
            None => {
                type Data = (std::io::Empty, fn() -> Result<(), Error>);
                let write = move || archive::write(&path, &content, None::<Data>);
                journal.step("write the file", blocking(write)).await?;
            }
            Some(instance) => {
                let role = Role::Machine(name.clone()).instance();
                let write = async |role: &_| {
                    let data = self.pack(role, journal).await?;
                    blocking(move || archive::write(&path, &content, Some(data))).await
                };
                let written = async {
                    if instance.state == InstanceState::Running {
                        write(&role).await
                    } else {
                        let _controller = self.use_controller(Some(journal)).await?;
                        self.while_idle(name, write).await
                    }
                };
                journal.step("write its own files", written).await?;
            }
        }
        Ok(OperationOutcome { changed: false, ..OperationOutcome::default() })
    }

    /// The values of all secrets of a machine that are set. One that isn't in the store any more is left out.
    pub(crate) async fn all_values(&self, name: &MachineName) -> Result<Values, Error> {
        let answers = self.machines.answers(name)?;
        let set = answers.secrets.keys().filter(|secret| answers.set_since(secret).is_some());
        let mut values = Values::new();
        for secret in set {
            let id = SecretId::Machine { machine: name.clone(), secret: secret.clone() };
            if let Some(value) = self.read_value(&id).await? {
                values.insert(secret.clone(), value);
            }
        }
        Ok(values)
    }

    async fn seal(&self, values: Values, passphrase: SecretValue) -> Result<Vec<u8>, Error> {
        let sealer = Arc::clone(&self.sealer);
        blocking(move || Ok(sealer.seal(&values, &passphrase)?)).await
    }
}

/// Does what blocks where that is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.unwrap_or_else(|error| Err(Error::Argument(error.to_string())))
}
