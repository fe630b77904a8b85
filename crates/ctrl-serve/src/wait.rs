//! Waiting without polling: for the controller's health file and for a machine's systemd. Both begin before the
//! file's directory, or even the tmpfs it lies on, exists; inotify watches the nearest existing directory, and the
//! kernel tells about mounts through `/proc/self/mountinfo`.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::health::{self, Health};
use crate::mounts;
use crate::network;

/// systemd's private socket: there as soon as PID 1 takes commands.
const SYSTEMD: &str = "/run/systemd/private";
/// Where NixOS and other systems have `systemctl`.
const SYSTEM_PATH: &str = "/run/current-system/sw/bin:/usr/bin:/bin";
/// Made by systemd as soon as the file systems are mounted that it mounts itself (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
/// States that `systemctl is-system-running` prints once booting is over.
const FINISHED: [&str; 4] = ["running", "degraded", "maintenance", "stopping"];

/// How often to look when the kernel gives no watch, in milliseconds.
const BLIND: u8 = 50;

/// Why a wait ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WaitError {
    #[error("not ready after {} ms: nix-daemon is in state {:?}{}", .after.as_millis(), .state, last_exit(.last))]
    NotReady { after: Duration, state: String, last: Option<String> },
    #[error("the system has not finished booting after {} ms (state: {state})", .after.as_millis())]
    NotUp { after: Duration, state: String },
    #[error("systemd has no {dir} in a tmpfs after {} ms", .after.as_millis(), dir = mounts::RUN)]
    NoRuntime { after: Duration },
    #[error(
        "the host has delivered no secrets within {} s. `codchi start {machine}` on the host delivers them.",
        .after.as_secs()
    )]
    NotDelivered { after: Duration, machine: String },
    #[error("cannot watch for changes: {0}")]
    Watch(#[from] io::Error),
}

fn last_exit(last: &Option<String>) -> String {
    last.as_ref().map(|l| format!(", it ended last with: {l}")).unwrap_or_default()
}

impl WaitError {
    pub(crate) fn is_timeout(&self) -> bool {
        !matches!(self, WaitError::Watch(_))
    }
}

/// Waits until the controller is ready; its health then. The first who has it fetch something would otherwise come before its network:
/// that is waited for as well, but no longer than [`network::PATIENCE`], since it may have none.
///
/// # Errors
/// [`WaitError::NotReady`] at the deadline.
pub(crate) fn until_ready(timeout: Duration) -> Result<Health, WaitError> {
    let file = Path::new(health::FILE);
    let deadline = Instant::now() + timeout;
    let health =
        until(file, deadline, || Some(health::read_or_down(file)).filter(|h| h.ready))?.ok_or_else(|| {
            let now = health::read_or_down(file);
            WaitError::NotReady { after: timeout, state: now.daemon.state, last: now.daemon.last_exit }
        })?;
    if network::interface(Path::new(network::INTERFACES)).is_some() {
        let (lease, until_then) = (Path::new(network::RESOLV_CONF), Instant::now() + network::PATIENCE);
        until(lease, until_then.min(deadline), || lease.exists().then_some(()))?;
    }
    Ok(health)
}

/// Waits until systemd says that booting is over; the word it says (`running`, `degraded`, …).
///
/// # Errors
/// [`WaitError::NotUp`] at the deadline.
pub(crate) fn until_up(timeout: Duration) -> Result<String, WaitError> {
    let deadline = Instant::now() + timeout;
    let socket = Path::new(SYSTEMD);
    let mut state = String::from("not started");
    while until(socket, deadline, || socket.exists().then_some(()))?.is_some() {
        state = system_state(deadline)?;
        if FINISHED.contains(&state.as_str()) {
            return Ok(state);
        }
        // systemd restarts itself or the socket is bound but not yet listened on; there is no event for that.
        std::thread::sleep(Duration::from_millis(5));
        if Instant::now() >= deadline {
            break;
        }
    }
    Err(WaitError::NotUp { after: timeout, state })
}

/// Waits until systemd has its tmpfs on `/run`. What is written there before would be hidden by it, or on the disk.
///
/// # Errors
/// [`WaitError::NoRuntime`] at the deadline.
pub(crate) fn until_runtime(timeout: Duration) -> Result<(), WaitError> {
    let booted = Path::new(BOOTED);
    let there = || (booted.is_dir() && mounts::is_tmpfs(Path::new(mounts::RUN))).then_some(());
    until(booted, Instant::now() + timeout, there)?.ok_or(WaitError::NoRuntime { after: timeout })
}

