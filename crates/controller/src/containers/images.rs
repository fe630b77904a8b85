//! The root file systems that come with this release.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{driver::Image, files::FileError};

/// Both images of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    /// The release, such as `0.1.0`.
    pub release: String,
    /// The controller's image.
    pub controller: ImageFile,
    /// The code machines' image.
    pub machine: ImageFile,
}

/// An image and its tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// What it is.
    pub image: Image,
    /// Its uncompressed tar.
    pub path: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    version: String,
    images: Images,
}

#[derive(Deserialize)]
struct Images {
    controller: Entry,
    machine: Entry,
}

#[derive(Deserialize)]
struct Entry {
    file: PathBuf,
    sha256: String,
    size: u64,
}

impl ImageSet {
    /// Reads `manifest.json` in `directory`. The tars themselves are not read here.
    ///
    /// # Errors
    /// When there is no manifest, or a damaged one.
    pub fn read(directory: &Path) -> Result<Self, FileError> {
        let path = directory.join("manifest.json");
        let bytes = std::fs::read(&path).map_err(|source| FileError::Io { path: path.clone(), source })?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|source| FileError::Damaged { path, source })?;
        let file = |name: &str, entry: Entry| ImageFile {
            path: directory.join(entry.file),
            image: Image { name: name.into(), sha256: entry.sha256, size: entry.size },
        };
        Ok(Self {
            release: manifest.version,
            controller: file("controller", manifest.images.controller),
            machine: file("machine", manifest.images.machine),
        })
    }
}

impl ImageFile {
    /// Compares the tar with its sha256.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn is_intact(&self) -> io::Result<bool> {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        let mut file = std::fs::File::open(&self.path)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            match io::Read::read(&mut file, &mut buffer)? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let hex = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
            use std::fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Ok(hex == self.image.sha256)
    }
}
