//! A directory in memory that is removed with its owner: by the owner when it ends, and by the next one where it was killed. Whose
//! owner lives is told by a lock on a file in it, which the kernel gives up with the process.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use super::{AccessError, BASE};

/// The file that is locked as long as the owner lives.
const OWNED: &str = ".owned";

/// Who may use what is in a directory must know its name: Nix, which reads for strangers without root's capabilities (`confine.rs`), is
/// told it, and a flake that it evaluates isn't.
const UNLISTED: u32 = 0o300;

/// A directory of its own.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _owned: Flock<File>,
}

impl Directory {
    /// Makes the directory `name` and removes those of dead owners.
    ///
    /// # Errors
    /// When it isn't in memory, or can't be made.
    pub(super) fn make(name: &str) -> Result<Self, AccessError> {
        let base = Path::new(BASE);
        DirBuilder::new().recursive(true).mode(UNLISTED).create(base).map_err(at(base))?;
        let memory = statfs(base).map_err(|error| at(base)(error.into()))?.filesystem_type() == TMPFS_MAGIC;
        if !memory {
            return Err(AccessError::NotInMemory { path: BASE.into() });
        }
        Self::make_in(base, name)
    }

    fn make_in(base: &Path, name: &str) -> Result<Self, AccessError> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(AccessError::Name(name.into()));
        }
        // Nobody takes a directory for a dead one between its making and its lock.
        let turn = lock(File::open(base), FlockArg::LockExclusive).map_err(at(base))?;
        sweep(base).map_err(at(base))?;
        let path = base.join(name);
        DirBuilder::new().mode(UNLISTED).create(&path).map_err(at(&path))?;
        let owned = create(&path.join(OWNED)).and_then(|file| lock(Ok(file), FlockArg::LockExclusive));
        let owned = owned.map_err(at(&path))?;
        drop(turn);
        Ok(Self { path, _owned: owned })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that only root reads.
    ///
    /// # Errors
    /// When it can't be written, or isn't in the directory.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AccessError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain) {
            return Err(AccessError::Name(name.into()));
        }
        let path = self.path.join(name);
        create(&path).and_then(|mut file| file.write_all(bytes)).map_err(at(&path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = remove(&self.path);
    }
}

/// Removes what dead owners left. Does nothing while somebody makes a directory, who removes it as well.
pub(crate) fn sweep_dead() {
    let base = Path::new(BASE);
    let Ok(_turn) = lock(File::open(base), FlockArg::LockExclusiveNonblock) else { return };
    // What can't be removed now is removed by the next owner.
    let _ = sweep(base);
}

/// Removes the directories that nobody owns any more.
fn sweep(base: &Path) -> io::Result<()> {
    for entry in fs::read_dir(base)? {
        let path = entry?.path();
        let is_owned = match File::open(path.join(OWNED)) {
            Ok(file) => lock(Ok(file), FlockArg::LockExclusiveNonblock).is_err(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if !is_owned {
            match remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Removes a directory, which its owner can't list.
fn remove(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    fs::remove_dir_all(path)
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

fn lock(file: io::Result<File>, how: FlockArg) -> io::Result<Flock<File>> {
    Flock::lock(file?, how).map_err(|(_, error)| error.into())
}

fn at(path: &Path) -> impl Fn(io::Error) -> AccessError {
    let path = path.display().to_string();
    move |source| AccessError::Directory { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_its_owner() {
        let base = tempfile::tempdir().unwrap();
        let first = Directory::make_in(base.path(), "a").unwrap();
        first.write("nix.conf", b"x").unwrap();
        // What a killed owner left.
        fs::create_dir(base.path().join("dead")).unwrap();
        fs::write(base.path().join("dead").join(OWNED), "").unwrap();
        fs::write(base.path().join("dead/logins.json"), "secret").unwrap();
        fs::create_dir(base.path().join("half")).unwrap();
        let second = Directory::make_in(base.path(), "b").unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(base.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(), ["a", "b"]);
        assert_eq!(fs::read_to_string(first.path().join("nix.conf")).unwrap(), "x");
        drop(first);
        assert_eq!(names(), ["b"]);
        drop(second);
        assert!(names().is_empty());
    }

    #[test]
    fn nothing_is_written_elsewhere_or_twice() {
        let base = tempfile::tempdir().unwrap();
        for name in ["", "..", "a/b", "a b"] {
            assert!(matches!(Directory::make_in(base.path(), name), Err(AccessError::Name(_))), "{name:?}");
        }
        let directory = Directory::make_in(base.path(), "a").unwrap();
        for name in ["", ".owned", "../x", "a/b"] {
            assert!(matches!(directory.write(name, b""), Err(AccessError::Name(_))), "{name:?}");
        }
        directory.write("once", b"").unwrap();
        assert!(directory.write("once", b"").is_err());
        assert!(Directory::make_in(base.path(), "a").is_err(), "somebody else's");
    }
}
