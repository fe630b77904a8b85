//! A machine that may not run containers. A container has a `/proc` of its own, and the kernel lets nobody but the host's root mount one
//! where the others are covered in part (`mount_too_revealing` in its `fs/namespace.c`). So `/proc` gets a cover that nobody in the
//! machine can lift, and the bare copies that engines leave for nesting go.
//!
//! What is covered is one file, by itself: nothing looks different. Sandboxes of systemd that would mount one use what is there.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::mounts::{self, MOUNTINFO};

/// What is covered by itself.
const COVER: &str = "/proc/version";
/// The subcommand that hands over the covered tree.
pub(crate) const SEAL: &str = "seal-proc";

/// Why containers aren't kept out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NestingError {
    #[error("cannot cover {COVER}: {0}")]
    Cover(#[source] io::Error),
    #[error("cannot make the cover of /proc last: {0}")]
    Seal(#[source] io::Error),
    #[error("cannot take {path} away: {source}")]
    Copy { path: String, source: io::Error },
    #[error("cannot put the covered /proc in its place: {0}")]
    Place(#[source] io::Error),
}

/// Makes sure that nobody in this machine can mount a `/proc`. Before anything else runs in it: when it fails there may be no `/proc` any
/// more, so nothing can.
///
/// # Errors
/// See [`NestingError`].
pub(crate) fn keep_out() -> Result<(), NestingError> {
    let here = fs::read_to_string(MOUNTINFO).map_err(NestingError::Cover)?;
    mount(Some(COVER), COVER, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|error| NestingError::Cover(error.into()))?;
    let sealed = sealed().map_err(NestingError::Seal)?;
    for copy in copies(&here) {
        umount2(&copy, MntFlags::MNT_DETACH)
            .map_err(|error| NestingError::Copy { path: copy.display().to_string(), source: error.into() })?;
    }
    umount2("/proc", MntFlags::MNT_DETACH).map_err(|error| NestingError::Place(error.into()))?;
    move_mount(&sealed, "", CWD, "/proc", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(|error| NestingError::Place(error.into()))
}

/// A copy of `/proc` with all that is mounted in it, whose parts can't be unmounted one by one.
///
/// The kernel makes mounts last that are copied into a namespace of less rights. So a process goes into one and hands its copy back.
fn sealed() -> io::Result<OwnedFd> {
    let (ours, theirs) = UnixStream::pair()?;
    let mut child =
        Command::new("/proc/self/exe").arg(SEAL).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
    let received = receive(&ours);
    child.wait()?;
    received
}

/// The same process's part: sends the copy over the socket that is its standard input.
///
/// # Errors
/// When the kernel refuses.
pub(crate) fn seal() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
    let tree = open_tree(CWD, "/proc", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    let trees = [std::os::fd::AsFd::as_fd(&tree)];
    if !rights.push(SendAncillaryMessage::ScmRights(&trees)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(io::stdin(), &[IoSlice::new(b"p")], &mut rights, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive(socket: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let mut all = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    all.next().ok_or_else(|| io::Error::other("the process that makes it failed"))
}

/// Where `/proc` is mounted as a whole besides at its place.
fn copies(mountinfo: &str) -> Vec<PathBuf> {
    let whole = |line: &&str| {
        let (own, kind) = line.split_once(" - ").unwrap_or_default();
        own.split(' ').nth(3) == Some("/") && kind.starts_with("proc ")
    };
    let points = mountinfo.lines().filter(whole).flat_map(mounts::points);
    points.filter(|point| !point.starts_with(Path::new("/proc"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_whole_are_found_wherever_engines_put_them() {
        let text = "490 488 0:82 / /proc rw,nosuid shared:341 - proc proc rw\n\
                    494 490 0:21 /sys/fs/binfmt_misc /proc/sys/fs/binfmt_misc rw shared:342 - proc proc rw\n\
                    500 489 0:84 / /dev/.lxc/proc rw,relatime shared:328 - proc proc rw\n\
                    501 489 0:83 / /dev/.lxc/sys rw,relatime shared:329 - sysfs sys rw\n\
                    502 489 0:84 / /mnt/my\\040proc rw,relatime - proc proc rw\n\
                    503 489 0:84 /1 /mnt/part rw,relatime - proc proc rw\n\
                    504 489 0:85 / /mnt/other rw - procfs proc rw\n\
                    odd\n";
        assert_eq!(copies(text), ["/dev/.lxc/proc", "/mnt/my proc"].map(PathBuf::from));
    }

    #[test]
    fn a_process_that_hands_over_nothing_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert!(receive(&ours).is_err());
    }
}
