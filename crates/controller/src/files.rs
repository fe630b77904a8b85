//! Files that are never half-written, and versioned JSON that refuses what it doesn't understand.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Nothing that we write is as large, not even the lock of a machine of a hundred modules.
const LARGEST: u64 = 32 << 20;

/// Where everything lies on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What the user wants: `machines/NAME/{machine.json,flake.lock}`, `settings.json`.
    pub config: PathBuf,
    /// What happened: `operations/`, `machines/NAME.json`, `locks/`.
    pub data: PathBuf,
}

impl Paths {
    /// One directory for each machine.
    pub fn machines(&self) -> PathBuf {
        self.config.join("machines")
    }
    /// The settings of all machines.
    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.json")
    }
    /// For which hosts tokens are kept.
    pub fn tokens(&self) -> PathBuf {
        self.config.join("tokens.json")
    }
    /// Which secrets outlive their machines, a file for each name.
    pub fn kept_secrets(&self) -> PathBuf {
        self.config.join("kept-secrets")
    }
    /// One directory for each operation.
    pub fn operations(&self) -> PathBuf {
        self.data.join("operations")
    }
    /// What was last built, a file for each machine.
    pub fn records(&self) -> PathBuf {
        self.data.join("machines")
    }
    /// Locks between processes.
    pub fn locks(&self) -> PathBuf {
        self.data.join("locks")
    }
    /// Links to the sockets of the user's session that machines are given.
    pub fn sockets(&self) -> PathBuf {
        self.data.join("sockets")
    }
    /// Makes all of them, for this user alone.
    ///
    /// # Errors
    /// Names the directory that can't be made.
    pub fn create(&self) -> Result<(), FileError> {
        for path in [&self.config, &self.data] {
            let mut directory = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut directory, 0o700);
            directory
                .recursive(true)
                .create(path)
                .map_err(|source| FileError::Io { path: path.clone(), source })?;
        }
        for path in [self.machines(), self.operations(), self.records(), self.locks()] {
            fs::create_dir_all(&path).map_err(|source| FileError::Io { path, source })?;
        }
        Ok(())
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read or written.
    #[error("can't use {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It isn't what it should be.
    #[error("{path} is damaged")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: serde_json::Error,
    },
    /// It was written by a newer Codchi.
    #[error("{path} was written by a newer Codchi (format {found}, this one knows {known})")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format known here.
        known: u64,
    },
}

/// Removes what killed writes of a file have left. Only for who alone may write it now: else it is somebody's write that goes on.
///
/// # Errors
/// Names the file that can't be removed.
pub fn sweep(path: &Path) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| FileError::Io { path: directory.into(), source })?,
    };
    let ours = unfinished(path);
    let left = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&ours);
    for entry in entries.filter_map(Result::ok).filter(left) {
        let path = entry.path();
        fs::remove_file(&path).map_err(|source| FileError::Io { path, source })?;
    }
    Ok(())
}

/// What the name of a file that isn't whole yet begins with.
const UNFINISHED: &str = ".new-";

/// The same, of this file.
fn unfinished(path: &Path) -> String {
    format!("{UNFINISHED}{}-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what killed writes have left in a directory. Writes that go on are left alone: who writes holds the file. What can't be
/// removed is left for the next time.
pub(crate) fn sweep_killed(directory: &Path) {
    let is_unfinished = |entry: &fs::DirEntry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        is_file && entry.file_name().to_string_lossy().starts_with(UNFINISHED)
    };
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    for entry in entries.filter(is_unfinished) {
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            let removed = fs::remove_file(entry.path());
            tracing::debug!(path = %entry.path().display(), ?removed, "left by a killed write");
        }
    }
}

/// A file that isn't whole yet, held until it is. One that was swept before it was held is made anew.
fn begin(path: &Path, directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(&unfinished(path)).tempfile_in(directory)?;
        file.as_file().lock()?;
        if file.path().try_exists()? {
            return Ok(file);
        }
    }
}

