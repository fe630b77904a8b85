//! The signals PID 1 takes through a descriptor, and their way back to normal in its children.
//!
//! A child inherits the mask, and unblocking it around a start would lose signals: for PID 1, the kernel drops one
//! that is neither blocked nor handled. So children start as this binary, which unblocks and becomes the program.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What PID 1 takes.
const TAKEN: [Signal; 5] = [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGPWR, Signal::SIGINT, Signal::SIGHUP];

/// Blocks the signals and gives the descriptor that delivers them.
///
/// # Errors
/// The kernel refuses the descriptor.
pub(crate) fn take() -> io::Result<SignalFd> {
    let mask: SigSet = TAKEN.into_iter().collect();
    mask.thread_block()?;
    Ok(SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Unblocks every signal.
///
/// # Errors
/// The kernel refuses the mask.
pub(crate) fn unblock() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}

/// A command that becomes `program` with no signal blocked.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(["become", program]);
    command
}

/// Becomes the program `argv`. Returns only on failure.
pub(crate) fn become_program(argv: &[String]) -> io::Error {
    let Some((program, args)) = argv.split_first() else {
        return io::Error::from(io::ErrorKind::InvalidInput);
    };
    match unblock() {
        Ok(()) => Command::new(program).args(args).exec(),
        Err(e) => e,
    }
}
