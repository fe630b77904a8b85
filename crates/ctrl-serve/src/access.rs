//! `ctrl-serve with-access NAME -- PROGRAM…`: runs a program with files that only it may use. What they hold comes over stdin, they lie
//! in a tmpfs, and they are gone when the program has ended, however it did.
//!
//! What is in the files is the host's to decide. Here they are only kept: no disk, nobody but root, no longer than needed.

mod agent;
mod credential;
mod directory;
mod git_ssh;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use directory::Directory;

pub(crate) use agent::bridge;
pub(crate) use credential::answer;
pub(crate) use git_ssh::allowed;

/// Where the files lie.
const BASE: &str = "/run/codchi/access";
/// More than this is no header.
const LARGEST: u32 = 4 << 20;
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
    files: Vec<(String, String)>,
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
    let mut command = Command::new("/proc/self/exe");
    command.arg("become-bound").args(argv).envs(&header.variables).stdin(Stdio::null());
    let child = command.spawn().map_err(failed)?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| failed(io::Error::other(error)))?);
    let code = wait(pid, &signals).map_err(|error| failed(error.into()));
    drop(directory);
    code
}

/// Waits for the child and passes signals on.
fn wait(child: Pid, signals: &SigSet) -> nix::Result<u8> {
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(u8::try_from(code & 0xff).unwrap_or(1)),
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                return Ok(128_u8.saturating_add(u8::try_from(signal as i32).unwrap_or(0)));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        match signals.wait() {
            Ok(Signal::SIGCHLD) | Err(Errno::EINTR) => {}
            Ok(signal) => match kill(child, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

fn read_header(input: &mut dyn Read) -> io::Result<Header> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LARGEST {
        return Err(io::Error::other(format!("{length} bytes are too many")));
    }
    let mut json = Vec::new();
    input.take(length.into()).read_to_end(&mut json)?;
    if u32::try_from(json.len()).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // Its error would quote what is in it.
    serde_json::from_slice(&json).map_err(|_| io::Error::other("it has an unexpected form"))
}

/// Becomes a program that ends when the one that started it does. Returns only on failure.
pub(crate) fn become_bound(argv: &[String]) -> io::Error {
    let parent = nix::unistd::getppid();
    if let Err(error) = nix::sys::prctl::set_pdeathsig(Signal::SIGTERM) {
        return error.into();
    }
    if nix::unistd::getppid() != parent {
        return io::Error::other("the program that started this one has ended");
    }
    crate::signals::become_program(argv)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_length(json: &str) -> Vec<u8> {
        [&u32::try_from(json.len()).unwrap().to_be_bytes()[..], json.as_bytes()].concat()
    }

    #[test]
    fn a_header_is_whole_or_refused_without_being_quoted() {
        let whole = with_length(r#"{"files":[["a","t0ken"]],"variables":{"A":"/a"}}"#);
        let header = read_header(&mut whole.as_slice()).unwrap();
        assert_eq!(header.files, [("a".to_owned(), "t0ken".to_owned())]);
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
