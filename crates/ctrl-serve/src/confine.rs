//! `ctrl-serve confine [--hide DIR]… [--keep PATH]… -- PROGRAM…`: runs a program on what a stranger wrote. Directories are empty for it
//! but for what is kept of them, and it has none of root's capabilities (capabilities(7)): it can't list a directory that its owner
//! can't, mount, or look into other processes.
//!
//! Nix reads any path that a repository's flake names as an input; what it can't see it can't hand on.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

/// What the program sees.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Directories that are empty.
    pub(crate) hide: Vec<PathBuf>,
    /// What is there all the same, below one of them.
    pub(crate) keep: Vec<PathBuf>,
}

/// Why the program wasn't run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfineError {
    #[error("cannot hide {path}: {source}")]
    Hide { path: String, source: io::Error },
    #[error("cannot keep {path}: {source}")]
    Keep { path: String, source: io::Error },
    #[error("cannot give up root's rights: {0}")]
    Rights(#[source] io::Error),
    #[error("cannot run {program}: {source}")]
    Run { program: String, source: io::Error },
}

/// Becomes the program. Returns only on failure.
pub(crate) fn become_confined(view: &View, argv: &[String]) -> ConfineError {
    let Some((program, args)) = argv.split_first() else {
        return ConfineError::Run { program: String::new(), source: io::ErrorKind::InvalidInput.into() };
    };
    if let Err(error) = apply(view).and_then(|()| give_up_rights().map_err(ConfineError::Rights)) {
        return error;
    }
    ConfineError::Run { program: program.clone(), source: Command::new(program).args(args).exec() }
}

fn apply(view: &View) -> Result<(), ConfineError> {
    let hidden = |path: &Path| {
        let path = path.display().to_string();
        move |source: io::Error| ConfineError::Hide { path, source }
    };
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| hidden(Path::new("/"))(error.into()))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|error| hidden(Path::new("/"))(error.into()))?;
    // Taken before they are hidden; what isn't there yet is an empty directory of its own.
    let kept = view.keep.iter().map(|path| {
        if !path.exists() {
            fs::create_dir_all(path).map_err(|error| kept_error(path, error))?;
        }
        let tree = open_tree(CWD, path, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE);
        tree.map(|tree| (path, tree)).map_err(|error| kept_error(path, error.into()))
    });
    let kept: Vec<(&PathBuf, OwnedFd)> = kept.collect::<Result<_, _>>()?;
    for path in view.hide.iter().filter(|path| path.is_dir()) {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("mode=0755,size=1m"))
            .map_err(|error| hidden(path)(error.into()))?;
    }
    for (path, tree) in &kept {
        let failed = |source| kept_error(path, source);
        if !path.exists() {
            fs::create_dir_all(path).map_err(failed)?;
        }
        move_mount(tree, "", CWD, *path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

fn kept_error(path: &Path, source: io::Error) -> ConfineError {
    ConfineError::Keep { path: path.display().to_string(), source }
}

/// Gives up every capability, for whatever program comes next as well.
fn give_up_rights() -> io::Result<()> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        // The kernel knows fewer than there are bits.
        let Ok(is_there) = capability_is_in_bounding_set(capability) else { break };
        if is_there {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_no_new_privs(true)?;
    Ok(())
}
