//! The vault: one file, `secrets.age`, that a passphrase opens. For computers without a keyring.
//!
//! Several processes may use it at once: each write happens under a lock and begins with reading what the others wrote.

pub(crate) mod content;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use age::secrecy::SecretString;
use async_trait::async_trait;
use codchi_controller::{
    files,
    secret::{SecretId, SecretStore, SecretValue, StoreError, StoreKind, StoreState, hide},
};
use content::{Content, ContentError};
use zeroize::Zeroizing;

/// The file's name in the data directory.
const FILE: &str = "secrets.age";

/// The file by which processes take turns. Not the vault itself, which is replaced by each write.
const LOCK: &str = "secrets.lock";

/// Secrets in a file that is encrypted with a passphrase. The passphrase is kept in memory once it was given.
#[derive(Clone)]
pub struct VaultStore {
    data: PathBuf,
    passphrase_file: Option<PathBuf>,
    work_factor: u8,
    open: Arc<Mutex<Option<Open>>>,
}

/// What is known of the vault while it is unlocked.
struct Open {
    passphrase: SecretString,
    /// The file as it was when it was last read or written.
    file: Vec<u8>,
    content: Content,
}

impl VaultStore {
    /// The vault in this directory.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.into(),
            passphrase_file: None,
            work_factor: content::WORK_FACTOR,
            open: Arc::default(),
        }
    }

    /// Lets it unlock itself with the passphrase in this file, and be made with it where there is none. A line end after it isn't part
    /// of it.
    #[must_use]
    pub fn with_passphrase_file(self, file: PathBuf) -> Self {
        Self { passphrase_file: Some(file), ..self }
    }

    /// Makes guessing cheap, for tests.
    #[cfg(test)]
    fn with_work_factor(self, work_factor: u8) -> Self {
        Self { work_factor, ..self }
    }

    fn path(&self) -> PathBuf {
        self.data.join(FILE)
    }

    /// Does `work` where it may block: deriving the key takes a second, and another process may hold the lock as long.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let me = self.clone();
        let worked = tokio::task::spawn_blocking(move || work(&me)).await;
        worked.unwrap_or_else(|error| Err(failed("use the vault", error)))
    }

    /// Does `work` with the vault unlocked and as it is in the file now.
    fn with_open<T>(&self, work: impl FnOnce(&mut Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut open)?;
        match open.as_mut() {
            Some(open) => work(open),
            None => Err(StoreError::Locked { kind: StoreKind::Vault }),
        }
    }

    /// Reads the file again where it isn't as it was. Afterwards `open` is what can be used.
    fn refresh(&self, open: &mut Option<Open>) -> Result<(), StoreError> {
        let Some(file) = self.file()? else {
            *open = None;
            return Err(StoreError::Absent { kind: StoreKind::Vault });
        };
        let passphrase = match open {
            Some(open) if open.file == file => return Ok(()),
            Some(open) => open.passphrase.clone(),
            None => match self.given_passphrase()? {
                Some(passphrase) => passphrase,
                None => return Ok(()),
            },
        };
        let was_open = open.take().is_some();
        match self.decrypt(&file, &passphrase) {
            Ok(content) => *open = Some(Open { passphrase, file, content }),
            // Another process changed the passphrase.
            Err(StoreError::WrongPassphrase) if was_open => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn file(&self) -> Result<Option<Vec<u8>>, StoreError> {
        files::read_if_exists(&self.path()).map_err(|error| failed("read the vault", error))
    }

    fn decrypt(&self, file: &[u8], passphrase: &SecretString) -> Result<Content, StoreError> {
        content::decrypt(file, passphrase).map_err(|error| match error {
            ContentError::WrongPassphrase => StoreError::WrongPassphrase,
            error => failed(&format!("open {}", self.path().display()), error),
        })
    }

    /// The passphrase in the file that was named for it.
    fn given_passphrase(&self) -> Result<Option<SecretString>, StoreError> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let unreadable = |error: &dyn std::fmt::Display| {
            failed(&format!("read the passphrase in {}", path.display()), error)
        };
        let bytes = Zeroizing::new(std::fs::read(path).map_err(|error| unreadable(&error))?);
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let value = SecretValue::new(line).map_err(|error| unreadable(&error))?;
        passphrase(&value).map(Some)
    }

    /// Writes the content with a passphrase. The caller has the lock.
    fn write(&self, content: Content, passphrase: SecretString) -> Result<Open, StoreError> {
        let file = content::encrypt(&content, &passphrase, self.work_factor)
            .map_err(|error| failed("encrypt the vault", error))?;
        files::sweep(&self.path()).map_err(|error| failed("tidy up beside the vault", error))?;
        files::write_atomic(&self.path(), &file).map_err(|error| failed("write the vault", error))?;
        Ok(Open { passphrase, file, content })
    }

    /// Changes the content, in the file and then in memory.
    fn change(&self, change: impl FnOnce(&mut Content) -> bool) -> Result<(), StoreError> {
        let _turn = self.turn()?;
        self.make_if_given()?;
        self.with_open(|open| {
            let mut content = open.content.clone();
            if change(&mut content) {
                *open = self.write(content, open.passphrase.clone())?;
            }
            Ok(())
        })
    }

    /// Makes the vault where there is none and its passphrase is in a file.
    fn make_if_given(&self) -> Result<(), StoreError> {
        if self.file()?.is_none()
            && let Some(passphrase) = self.given_passphrase()?
        {
            let made = self.write(Content::default(), passphrase)?;
            *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
        Ok(())
    }

    /// Waits for this process' turn, which lasts until the file is dropped.
    fn turn(&self) -> Result<File, StoreError> {
        let path = self.data.join(LOCK);
        let lock = || {
            std::fs::create_dir_all(&self.data)?;
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok::<_, io::Error>(file)
        };
        lock().map_err(|error| failed(&format!("lock {}", path.display()), error))
    }
}

#[async_trait]
impl SecretStore for VaultStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Vault
    }

    async fn state(&self) -> StoreState {
        let looked = self.blocking(|me| {
            if me.file()?.is_none() && me.given_passphrase()?.is_some() {
                // It is made by the first write.
                return Ok(());
            }
            me.with_open(|_| Ok(()))
        });
        match looked.await {
            Ok(()) => StoreState::Ready,
            Err(StoreError::Absent { .. }) => StoreState::Absent,
            Err(_) => StoreState::Locked,
        }
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretValue>, StoreError> {
        let name = id.to_string();
        self.blocking(move |me| {
            if me.file()?.is_none() && me.given_passphrase()?.is_some() {
                return Ok(None);
            }
            me.with_open(|open| Ok(open.content.get(&name).cloned().inspect(hide)))
        })
        .await
    }

    async fn set(&self, id: &SecretId, value: &SecretValue) -> Result<(), StoreError> {
        hide(value);
        let (name, value) = (id.to_string(), value.clone());
        self.blocking(move |me| {
            me.change(|content| content.insert(name, value.clone()).is_none_or(|before| before != value))
        })
        .await
    }

    async fn remove(&self, id: &SecretId) -> Result<(), StoreError> {
        let name = id.to_string();
        self.blocking(move |me| me.change(|content| content.remove(&name).is_some())).await
    }

    async fn unlock(&self, passphrase: Option<&SecretValue>) -> Result<(), StoreError> {
        let given = passphrase.map(self::passphrase).transpose()?;
        self.blocking(move |me| {
            let given = given.map_or_else(|| me.given_passphrase(), |given| Ok(Some(given)))?;
            let given = given.ok_or(StoreError::Locked { kind: StoreKind::Vault })?;
            let _turn = me.turn()?;
            let opened = match me.file()? {
                None => me.write(Content::default(), given)?,
                Some(file) => {
                    let content = me.decrypt(&file, &given)?;
                    Open { passphrase: given, file, content }
                }
            };
            *me.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
            Ok(())
        })
        .await
    }

    async fn change_passphrase(&self, old: &SecretValue, new: &SecretValue) -> Result<(), StoreError> {
        let (old, new) = (passphrase(old)?, passphrase(new)?);
        self.blocking(move |me| {
            let _turn = me.turn()?;
            let file = me.file()?.ok_or(StoreError::Absent { kind: StoreKind::Vault })?;
            let content = me.decrypt(&file, &old)?;
            let written = me.write(content, new)?;
            *me.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
            Ok(())
        })
        .await
    }
}

/// A passphrase as the library takes it.
fn passphrase(value: &SecretValue) -> Result<SecretString, StoreError> {
    content::passphrase(value).ok_or_else(|| failed("use the passphrase", "it isn't text"))
}

#[allow(clippy::needless_pass_by_value, reason = "errors and words alike")]
fn failed(action: &str, reason: impl ToString) -> StoreError {
    StoreError::Failed { action: action.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
