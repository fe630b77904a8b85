//! `ctrl-serve with-access NAME -- PROGRAM…`: runs a program with files that only it may use. What they hold comes over stdin, they lie
//! in a tmpfs, and they are gone when the program has ended, however it did.
//!
//! What is in the files is the host's to decide. Here they are only kept: no disk, nobody but root, no longer than needed.

mod agent;
mod credential;
mod directory;
mod family;
mod git_ssh;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use directory::Directory;

pub(crate) use directory::sweep_dead;

pub(crate) use agent::bridge;
pub(crate) use credential::answer;
pub(crate) use family::{FAMILY, lead};
pub(crate) use git_ssh::allowed;

/// Where the files lie.
const BASE: &str = "/run/codchi/access";
/// More than this is no header.
const LARGEST: u32 = 4 << 20;
/// How long the program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// What is passed on to the program.
const PASSED_ON: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// Why the program wasn't run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("cannot read what the program may use: {0}")]
    Header(#[source] io::Error),
    #[error("{path} is not in memory but on a disk: nothing is written there")]
    NotInMemory { path: String },
    #[error("{0:?} is no name for a directory")]
    Name(String),
    #[error("cannot use {path}: {source}")]
    Directory { path: String, source: io::Error },
    #[error("cannot run {program}: {source}")]
    Run { program: String, source: io::Error },
}

/// What the program may use.
#[derive(Debug, serde::Deserialize)]
struct Header {
    /// Names and contents.
    files: Vec<(String, Zeroizing<String>)>,
    /// Variables that name the files, or are public.
    variables: BTreeMap<String, String>,
}

/// Runs a program with what is read from `input`. Its exit code, 128 and the signal where one ended it.
///
/// # Errors
/// See [`AccessError`]; the program wasn't run then.
pub(crate) fn run(input: &mut dyn Read, name: &str, argv: &[String]) -> Result<u8, AccessError> {
    let header = read_header(input).map_err(AccessError::Header)?;
    let directory = Directory::make(name)?;
    for (name, text) in &header.files {
        directory.write(name, text.as_bytes())?;
    }
    // From now on no signal ends us before the directory is removed.
    let signals: SigSet = PASSED_ON.into_iter().chain([Signal::SIGCHLD]).collect();
    let program = argv.first().cloned().unwrap_or_default();
    let failed = |source: io::Error| AccessError::Run { program: program.clone(), source };
    signals.thread_block().map_err(|error| failed(error.into()))?;
    // `child` holds the pipe that tells the family that its owner lives.
    let child = family::command(argv)
        .and_then(|mut command| command.envs(&header.variables).spawn())
        .map_err(failed)?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| failed(io::Error::other(error)))?);
    let code = wait(pid, &signals).map_err(|error| failed(error.into()));
    drop(directory);
    code
}

/// Waits for the child and passes signals on. One that was asked to end and doesn't is killed: what it may use must not stay.
fn wait(child: Pid, signals: &SigSet) -> nix::Result<u8> {
    let mut deadline: Option<Instant> = None;
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(status) => {
                if let Some(code) = ended(status) {
                    return Ok(code);
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let passed_on = match next(signals, deadline)? {
            Some(Signal::SIGCHLD) => continue,
            Some(signal) => {
                deadline = deadline.or_else(|| Some(Instant::now() + GRACE));
                signal
            }
            None => {
                deadline = None;
                Signal::SIGKILL
            }
        };
        match kill(child, passed_on) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The exit code of a process that has ended, as shells have it.
fn ended(status: WaitStatus) -> Option<u8> {
    match status {
        WaitStatus::Exited(_, code) => Some(u8::try_from(code & 0xff).unwrap_or(1)),
        WaitStatus::Signaled(_, signal, _) => Some(code_of(signal)),
        _ => None,
    }
}

/// The exit code of a process that a signal ended.
fn code_of(signal: Signal) -> u8 {
    128_u8.saturating_add(u8::try_from(signal as i32).unwrap_or(0))
}

/// The next signal; `None` when the deadline has come before.
fn next(signals: &SigSet, deadline: Option<Instant>) -> nix::Result<Option<Signal>> {
    let Some(deadline) = deadline else {
        return match signals.wait() {
            Err(Errno::EINTR) => Ok(Some(Signal::SIGCHLD)),
            signal => signal.map(Some),
        };
    };
    let file = SignalFd::with_flags(signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let left = deadline.saturating_duration_since(Instant::now());
    let left = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], left) {
        Ok(0) => return Ok(None),
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error),
    }
    let info = file.read_signal()?;
    let signal = info.and_then(|info| Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok());
    Ok(Some(signal.unwrap_or(Signal::SIGCHLD)))
}

fn read_header(input: &mut dyn Read) -> io::Result<Header> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST {
        return Err(io::Error::other(format!("{length} bytes are too many")));
    }
    // Room from the beginning: growing would leave copies behind.
    let mut json = Zeroizing::new(Vec::with_capacity(length as usize));
    input.take(length.into()).read_to_end(&mut json)?;
    if u32::try_from(json.len()).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Its error would quote what is in it.
    serde_json::from_slice(&json).map_err(|_| io::Error::other("it has an unexpected form"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn with_length(json: &str) -> Vec<u8> {
        [&u32::try_from(json.len()).unwrap().to_be_bytes()[..], json.as_bytes()].concat()
    }

    #[test]
    #[allow(clippy::zombie_processes, reason = "what is tested waits for it")]
    fn what_does_not_end_when_asked_is_killed() {
        let signals: SigSet = [Signal::SIGCHLD, Signal::SIGTERM].into_iter().collect();
        signals.thread_block().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo deaf; exec sleep 600"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = [0; 5];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::raise(Signal::SIGTERM).unwrap();
        let begun = Instant::now();
        assert_eq!(wait(pid, &signals).unwrap(), 128 + 9);
        assert!(begun.elapsed() >= GRACE && begun.elapsed() < 3 * GRACE);
    }

    #[test]
    fn a_header_is_whole_or_refused_without_being_quoted() {
        let whole = with_length(r#"{"files":[["a","t0ken"]],"variables":{"A":"/a"}}"#);
        let header = read_header(&mut whole.as_slice()).unwrap();
        assert_eq!(header.files, [("a".to_owned(), Zeroizing::new("t0ken".to_owned()))]);
        assert_eq!(header.variables["A"], "/a");
        for n in [0, 3, 10, whole.len() - 1] {
            assert!(read_header(&mut &whole[..n]).is_err(), "{n} bytes");
        }
        for bad in [with_length(r#"{"files":"t0ken"}"#), u32::MAX.to_be_bytes().to_vec()] {
            let error = read_header(&mut bad.as_slice()).unwrap_err();
            assert!(!error.to_string().contains("t0ken"), "{error}");
        }
    }
}
