//! `ctrl-serve add-generation DIR SYSTEM` and `ctrl-serve switch-generation DIR NUMBER`: the links of a machine's profile, in the form
//! that Nix gives them: `system` names `system-3-link`, which names a path of the store.
//!
//! Not done by `nix-env`: root of the machine owns this directory, and what opens its lock there follows a link to wherever that root
//! likes, the store that all machines share among it. Here no file in it is opened. Links are made under a name of their own and
//! renamed, both below the directory itself, so that nothing which lies there leads elsewhere.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlinkat, renameat};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

/// The link that says which generation is the current one.
const CURRENT: &str = "system";
/// What a link is called before it is renamed.
const UNFINISHED: &str = ".codchi-new-link";
/// Where systems are.
const STORE: &str = "/nix/store/";

/// Why the profile was left as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("cannot use the profile {dir:?}: {source}")]
    Directory { dir: PathBuf, source: io::Error },
    #[error("{0:?} is no path of the store")]
    System(String),
    #[error("the profile has no generation {0}")]
    NoGeneration(u64),
    #[error("the profile has used up its numbers")]
    UsedUp,
}

/// The directory of a profile.
#[derive(Debug)]
pub(crate) struct Profile {
    path: PathBuf,
    dir: File,
}

impl Profile {
    /// The profile in `path`, which is no link.
    ///
    /// # Errors
    /// When it isn't there.
    pub(crate) fn open(path: &Path) -> Result<Self, ProfileError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let dir = File::options().read(true).custom_flags(flags.bits()).open(path);
        let dir = dir.map_err(|source| ProfileError::Directory { dir: path.into(), source })?;
        Ok(Self { path: path.into(), dir })
    }

    /// Makes `system` the newest generation and the current one; its number.
    ///
    /// # Errors
    /// When it isn't a path of the store, or the links can't be made.
    pub(crate) fn add(&self, system: &str) -> Result<u64, ProfileError> {
        if !is_in_store(system) {
            return Err(ProfileError::System(system.into()));
        }
        let newest = self.numbers()?.into_iter().max().unwrap_or(0);
        let number = newest.checked_add(1).ok_or(ProfileError::UsedUp)?;
        self.link(system, &name(number))?;
        self.link(&name(number), CURRENT)?;
        Ok(number)
    }

    /// Makes a generation the current one.
    ///
    /// # Errors
    /// When there is none of this number, or the link can't be made.
    pub(crate) fn switch(&self, number: u64) -> Result<(), ProfileError> {
        let name = name(number);
        let target = match readlinkat(&self.dir, name.as_str()) {
            Ok(target) => target,
            Err(Errno::ENOENT | Errno::EINVAL) => return Err(ProfileError::NoGeneration(number)),
            Err(error) => return Err(self.failed(error)),
        };
        if !target.to_str().is_some_and(is_in_store) {
            return Err(ProfileError::NoGeneration(number));
        }
        self.link(&name, CURRENT)
    }

    /// The numbers of the generations.
    fn numbers(&self) -> Result<Vec<u64>, ProfileError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut dir = Dir::openat(&self.dir, ".", flags, nix::sys::stat::Mode::empty())
            .map_err(|error| self.failed(error))?;
        let mut numbers = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(|error| self.failed(error))?;
            let name = entry.file_name().to_str().ok();
            let number = name.and_then(|name| name.strip_prefix("system-")?.strip_suffix("-link"));
            numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
        }
        Ok(numbers)
    }

    /// Makes the link `name` to `target`, in place of what was there. It is on disk when this returns.
    fn link(&self, target: &str, name: &str) -> Result<(), ProfileError> {
        match unlinkat(&self.dir, UNFINISHED, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(self.failed(error)),
        }
        symlinkat(target, &self.dir, UNFINISHED)
            .and_then(|()| renameat(&self.dir, UNFINISHED, &self.dir, name))
            .map_err(|error| self.failed(error))?;
        self.dir.sync_all().map_err(|source| ProfileError::Directory { dir: self.path.clone(), source })
    }

    fn failed(&self, error: Errno) -> ProfileError {
        ProfileError::Directory { dir: self.path.clone(), source: error.into() }
    }
}

fn name(number: u64) -> String {
    format!("system-{number}-link")
}

/// Whether it is a path directly in the store.
fn is_in_store(path: &str) -> bool {
    path.strip_prefix(STORE).is_some_and(|name| {
        !name.is_empty() && !name.starts_with('.') && !name.contains('/') && !name.contains(char::is_control)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const FIRST: &str = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-one";
    const SECOND: &str = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-two";

    fn target(dir: &Path, name: &str) -> String {
        fs::read_link(dir.join(name)).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn generations_are_added_and_switched() {
        let root = tempfile::tempdir().unwrap();
        let profile = Profile::open(root.path()).unwrap();
        assert_eq!(profile.add(FIRST).unwrap(), 1);
        assert_eq!(profile.add(SECOND).unwrap(), 2);
        assert_eq!(target(root.path(), "system-1-link"), FIRST);
        assert_eq!(target(root.path(), "system-2-link"), SECOND);
        assert_eq!(target(root.path(), "system"), "system-2-link");
        profile.switch(1).unwrap();
        assert_eq!(target(root.path(), "system"), "system-1-link");
        assert!(matches!(profile.switch(7), Err(ProfileError::NoGeneration(7))));
        assert_eq!(profile.add(FIRST).unwrap(), 3, "one that was gone back from keeps its number");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4, "nothing else is left there");
    }

    #[test]
    fn nothing_that_lies_there_leads_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let (dir, other) = (root.path().join("profile"), root.path().join("store-file"));
        fs::create_dir(&dir).unwrap();
        fs::write(&other, "").unwrap();
        for name in ["system.lock", "system", "system-1-link", UNFINISHED] {
            symlink(&other, dir.join(name)).unwrap();
        }
        let profile = Profile::open(&dir).unwrap();
        assert!(matches!(profile.switch(1), Err(ProfileError::NoGeneration(1))), "it isn't in the store");
        assert_eq!(profile.add(FIRST).unwrap(), 2);
        profile.switch(2).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"");
        assert_eq!(target(&dir, "system"), "system-2-link");
        let link = root.path().join("link");
        symlink(&dir, &link).unwrap();
        assert!(matches!(Profile::open(&link), Err(ProfileError::Directory { .. })));
    }

    #[test]
    fn numbers_end_and_systems_are_in_the_store() {
        let root = tempfile::tempdir().unwrap();
        let profile = Profile::open(root.path()).unwrap();
        for system in ["", "/etc/passwd", "/nix/store/", "/nix/store/..", "/nix/store/a/b", "../x"] {
            assert!(matches!(profile.add(system), Err(ProfileError::System(_))), "{system}");
        }
        symlink(FIRST, root.path().join(name(u64::MAX))).unwrap();
        assert!(matches!(profile.add(FIRST), Err(ProfileError::UsedUp)));
    }
}
