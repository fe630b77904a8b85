//! The keyring of the operating system: the Secret Service of the session's bus, or Windows' Credential Manager.
//!
//! The keyring crates raise the system's prompt by themselves when the keyring is locked, and wait for it as long as it takes. So
//! each request first looks whether it is open, and only [`SecretStore::unlock`] raises the prompt.

mod pieces;
mod text;

#[cfg(windows)]
mod credential_manager;
#[cfg(unix)]
mod secret_service;

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use codchi_controller::secret::{
    SecretId, SecretStore, SecretValue, StoreError, StoreKind, StoreState, hide,
};
use keyring_core::api::CredentialStoreApi as _;
use pieces::{Entries, PiecesError};
use zeroize::Zeroizing;

#[cfg(windows)]
use credential_manager as system;
#[cfg(unix)]
use secret_service as system;

/// What our entries are found by, with the name of the secret.
const SERVICE: &str = "codchi";

/// How long the keyring may take for a request that needs no answer of the user.
const PATIENCE: Duration = Duration::from_secs(20);

/// Secrets in the keyring of the operating system, in its default collection.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyringStore;

impl KeyringStore {
    /// The keyring of this session.
    pub fn new() -> Self {
        Self
    }

    /// Does `work` with the entries of a secret, once the keyring is open. `action` is what an error says, such as `read`.
    async fn work<T: Send + 'static>(
        self,
        action: &str,
        id: &SecretId,
        work: impl FnOnce(&System, &str) -> Result<T, PiecesError<keyring_core::Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.state().await {
            StoreState::Ready => {}
            StoreState::Locked => return Err(StoreError::Locked { kind: StoreKind::Keyring }),
            StoreState::Absent => return Err(StoreError::Absent { kind: StoreKind::Keyring }),
        }
        let (name, label) = (id.to_string(), label(id));
        let failed =
            |reason: String| StoreError::Failed { action: format!("{action} {id} in the keyring"), reason };
        let (done, result) = tokio::sync::oneshot::channel();
        // A thread of its own: one that the keyring never answers must not keep the process from ending.
        std::thread::Builder::new()
            .name("keyring".into())
            .spawn(move || {
                let worked =
                    System::new(label).map_err(PiecesError::from).and_then(|system| work(&system, &name));
                let _ = done.send(worked);
            })
            .map_err(|error| failed(error.to_string()))?;
        match tokio::time::timeout(PATIENCE, result).await {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(error))) => Err(understand(error, failed)),
            Ok(Err(_)) => Err(failed("the keyring's library gave up".into())),
            Err(_) => Err(failed(format!("it gave no answer within {} seconds", PATIENCE.as_secs()))),
        }
    }
}

#[async_trait]
impl SecretStore for KeyringStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keyring
    }

    async fn state(&self) -> StoreState {
        system::state().await
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretValue>, StoreError> {
        let found = self.work("read", id, pieces::read).await?;
        let Some(found) = found else { return Ok(None) };
        let damaged =
            |reason: String| StoreError::Failed { action: format!("read {id} in the keyring"), reason };
        let bytes =
            text::decode(&found).ok_or_else(|| damaged("the entry is damaged; set it again".into()))?;
        let value = SecretValue::new(bytes).map_err(|error| damaged(error.to_string()))?;
        hide(&value);
        Ok(Some(value))
    }

    async fn set(&self, id: &SecretId, value: &SecretValue) -> Result<(), StoreError> {
        hide(value);
        let text = text::encode(value.expose());
        self.work("keep", id, move |system, name| pieces::write(system, name, text.as_bytes(), system::LIMIT))
            .await
    }

    async fn remove(&self, id: &SecretId) -> Result<(), StoreError> {
        self.work("forget", id, |system, name| pieces::remove(system, name, system::LIMIT)).await
    }

    async fn opened(&self) {
        system::opened().await;
    }

    async fn unlock(&self, _: Option<&SecretValue>) -> Result<(), StoreError> {
        system::unlock().await
    }
}

/// What the entry is called where the user looks at the keyring.
fn label(id: &SecretId) -> String {
    match id {
        SecretId::Machine { machine, secret } => format!("Codchi: secret {secret} of machine {machine}"),
        SecretId::Token { host } => format!("Codchi: access token for {host}"),
    }
}

/// The system's entries. Made for each request: a Secret Service that was restarted doesn't know the session of the one before.
struct System {
    store: std::sync::Arc<system::Store>,
    label: String,
}

impl System {
    fn new(label: String) -> keyring_core::Result<Self> {
        Ok(Self { store: system::Store::new()?, label })
    }

    fn entry(&self, name: &str) -> keyring_core::Result<keyring_core::Entry> {
        let label = HashMap::from([("label", self.label.as_str())]);
        self.store.build(SERVICE, name, system::LABELS.then_some(&label))
    }
}

impl Entries for System {
    type Error = keyring_core::Error;

    fn read(&self, name: &str) -> keyring_core::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> keyring_core::Result<()> {
        self.entry(name)?.set_secret(bytes)
    }

    fn remove(&self, name: &str) -> keyring_core::Result<()> {
        match self.entry(name)?.delete_credential() {
            Err(keyring_core::Error::NoEntry) => Ok(()),
            done => done,
        }
    }
}

/// The keyring's error as ours. Its `Debug` may show an entry's bytes, so only what it says is passed on.
fn understand(
    error: PiecesError<keyring_core::Error>,
    failed: impl FnOnce(String) -> StoreError,
) -> StoreError {
    match error {
        PiecesError::Damaged => failed("the entry is damaged; set it again".into()),
        PiecesError::Entry(keyring_core::Error::NoDefaultStore) => {
            StoreError::Absent { kind: StoreKind::Keyring }
        }
        // It was locked after it was looked at.
        PiecesError::Entry(keyring_core::Error::NoStorageAccess(_)) => {
            StoreError::Locked { kind: StoreKind::Keyring }
        }
        PiecesError::Entry(error) => failed(error.to_string()),
    }
}