/// Waits until `marker` says that the host has delivered.
///
/// # Errors
/// [`WaitError::NotDelivered`] at the deadline, which names the machine: people read it in the journal.
pub(crate) fn until_delivered(marker: &Path, timeout: Duration) -> Result<(), WaitError> {
    until(marker, Instant::now() + timeout, || marker.exists().then_some(()))?.ok_or_else(|| {
        let name = nix::unistd::gethostname().map(|n| n.to_string_lossy().into_owned());
        WaitError::NotDelivered { after: timeout, machine: name.unwrap_or_else(|_| "NAME".into()) }
    })
}

/// Waits until `there` says so, which is asked again at each change around `accounts`. No error where it never does.
///
/// # Errors
/// When changes can't be watched.
pub(crate) fn until_accounts(
    accounts: &Path,
    timeout: Duration,
    there: impl Fn() -> bool,
) -> Result<(), WaitError> {
    until(accounts, Instant::now() + timeout, || there().then_some(()))?;
    Ok(())
}

/// One `systemctl is-system-running --wait`, ended at the deadline.
fn system_state(deadline: Instant) -> io::Result<String> {
    let mut command = Command::new(systemctl().unwrap_or_else(|| PathBuf::from("systemctl")));
    command.args(["is-system-running", "--wait"]).env("PATH", SYSTEM_PATH);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let Some(out) = child.stdout.take() else { return Err(io::Error::other("systemctl has no output")) };
    let mut fds = [PollFd::new(out.as_fd(), PollFlags::POLLIN)];
    while matches!(poll(&mut fds, left(deadline)), Err(Errno::EINTR)) {}
    if fds[0].revents().is_none_or(|r| r.is_empty()) {
        child.kill()?;
        child.wait()?;
        return Ok("starting".into());
    }
    let state = io::read_to_string(out)?;
    child.wait()?;
    Ok(state.trim().to_owned())
}

fn systemctl() -> Option<PathBuf> {
    SYSTEM_PATH.split(':').map(|d| Path::new(d).join("systemctl")).find(|p| p.exists())
}

/// Calls `check` now and after each change around `path` until it gives something or the deadline has come.
fn until<T>(path: &Path, deadline: Instant, mut check: impl FnMut() -> Option<T>) -> io::Result<Option<T>> {
    let mountinfo = File::open(mounts::MOUNTINFO)?;
    loop {
        let inotify = watch(path)?;
        // Watched first, then looked: a change in between is not missed.
        if let Some(found) = check() {
            return Ok(Some(found));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        let mut fds = vec![PollFd::new(mountinfo.as_fd(), PollFlags::POLLPRI)];
        fds.extend(inotify.as_ref().map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        let wait = if inotify.is_some() { left(deadline) } else { left(deadline).min(BLIND.into()) };
        match poll(&mut fds, wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Watches the nearest directory above `path` that exists. `None` when the kernel gives no more watches: all containers of a host
/// share a number of them that is small by default.
fn watch(path: &Path) -> io::Result<Option<Inotify>> {
    let inotify = match Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK) {
        Ok(inotify) => inotify,
        Err(Errno::EMFILE) => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE;
    for dir in path.ancestors().skip(1).filter(|d| d.is_dir()) {
        match inotify.add_watch(dir, flags) {
            Ok(_) => return Ok(Some(inotify)),
            Err(Errno::ENOENT) => {}
            Err(Errno::ENOSPC) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(None)
}

fn left(deadline: Instant) -> PollTimeout {
    let ms = deadline.saturating_duration_since(Instant::now()).as_millis().saturating_add(1);
    PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_noticed_though_its_directories_come_later() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b/health.json");
        let writer = {
            let file = file.clone();
            std::thread::spawn(move || {
                for step in [dir.path().join("a"), dir.path().join("a/b")] {
                    fs::create_dir(step).unwrap();
                    std::thread::yield_now();
                }
                fs::write(file.with_extension("new"), "x").unwrap();
                fs::rename(file.with_extension("new"), &file).unwrap();
                dir
            })
        };
        let found = until(&file, Instant::now() + Duration::from_secs(20), || {
            fs::read_to_string(&file).ok().filter(|t| t == "x")
        });
        assert_eq!(found.unwrap().as_deref(), Some("x"));
        drop(writer.join().unwrap());
    }

    #[test]
    fn the_deadline_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let none: Option<()> =
            until(&dir.path().join("never"), began + Duration::from_millis(30), || None).unwrap();
        assert!(none.is_none());
        assert!(began.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn the_error_says_what_is_known() {
        let e = WaitError::NotReady {
            after: Duration::from_millis(50),
            state: "back-off".into(),
            last: Some("exit code 1".into()),
        };
        assert_eq!(
            e.to_string(),
            "not ready after 50 ms: nix-daemon is in state \"back-off\", it ended last with: exit code 1"
        );
        assert!(e.is_timeout());
    }
}
