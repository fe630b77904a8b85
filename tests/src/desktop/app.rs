//! The real desktop app, run in a desktop session.

use std::{path::Path, process::Command, time::Duration};

use super::{Desktop, eventually, log};
use crate::process::{Process, family};

/// What changes less than a hundredth in this time has settled.
const SETTLED: Duration = Duration::from_millis(500);

/// A run of the app that nobody drives.
pub struct App {
    process: Process,
}

/// What a run of the app holds of the computer's memory, shared pages counted by their share, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// The app itself.
    pub app: u64,
    /// With the webview's processes.
    pub all: u64,
}

impl App {
    /// Starts it.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn start(desktop: &Desktop, program: &Path, args: &[&str]) -> Self {
        Self::run(desktop, desktop.command(program).args(args))
    }

    /// Starts it with this command.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn run(desktop: &Desktop, command: &mut Command) -> Self {
        command.stdout(log(desktop.dir(), "app.out")).stderr(log(desktop.dir(), "app"));
        Self { process: Process::spawn(command) }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its process and all that it started.
    pub fn family(&self) -> Vec<u32> {
        family(self.id())
    }

    /// Whether it runs.
    pub fn runs(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// Waits for its end. Returns its exit code.
    ///
    /// # Panics
    /// When it doesn't end in time, or by a signal.
    pub async fn end(&mut self) -> i32 {
        eventually("the app's end", async || self.process.ended()).await.expect("no signal ended it")
    }

    /// What it holds of the memory once that has stopped changing.
    ///
    /// # Panics
    /// When it has ended, or goes on changing.
    pub async fn settled_memory(&self) -> Memory {
        let mut before = 0;
        eventually("the memory to settle", async || {
            tokio::time::sleep(SETTLED).await;
            let now = self.memory();
            let change = now.all.abs_diff(std::mem::replace(&mut before, now.all));
            (change < now.all / 100).then_some(now)
        })
        .await
    }

    /// What it holds of the memory.
    ///
    /// # Panics
    /// When it has ended.
    pub fn memory(&self) -> Memory {
        Memory {
            app: held(self.id()).expect("it runs"),
            all: self.family().into_iter().filter_map(held).sum(),
        }
    }
}

/// The proportional set size of a process (proc_pid_smaps(5)).
fn held(id: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
