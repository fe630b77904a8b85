//! Locks between processes: the window and the command line may work at the same time, on the same files.
//!
//! The operating system drops them when a process ends, however it ends.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use crate::{
    files::{FileError, Paths},
    machine::MachineName,
};

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Tries to lock a machine for one operation; `None` when another one has it.
pub(crate) fn machine(paths: &Paths, machine: &MachineName) -> Result<Option<Held>, FileError> {
    try_exclusive(&machine_path(paths, machine))
}

/// Locks a machine when whoever works on it is done.
pub(crate) async fn wait_for_machine(paths: &Paths, machine: &MachineName) -> Result<Held, FileError> {
    wait(machine_path(paths, machine), |file| file.lock()).await
}

fn machine_path(paths: &Paths, machine: &MachineName) -> PathBuf {
    paths.locks().join(format!("machine-{}.lock", machine.as_str().to_ascii_lowercase()))
}

/// Waits for a lock where blocking is allowed.
async fn wait(path: PathBuf, lock: fn(&File) -> std::io::Result<()>) -> Result<Held, FileError> {
    let file = open(&path)?;
    tokio::task::spawn_blocking(move || lock(&file).map(|()| Held { _file: file }))
        .await
        .unwrap_or_else(|join| Err(std::io::Error::other(join)))
        .map_err(|source| FileError::Io { path, source })
}

/// Locks a machine's answers for the moment in which they are changed; waits for whoever changes them now.
pub(crate) fn answers(paths: &Paths, machine: &MachineName) -> Result<Held, FileError> {
    let path = paths.locks().join(format!("answers-{}.lock", machine.as_str().to_ascii_lowercase()));
    let file = open(&path)?;
    file.lock().map_err(|source| FileError::Io { path, source })?;
    Ok(Held { _file: file })
}

/// Locks the list of tokens for the moment in which it is changed.
pub(crate) fn tokens(paths: &Paths) -> Result<Held, FileError> {
    let path = paths.locks().join("tokens.lock");
    let file = open(&path)?;
    file.lock().map_err(|source| FileError::Io { path, source })?;
    Ok(Held { _file: file })
}

/// Tries to lock the file at `path`, making it when there is none; `None` when somebody else has it.
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Held>, FileError> {
    attempt(path, |file| file.try_lock())
}

fn attempt(
    path: &Path,
    lock: fn(&File) -> Result<(), std::fs::TryLockError>,
) -> Result<Option<Held>, FileError> {
    let file = open(path)?;
    match lock(&file) {
        Ok(()) => Ok(Some(Held { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(source)) => Err(FileError::Io { path: path.into(), source }),
    }
}

/// The controller as something that operations use and that is replaced only when none does.
pub(crate) struct ControllerLock {
    path: PathBuf,
}

impl ControllerLock {
    pub(crate) fn new(paths: &Paths) -> Self {
        Self { path: paths.locks().join("controller.lock") }
    }

    /// The lock of [`ControllerLock::shared`], where nobody has to be waited for.
    pub(crate) fn try_shared(&self) -> Result<Option<Held>, FileError> {
        attempt(&self.path, |file| file.try_lock_shared())
    }

    /// The lock of [`ControllerLock::exclusive`], where nobody has to be waited for.
    pub(crate) fn try_exclusive(&self) -> Result<Option<Held>, FileError> {
        try_exclusive(&self.path)
    }

    /// Waits until nobody installs or replaces the controller, and keeps it from being replaced.
    pub(crate) async fn shared(&self) -> Result<Held, FileError> {
        wait(self.path.clone(), |file| file.lock_shared()).await
    }

    /// Waits until nobody uses the controller, and keeps everybody else away.
    pub(crate) async fn exclusive(&self) -> Result<Held, FileError> {
        wait(self.path.clone(), |file| file.lock()).await
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(|source| FileError::Io { path: path.into(), source })
}
