//! A store in memory, for tests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    SealError, Sealer, SecretId, SecretStore, SecretValue, StoreError, StoreKind, StoreState, Values, hide,
};

/// Keeps values as long as it lives.
pub struct MemoryStore {
    kind: StoreKind,
    inner: Mutex<Inner>,
    changed: tokio::sync::Notify,
}

struct Inner {
    state: StoreState,
    values: BTreeMap<SecretId, SecretValue>,
    are_values_locked: bool,
    reads: usize,
}

impl MemoryStore {
    /// An empty one that is ready.
    pub fn new(kind: StoreKind) -> Self {
        let inner = Mutex::new(Inner {
            state: StoreState::Ready,
            values: BTreeMap::new(),
            are_values_locked: false,
            reads: 0,
        });
        Self { kind, inner, changed: tokio::sync::Notify::new() }
    }

    /// Locks it, or takes it away.
    pub fn set_state(&self, state: StoreState) {
        self.inner().state = state;
        self.changed.notify_waiters();
    }

    /// Locks what is in it and not itself: a keyring may have a value in another collection than the one that is open.
    pub fn lock_values(&self, are_locked: bool) {
        self.inner().are_values_locked = are_locked;
    }

    /// How often a value was read, or tried to be.
    pub fn reads(&self) -> usize {
        self.inner().reads
    }

    /// Which values it has.
    pub fn ids(&self) -> Vec<SecretId> {
        self.inner().values.keys().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.inner();
        match inner.state {
            StoreState::Ready => Ok(inner),
            StoreState::Locked => Err(StoreError::Locked { kind: self.kind }),
            StoreState::Absent => Err(StoreError::Absent { kind: self.kind }),
        }
    }
}

#[async_trait]
impl SecretStore for MemoryStore {
    fn kind(&self) -> StoreKind {
        self.kind
    }

    async fn state(&self) -> StoreState {
        self.inner().state
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretValue>, StoreError> {
        self.inner().reads += 1;
        let inner = self.open()?;
        match inner.are_values_locked {
            true => Err(StoreError::Locked { kind: self.kind }),
            false => Ok(inner.values.get(id).cloned().inspect(hide)),
        }
    }

    async fn set(&self, id: &SecretId, value: &SecretValue) -> Result<(), StoreError> {
        hide(value);
        self.open()?.values.insert(id.clone(), value.clone());
        Ok(())
    }

    async fn remove(&self, id: &SecretId) -> Result<(), StoreError> {
        self.open()?.values.remove(id);
        Ok(())
    }

    async fn opened(&self) {
        loop {
            let changed = self.changed.notified();
            if self.inner().state == StoreState::Ready {
                return;
            }
            changed.await;
        }
    }

    async fn unlock(&self, passphrase: Option<&SecretValue>) -> Result<(), StoreError> {
        match (self.kind, passphrase) {
            (StoreKind::Vault, None) => Err(StoreError::Locked { kind: self.kind }),
            (StoreKind::Vault, Some(passphrase)) if passphrase.expose() != b"open sesame" => {
                Err(StoreError::WrongPassphrase)
            }
            _ if self.inner().state == StoreState::Absent && self.kind == StoreKind::Keyring => {
                Err(StoreError::Absent { kind: self.kind })
            }
            _ => {
                self.set_state(StoreState::Ready);
                Ok(())
            }
        }
    }
}

/// Writes values behind their passphrase, as text.
pub struct MemorySealer;

impl Sealer for MemorySealer {
    fn seal(&self, values: &Values, passphrase: &SecretValue) -> Result<Vec<u8>, SealError> {
        let texts: BTreeMap<&str, String> =
            values.iter().map(|(name, value)| (name.as_str(), value.to_base64().to_string())).collect();
        let sealed = (passphrase.to_base64().to_string(), texts);
        serde_json::to_vec(&sealed).map_err(|error| SealError::Unusable { reason: error.to_string() })
    }

    fn unseal(&self, sealed: &[u8], passphrase: &SecretValue) -> Result<Values, SealError> {
        let unusable = |reason: String| SealError::Unusable { reason };
        let (with, texts): (String, BTreeMap<String, String>) =
            serde_json::from_slice(sealed).map_err(|error| unusable(error.to_string()))?;
        if with != *passphrase.to_base64() {
            return Err(SealError::WrongPassphrase);
        }
        let value = |text: &str| SecretValue::from_base64(text).map_err(|error| unusable(error.to_string()));
        texts.into_iter().map(|(name, text)| Ok((name, value(&text)?))).collect()
    }
}
