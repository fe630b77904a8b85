//! The real desktop app, run in a desktop session.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

use super::{Desktop, eventually, log};
use crate::{
    process::{Process, family},
    repo::source_tree,
};

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

/// The app of this source tree with its pages in it: the one that `CODCHI_APP` names, else one that is built now.
///
/// # Panics
/// When it can't be built.
pub fn built() -> PathBuf {
    if let Some(program) = std::env::var_os("CODCHI_APP") {
        return program.into();
    }
    let ui = source_tree().join("ui");
    if !is_fresh(&ui) {
        if !ui.join("node_modules").exists() {
            run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&ui));
        }
        run(Command::new("npm").args(["run", "build"]).current_dir(&ui));
    }
    program(&["--bin", "codchi-app"])
}

/// The empty window of `src-tauri/examples`, built now.
///
/// # Panics
/// When it can't be built.
pub fn built_empty_window() -> PathBuf {
    program(&["--example", "empty-window"])
}

/// Builds this program of the app's package.
fn program(target: &[&str]) -> PathBuf {
    let messages = run(Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "codchi-app", "--features", "custom-protocol"])
        .args(target)
        .arg("--message-format=json-render-diagnostics")
        .current_dir(source_tree()));
    let mut artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let name = target[target.len() - 1];
    let built = artifacts.find(|it| it["target"]["name"] == name && it["executable"].is_string());
    PathBuf::from(built.expect("cargo names the program")["executable"].as_str().unwrap())
}

/// Whether the pages were built after the last change of what they are built from.
fn is_fresh(ui: &Path) -> bool {
    fn newest(path: &Path) -> Option<std::time::SystemTime> {
        let own = path.metadata().ok()?.modified().ok();
        let inner = std::fs::read_dir(path).into_iter().flatten().flatten();
        inner.filter_map(|entry| newest(&entry.path())).chain(own).max()
    }
    let sources = ["src", "public", "index.html", "package-lock.json", "vite.config.ts"];
    let changed = sources.iter().filter_map(|name| newest(&ui.join(name))).max();
    let built = ui.join("dist/index.html").metadata().and_then(|file| file.modified()).ok();
    built >= changed
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed with {}:\n{out}{error}", output.status);
    out.into_owned()
}
