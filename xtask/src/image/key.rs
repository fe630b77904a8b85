//! The hash of what a step is made from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// A name for a step's result, built from its inputs.
pub(crate) struct Key {
    step: String,
    hash: Sha256,
}

impl Key {
    /// The key of a step without inputs yet.
    pub(crate) fn new(step: &str) -> Self {
        Key { step: step.into(), hash: Sha256::new() }
    }

    /// Adds a text.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.add(text.as_bytes());
        self
    }

    /// Adds a file's content and whether it is executable.
    pub(crate) fn file(mut self, path: &Path) -> Result<Self> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        self.add(&[u8::from(super::tree::is_executable(path)?)]);
        self.add(&content);
        Ok(self)
    }

    /// Adds every file below a directory, by name and content.
    pub(crate) fn directory(mut self, dir: &Path) -> Result<Self> {
        for path in files_below(dir)? {
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            self = self.text(&name).file(&path)?;
        }
        Ok(self)
    }

    /// `step-0123456789abcdef`.
    pub(crate) fn name(self) -> String {
        let digest = super::hex(&self.hash.finalize());
        format!("{}-{}", self.step, &digest[..16])
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }
}

/// Every regular file below `dir`, sorted.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_and_their_borders_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "1").unwrap();
        let key = || Key::new("s").directory(dir.path()).unwrap().name();
        let before = key();
        assert_eq!(before, key());
        fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
        assert_ne!(before, key());
        assert_ne!(Key::new("s").text("ab").text("c").name(), Key::new("s").text("a").text("bc").name());
    }
}
