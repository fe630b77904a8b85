//! PID 1 of the program's own PID namespace (pid_namespaces(7)): it runs the program, passes signals on, and takes in what that leaves
//! behind. When it ends, however it does, the kernel kills all that the program ever started, such as a git helper that waits for a
//! server that says nothing: nobody goes on with what only this run may use.
//!
//! It ends with its owner: its standard input is a pipe that the owner holds and never writes to.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{AccessError, PASSED_ON};
use crate::signals;

/// The verb.
pub(crate) const FAMILY: &str = "family";

/// The command that runs `argv` with all it starts in a PID namespace of its own. Its owner must hold on to the child's standard input.
/// The next process that is started here is the first of that namespace, so there can be no second.
///
/// # Errors
/// When the kernel gives no namespace.
pub(super) fn command(argv: &[String]) -> io::Result<Command> {
    unshare(CloneFlags::CLONE_NEWPID)?;
    let mut command = Command::new("/proc/self/exe");
    command.arg(FAMILY).args(argv).stdin(Stdio::piped());
    Ok(command)
}

/// Runs the program. Its exit code, 128 and the signal where one ended it, or where the owner is gone.
///
/// # Errors
/// When the program can't be started or waited for.
pub(crate) fn lead(argv: &[String]) -> Result<u8, AccessError> {
    let (program, args) = argv.split_first().map_or(("", argv), |(program, args)| (program.as_str(), args));
    let failed = |source: io::Error| AccessError::Run { program: program.to_owned(), source };
    let taken: SigSet = PASSED_ON.into_iter().chain([Signal::SIGCHLD]).collect();
    taken.thread_block().map_err(|error| failed(error.into()))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let signals = SignalFd::with_flags(&taken, flags).map_err(|error| failed(error.into()))?;
    let child = signals::command(program).args(args).stdin(Stdio::null()).spawn().map_err(failed)?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| failed(io::Error::other(error)))?);
    wait(pid, &signals, io::stdin().as_fd()).map_err(|error| failed(error.into()))
}

fn wait(child: Pid, signals: &SignalFd, owner: BorrowedFd<'_>) -> nix::Result<u8> {
    loop {
        let mut ready =
            [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(owner, PollFlags::empty())];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            result => result?,
        };
        let [_, owner] = ready;
        if owner.any().unwrap_or(true) {
            return Ok(super::code_of(Signal::SIGKILL));
        }
        while let Some(info) = signals.read_signal()? {
            match i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok()) {
                Some(Signal::SIGCHLD) => {
                    if let Some(code) = reap(child)? {
                        return Ok(code);
                    }
                }
                Some(signal) => match kill(child, signal) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error),
                },
                None => {}
            }
        }
    }
}

/// Takes in everybody who has ended; the child's exit code when it is among them.
fn reap(child: Pid) -> nix::Result<Option<u8>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(status) if status.pid() == Some(child) => {
                if let Some(code) = super::ended(status) {
                    return Ok(Some(code));
                }
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}
