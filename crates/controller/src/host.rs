//! This computer, as far as the domain looks at it or changes it: files, variables, the user, programs. A trait, so that probes can
//! be tested over recorded trees; `codchi-host` implements it for the computer that runs us.

#[cfg(any(test, feature = "fake"))]
mod recorded;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::BoxStream;

#[cfg(any(test, feature = "fake"))]
pub use recorded::RecordedHost;

/// The user who runs this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Their login name.
    pub name: String,
    /// Their number.
    pub uid: u32,
    /// Their primary group's number.
    pub gid: u32,
    /// The groups that this process has, the primary one among them.
    pub groups: Vec<Group>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its number.
    pub gid: u32,
    /// Its name; the number where it has none.
    pub name: String,
}

/// A program of this computer to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCommand {
    /// Program and arguments; the program is looked up in `PATH`.
    pub argv: Vec<String>,
    /// How long it may run; it is killed then.
    pub limit: Duration,
}

/// Is told what a program prints.
pub type OnLine<'a> = &'a mut (dyn FnMut(&str) + Send + 'a);

/// What is told of several programs that run one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// The program of this number, from 0, is begun.
    Begins(usize),
    /// Something printed a line.
    Prints(&'a str),
}

/// Is told of several programs that run one after the other.
pub type OnTold<'a> = &'a mut (dyn FnMut(Told<'_>) + Send + 'a);

/// Looks at this computer and runs its programs.
#[async_trait]
pub trait Host: Send + Sync + 'static {
    /// Where an absolute path of this computer is found: itself, and in a test a place in a recorded tree.
    fn path(&self, absolute: &Path) -> PathBuf;

    /// A variable of this process' environment; `None` where it is empty or isn't text.
    fn variable(&self, name: &str) -> Option<String>;

    /// Who runs this process.
    fn user(&self) -> User;

    /// Yields whenever a device of this computer may have come or gone, until the stream is dropped. It ends where the system doesn't
    /// tell.
    fn device_changes(&self) -> BoxStream<'static, ()>;

    /// Runs a program to its end with this process' rights and nothing on stdin. `on_line` is handed what it prints, both streams, line
    /// by line and bounded. Returns its exit code, or 128 + the signal's number.
    ///
    /// # Errors
    /// When it can't be started ([`io::ErrorKind::NotFound`]: there is no such program), or took too long
    /// ([`io::ErrorKind::TimedOut`]).
    async fn run(&self, command: &HostCommand, on_line: OnLine<'_>) -> io::Result<i32>;

    /// Runs programs one after the other with the administrator's rights, until one fails, as long as they take; nobody ends them in the
    /// middle. The system's own prompt asks for the rights (pkexec, UAC), once for all of them; nothing asks where this process has them.
    /// Returns the exit code of the last one that ran, or the prompt's when it was refused.
    ///
    /// # Errors
    /// When nothing can be started, or nothing here asks for those rights.
    async fn run_as_administrator(&self, commands: &[Vec<String>], told: OnTold<'_>) -> io::Result<i32>;
}
