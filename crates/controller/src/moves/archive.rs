//! One machine in one file: a zip that any program opens, with `machine.json`, `flake.lock`, `secrets.age` and `data.tar`.
//!
//! It is hostile input: entries are looked up by these four names and never unpacked by their own, sizes are bounded before anything is
//! read, and nothing of it is believed that isn't checked. What the files mean is [`crate::moves::export`]'s and [`crate::moves::import`]'s.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::{
    error::Error,
    files::{self, FileError},
    machine::{MachineName, MachineSpec, ModuleSpec},
};

/// The format that is written.
const VERSION: u64 = 1;
/// What such a file says of itself.
const FORMAT: &str = "codchi-machine";
/// The files in it.
const MANIFEST: &str = "machine.json";
const LOCK: &str = "flake.lock";
const SECRETS: &str = "secrets.age";
const DATA: &str = "data.tar";
/// How many files may be in it, so that a newer format has room.
const MOST_FILES: usize = 64;
/// How large they may be, in bytes; the machine's own files are bounded by the room there is.
const LARGEST_MANIFEST: u64 = 1 << 20;
const LARGEST_LOCK: u64 = 4 << 20;
const LARGEST_SECRETS: u64 = 32 << 20;
/// How many modules a machine may have.
const MOST_MODULES: usize = 256;
/// Where it is written until it is whole.
const PART: &str = ".codchi-export-";

/// What a file with a machine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    /// The machine's name where it was written.
    pub(crate) name: MachineName,
    /// What is wanted of it.
    pub(crate) spec: MachineSpec,
    /// The secrets that had a value.
    pub(crate) set: BTreeSet<String>,
    /// The optional ones that their user wanted to provide later.
    pub(crate) later: BTreeSet<String>,
}

/// What is in a file with a machine, for whoever decides whether to import it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ArchiveContents {
    /// The machine's name where it was written.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub name: MachineName,
    /// Its modules.
    pub modules: Vec<ModuleSpec>,
    /// The secrets that had a value.
    pub secrets: Vec<String>,
    /// Whether their values are in it, for whoever knows the passphrase.
    pub sealed: bool,
    /// How large the machine's own files are that are in it, in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub data: Option<u64>,
}

impl Manifest {
    pub(crate) fn new(
        name: MachineName,
        spec: MachineSpec,
        set: BTreeSet<String>,
        later: BTreeSet<String>,
    ) -> Self {
        Self { format: FORMAT.into(), name, spec, set, later }
    }
}

/// What is written, beside the machine's own files.
pub(crate) struct Content {
    pub(crate) manifest: Manifest,
    pub(crate) lock: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// Writes the file, readable for this user alone: the old one or the whole new one is there, also after a crash. `data` is read to its
/// end, and then asked whether that was all. Blocks.
///
/// # Errors
/// When it can't be written, or `data` isn't all.
pub(crate) fn write<D: Read>(
    path: &Path,
    content: &Content,
    data: Option<(D, impl FnOnce() -> Result<(), Error>)>,
) -> Result<(), Error> {
    let io = |source| Error::from(FileError::Io { path: path.into(), source });
    let zipped = |error: zip::result::ZipError| io(error.into());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let prefix = format!("{PART}{}-", path.file_name().unwrap_or_default().to_string_lossy());
    remove_leftovers(directory, &prefix);
    let mut part = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory).map_err(io)?;
    // Held while it is written: who finds it unlocked knows that nobody does.
    part.as_file().lock().map_err(io)?;
    let mut zip = ZipWriter::new(BufWriter::new(part.as_file_mut()));
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let manifest = files::versioned(path, VERSION, &content.manifest)?;
    let lock = content.lock.as_ref().map(|lock| (LOCK, lock.as_bytes(), packed));
    let sealed = content.sealed.as_ref().map(|sealed| (SECRETS, sealed.as_slice(), plain));
    for (name, bytes, options) in [Some((MANIFEST, &*manifest, packed)), lock, sealed].into_iter().flatten() {
        zip.start_file(name, options).map_err(zipped)?;
        zip.write_all(bytes).map_err(io)?;
    }
    if let Some((mut data, is_all)) = data {
        zip.start_file(DATA, packed.compression_level(Some(1)).large_file(true)).map_err(zipped)?;
        io::copy(&mut data, &mut zip).map_err(io)?;
        drop(data);
        is_all()?;
    }
    zip.finish().map_err(zipped)?.flush().map_err(io)?;
    part.as_file().sync_all().map_err(io)?;
    part.persist(path).map_err(|error| io(error.error))?;
    #[cfg(unix)]
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)?;
    Ok(())
}