/// Replaces a file as a whole: readers see the old content or the new one, also after a crash.
///
/// # Errors
/// Names the file; the old content is then still there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, true).map_err(|source| FileError::Io { path: path.into(), source })
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = begin(path, directory)?;
    file.write_all(bytes)?;
    if sync {
        file.as_file().sync_all()?;
    }
    file.persist(path)?;
    if sync {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Writes a value as JSON with the format's version in front.
///
/// # Errors
/// As [`write_atomic`].
pub(crate) fn write_versioned<T: Serialize>(path: &Path, version: u64, value: &T) -> Result<(), FileError> {
    write_atomic(path, &versioned(path, version, value)?)
}

/// Like [`write_versioned`], for content that may be lost when the computer (not only the process) crashes.
///
/// # Errors
/// As [`write_atomic`].
pub(crate) fn write_versioned_unsynced<T: Serialize>(
    path: &Path,
    version: u64,
    value: &T,
) -> Result<(), FileError> {
    let bytes = versioned(path, version, value)?;
    replace(path, &bytes, false).map_err(|source| FileError::Io { path: path.into(), source })
}

/// A value as JSON with the format's version in front.
pub(crate) fn versioned<T: Serialize>(path: &Path, version: u64, value: &T) -> Result<Vec<u8>, FileError> {
    let damaged = |source| FileError::Damaged { path: path.into(), source };
    let mut object = serde_json::Map::new();
    object.insert("version".into(), version.into());
    if let Value::Object(fields) = serde_json::to_value(value).map_err(damaged)? {
        object.extend(fields);
    }
    let mut bytes = serde_json::to_vec_pretty(&object).map_err(damaged)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads what [`write_versioned`] wrote; `None` when there is no file. Format 1 is the first, so there is nothing older to migrate.
///
/// # Errors
/// The file is left as it is.
pub(crate) fn read_versioned<T: DeserializeOwned>(path: &Path, known: u64) -> Result<Option<T>, FileError> {
    let Some(bytes) = read_if_exists(path)? else { return Ok(None) };
    parse_versioned(path, &bytes, known).map(Some)
}

/// Understands what [`versioned`] made; `path` says where it comes from.
///
/// # Errors
/// When it is damaged or of a newer Codchi.
pub(crate) fn parse_versioned<T: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    known: u64,
) -> Result<T, FileError> {
    let damaged = |source| FileError::Damaged { path: path.into(), source };
    let mut value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
    let found = value.as_object_mut().and_then(|object| object.remove("version")).and_then(|v| v.as_u64());
    match found {
        Some(found) if found > known => Err(FileError::Newer { path: path.into(), found, known }),
        Some(_) => serde_json::from_value(value).map_err(damaged),
        None => Err(damaged(serde::de::Error::missing_field("version"))),
    }
}

/// The file's bytes; `None` when there is no file.
///
/// # Errors
/// Names the file.
pub fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read_plain(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => Ok(None),
        Err(source) => Err(FileError::Io { path: path.into(), source }),
    }
}

/// Reads what ends, and was meant to be read: no pipe, no device, nothing enormous.
fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: a pipe that nobody writes to would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it isn't a plain file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        a: u32,
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        make_pipe(&path("pipe"));
        std::os::unix::fs::symlink("/dev/zero", path("endless")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        std::os::unix::fs::symlink("dangling", path("loop")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        File::create(path("sparse")).unwrap().set_len(3 << 30).unwrap();
        for name in ["pipe", "endless", "dangling", "loop", "directory", "sparse"] {
            let error = read_if_exists(&path(name)).unwrap_err();
            assert!(matches!(error, FileError::Io { .. }), "{name}: {error}");
        }
        assert_eq!(read_if_exists(&path("missing")).unwrap(), None);
    }

    #[cfg(unix)]
    fn make_pipe(path: &Path) {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    #[test]
    fn only_what_nobody_writes_any_more_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("machine.json");
        let killed = dir.path().join(".new-machine.json-killed");
        fs::write(&killed, "{").unwrap();
        fs::write(&path, "{}").unwrap();
        let goes_on = begin(&path, dir.path()).unwrap();
        sweep_killed(dir.path());
        assert!(!killed.exists() && path.exists() && goes_on.path().exists());
        goes_on.persist(&path).unwrap();
        sweep_killed(dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        sweep_killed(&dir.path().join("missing"));
    }

    #[test]
    fn round_trips_and_refuses_what_it_does_not_know() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x/thing.json");
        assert_eq!(read_versioned::<Thing>(&path, 1).unwrap(), None);
        write_versioned(&path, 1, &Thing { a: 3 }).unwrap();
        assert_eq!(read_versioned::<Thing>(&path, 1).unwrap(), Some(Thing { a: 3 }));

        fs::write(&path, r#"{"version": 2, "a": 3, "b": 4}"#).unwrap();
        let error = read_versioned::<Thing>(&path, 1).unwrap_err();
        assert!(matches!(error, FileError::Newer { found: 2, known: 1, .. }), "{error}");
        for damaged in ["", "{", "{}", r#"{"version": 1}"#, "[1]", "\0"] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(read_versioned::<Thing>(&path, 1), Err(FileError::Damaged { .. })), "{damaged}");
            assert_eq!(fs::read_to_string(&path).unwrap(), damaged, "left as it is");
        }
    }
}
