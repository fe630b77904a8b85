//! The files that say what is wanted (`machine.json`, `flake.lock`) and what was last built of it (the record).

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{MachineName, MachineSpec};
use crate::{
    files::{self, FileError, Paths},
    lock,
    moves::{origin::Origin, rename::Renaming},
    nix::{Requirements, StorePath},
    operation::OperationId,
    secret::Answers,
};

/// The format of `machine.json` and of the record that is written.
const VERSION: u64 = 1;

/// What the directory of a machine is called while it is removed, before the name.
const REMOVED: &str = ".removed-";

/// All machines of this user.
#[derive(Clone, Debug)]
pub(crate) struct MachineStore {
    paths: Paths,
}

/// What is known of a machine besides what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineRecord {
    /// The last build that ended well.
    pub(crate) built: Option<Built>,
    /// What is being installed and switched to. Still there afterwards when that was interrupted or couldn't be undone: then what runs
    /// isn't known, and nothing may be taken for unchanged.
    pub(crate) switching: Option<Switching>,
    /// The last operation on it.
    pub(crate) last_operation: Option<OperationId>,
    /// What its modules asked for when they were last evaluated: what its user is asked. Nothing is given because of it.
    pub(crate) requirements: Requirements,
    /// What it is made from, where that is more than its modules.
    pub(crate) origin: Option<Origin>,
    /// Whether it was made with the wish that it isn't started.
    pub(crate) stays_stopped: bool,
    /// Whether its container runs without its system, for somebody who may be gone.
    pub(crate) idle: bool,
    /// The other name that it is being given, or was given before all was done.
    pub(crate) renaming: Option<Renaming>,
}

/// A system that is being installed and switched to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Switching {
    /// Which.
    pub(crate) system: StorePath,
    /// What its modules ask for.
    pub(crate) requirements: Requirements,
}

impl MachineRecord {
    /// What the system asks for that the machine boots: what it is given is what this names.
    pub(crate) fn given(&self) -> Requirements {
        let switching = self.switching.as_ref().map(|switching| &switching.requirements);
        switching.or(self.built.as_ref().map(|built| &built.requirements)).cloned().unwrap_or_default()
    }
}

/// A build that ended well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Built {
    /// What was wanted.
    pub(crate) spec: MachineSpec,
    /// The lock it was built from.
    pub(crate) lock: String,
    /// The image release of the controller, whose flake is one of the inputs.
    pub(crate) release: String,
    /// What was built.
    pub(crate) system: StorePath,
    /// What its modules ask for.
    pub(crate) requirements: Requirements,
    /// As which generation.
    pub(crate) generation: u64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
}

impl MachineStore {
    pub(crate) fn new(paths: Paths) -> Self {
        Self { paths }
    }