/// Removes what writers left that were killed.
fn remove_leftovers(directory: &Path, prefix: &str) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let unused = is_file && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if unused && let Err(error) = std::fs::remove_file(entry.path()) {
            tracing::debug!(path = %entry.path().display(), %error, "a leftover stays");
        }
    }
}

/// A file with a machine, read and checked as far as its own files don't have to be read.
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    pub(crate) manifest: Manifest,
    pub(crate) lock: Option<String>,
    pub(crate) sealed: Option<Vec<u8>>,
    /// The size of the machine's own files.
    pub(crate) data: Option<u64>,
}

impl Archive {
    /// Opens the file. Blocks.
    ///
    /// # Errors
    /// When it isn't a machine that this Codchi understands.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |source| Error::from(FileError::Io { path: path.into(), source });
        // A pipe would be waited for.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(unusable(path, "it is no file"));
        }
        let file = BufReader::new(File::open(path).map_err(io)?);
        let mut zip = ZipArchive::new(file)
            .map_err(|_| unusable(path, "it isn't one that `codchi export` wrote, or it is cut off"))?;
        if zip.len() > MOST_FILES {
            return Err(unusable(path, "it has too many files"));
        }
        let manifest = entry(&mut zip, path, MANIFEST, LARGEST_MANIFEST)?
            .ok_or_else(|| unusable(path, "it has no machine.json, so `codchi export` didn't write it"))?;
        let manifest: Manifest = files::parse_versioned(path, &manifest, VERSION)?;
        if manifest.format != FORMAT {
            return Err(unusable(path, "its machine.json says that it is something else"));
        }
        if manifest.spec.modules.len() > MOST_MODULES {
            return Err(unusable(path, "it has too many modules"));
        }
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).ok();
            let text = text.filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
            text.ok_or_else(|| unusable(path, "its flake.lock is damaged"))
        };
        let lock = entry(&mut zip, path, LOCK, LARGEST_LOCK)?.map(text).transpose()?;
        let sealed = entry(&mut zip, path, SECRETS, LARGEST_SECRETS)?;
        let data = zip.index_for_name(DATA).map(|at| zip.by_index(at).map(|file| file.size()));
        let data = data.transpose().map_err(|error| unusable(path, &error.to_string()))?;
        Ok(Self { zip, manifest, lock, sealed, data })
    }

    /// What is in it.
    pub(crate) fn contents(&self) -> ArchiveContents {
        ArchiveContents {
            name: self.manifest.name.clone(),
            modules: self.manifest.spec.modules.clone(),
            secrets: self.manifest.set.iter().cloned().collect(),
            sealed: self.sealed.is_some(),
            data: self.data,
        }
    }

    /// Copies the machine's own files, as the tar that they are. Blocks.
    ///
    /// # Errors
    /// When they are damaged or more than was said, or can't be written.
    pub(crate) fn copy_data(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let mut data = self.zip.by_name(DATA).map_err(io::Error::from)?;
        let most = data.size();
        let copied = io::copy(&mut (&mut data).take(most), to)?;
        // Reading on to the end checks the sum.
        if copied < most || io::copy(&mut data.take(1), &mut io::sink())? > 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "data.tar isn't as large as it says"));
        }
        Ok(())
    }
}

/// A small file of it; `None` where there is none.
fn entry(
    zip: &mut ZipArchive<BufReader<File>>,
    path: &Path,
    name: &str,
    most: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(at) = zip.index_for_name(name) else { return Ok(None) };
    let file = zip.by_index(at).map_err(|error| unusable(path, &error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unusable(path, &format!("its {name} is damaged: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(unusable(path, &format!("its {name} has more than {} MiB", most >> 20)));
    }
    Ok(Some(bytes))
}

pub(crate) fn unusable(path: &Path, reason: &str) -> Error {
    Error::Archive { path: path.into(), reason: crate::activity::plain(reason) }
}

#[cfg(test)]
mod tests;