    /// The names of all machines, sorted.
    pub(crate) fn names(&self) -> Result<Vec<MachineName>, FileError> {
        let path = self.paths.machines();
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(FileError::Io { path, source }),
        };
        let mut names: Vec<_> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("machine.json").symlink_metadata().is_ok())
            .filter_map(|entry| MachineName::new(entry.file_name().to_str()?).ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The machine whose name is the same on a system that doesn't tell cases apart.
    pub(crate) fn same_name(&self, name: &MachineName) -> Result<Option<MachineName>, FileError> {
        Ok(self.names()?.into_iter().find(|other| other.same_as(name)))
    }

    pub(crate) fn spec(&self, name: &MachineName) -> Result<Option<MachineSpec>, FileError> {
        files::read_versioned(&self.spec_path(name), VERSION)
    }

    pub(crate) fn write_spec(&self, name: &MachineName, spec: &MachineSpec) -> Result<(), FileError> {
        files::write_versioned(&self.spec_path(name), VERSION, spec)
    }

    /// The content of the machine's `flake.lock`.
    pub(crate) fn lock(&self, name: &MachineName) -> Result<Option<String>, FileError> {
        Ok(files::read_if_exists(&self.lock_path(name))?
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(crate) fn write_lock(&self, name: &MachineName, lock: &str) -> Result<(), FileError> {
        files::write_atomic(&self.lock_path(name), lock.as_bytes())
    }

    pub(crate) fn record(&self, name: &MachineName) -> Result<MachineRecord, FileError> {
        Ok(files::read_versioned(&self.record_path(name), VERSION)?.unwrap_or_default())
    }

    fn write_record(&self, name: &MachineName, record: &MachineRecord) -> Result<(), FileError> {
        files::write_versioned(&self.record_path(name), VERSION, record)
    }

    /// Changes the record. Only the operation that holds the machine's lock does.
    pub(crate) fn update_record(
        &self,
        name: &MachineName,
        change: impl FnOnce(&mut MachineRecord),
    ) -> Result<(), FileError> {
        let mut record = self.record(name)?;
        change(&mut record);
        self.write_record(name, &record)
    }

    /// What the user answered; nothing where there is no file.
    pub(crate) fn answers(&self, name: &MachineName) -> Result<Answers, FileError> {
        Ok(files::read_versioned(&self.answers_path(name), VERSION)?.unwrap_or_default())
    }

    /// Changes the answers. Anybody may, at any time; who comes second waits.
    pub(crate) fn update_answers(
        &self,
        name: &MachineName,
        change: impl FnOnce(&mut Answers),
    ) -> Result<(), FileError> {
        let _held = lock::answers(&self.paths, name)?;
        let mut answers = self.answers(name)?;
        change(&mut answers);
        files::write_versioned(&self.answers_path(name), VERSION, &answers)
    }

    /// The directory whose files say what is wanted of a machine.
    pub(crate) fn directory(&self, name: &MachineName) -> PathBuf {
        self.paths.machines().join(name.as_str())
    }

    /// Whether what is wanted of machines can be changed here: asked before something is done that the files must follow.
    pub(crate) fn is_writable(&self) -> Result<(), FileError> {
        let path = self.paths.machines();
        // It has no name, and is gone when it is closed.
        tempfile::tempfile_in(&path).map(drop).map_err(|source| FileError::Io { path, source })
    }

    /// Forgets the machine: the record first, what is wanted last, so that a crash in between can be repeated. Its directory is taken
    /// away as a whole: nothing of it, such as a consent, is found by the next machine of that name.
    pub(crate) fn remove(&self, name: &MachineName) -> Result<(), FileError> {
        let gone = |path: PathBuf, result: io::Result<()>| match result {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::Io { path, source: error })
            }
            _ => Ok(()),
        };
        let record = self.record_path(name);
        gone(record.clone(), fs::remove_file(&record))?;
        // No machine's name begins with a dot.
        let (directory, removed) =
            (self.directory(name), self.paths.machines().join(format!("{REMOVED}{name}")));
        gone(removed.clone(), fs::remove_dir_all(&removed))?;
        gone(directory.clone(), fs::rename(&directory, &removed))?;
        gone(removed.clone(), fs::remove_dir_all(&removed))
    }

    /// Removes what a removal left that was interrupted at its end, and what processes that were killed while they wrote have left.
    pub(crate) fn sweep(&self) {
        [self.paths.records(), self.paths.config.clone()].iter().for_each(|place| files::sweep_killed(place));
        let entries = fs::read_dir(self.paths.machines()).into_iter().flatten().filter_map(Result::ok);
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(REMOVED)) {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::debug!(%error, path = %entry.path().display(), "not removed");
            }
        }
    }

    /// Gives a machine another name: what is wanted of it and its answers in one step, when the record of that name is there.
    pub(crate) fn rename(
        &self,
        from: &MachineName,
        to: &MachineName,
        record: &MachineRecord,
    ) -> Result<(), FileError> {
        self.write_record(to, record)?;
        let (old, new) = (self.directory(from), self.directory(to));
        let io = |source| FileError::Io { path: new.clone(), source };
        // What a broken-off creation left there is nobody's.
        match fs::remove_dir_all(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        fs::rename(&old, &new).map_err(io)?;
        File::open(self.paths.machines()).and_then(|directory| directory.sync_all()).map_err(io)
    }

    /// Forgets what was built for a name that no machine has any more.
    pub(crate) fn remove_record(&self, name: &MachineName) -> Result<(), FileError> {
        let path = self.record_path(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FileError::Io { path, source }),
            _ => Ok(()),
        }
    }

    fn spec_path(&self, name: &MachineName) -> PathBuf {
        self.directory(name).join("machine.json")
    }

    fn lock_path(&self, name: &MachineName) -> PathBuf {
        self.directory(name).join("flake.lock")
    }

    fn answers_path(&self, name: &MachineName) -> PathBuf {
        self.directory(name).join("answers.json")
    }

    /// The file that says what was built of a machine.
    pub(crate) fn record_path(&self, name: &MachineName) -> PathBuf {
        self.paths.records().join(format!("{name}.json"))
    }
}
