//! A stage of the gate, its log, and the choice of stages.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::counts::Counts;

/// What must not run twice at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Cargo's lock, and suites that need the machine for themselves.
    Cargo,
    /// `ui/`.
    Npm,
    /// Nothing.
    Own,
}

/// The work of a stage.
pub(crate) type Work = Box<dyn FnOnce(&mut Log) -> Result<()> + Send>;

/// One stage.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) lane: Lane,
    pub(crate) needs: &'static [&'static str],
    pub(crate) work: Work,
}

impl Stage {
    pub(crate) fn new(name: &'static str, lane: Lane, needs: &'static [&'static str], work: Work) -> Self {
        Stage { name, lane, needs, work }
    }
}

/// The named stages and everything they need, in the given order; all of them when none is named.
pub(crate) fn select(stages: Vec<Stage>, only: &[String]) -> Result<Vec<Stage>> {
    if only.is_empty() {
        return Ok(stages);
    }
    let mut wanted: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = only.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        let Some(stage) = stages.iter().find(|s| s.name == name) else {
            let names: Vec<&str> = stages.iter().map(|s| s.name).collect();
            bail!("there is no stage {name:?}; there are {}", names.join(", "));
        };
        if !wanted.contains(&stage.name) {
            wanted.push(stage.name);
            open.extend(stage.needs);
        }
    }
    let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
    Ok(stages.into_iter().filter(|s| wanted.iter().any(|w| w == s.name)).collect())
}

/// What a stage printed, in a file, and what it counted.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    text: String,
    counts: Option<Counts>,
}

impl Log {
    /// An empty log.
    pub(crate) fn create(dir: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join(format!("{name}.log"));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
        Ok(Log { path, file, text: String::new(), counts: None })
    }

    /// Runs a command; both its outputs go into the log.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        self.read(command).map(drop)
    }

    /// Runs a command and gives what it printed.
    pub(crate) fn read(&mut self, command: &mut Command) -> Result<String> {
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
        let line = words.iter().map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ");
        writeln!(self.file, "$ {line}")?;
        let start = self.file.seek(SeekFrom::End(0))?;
        let status = command
            .env("CARGO_TERM_COLOR", "never")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(self.file.try_clone()?)
            .stderr(self.file.try_clone()?)
            .status()
            .with_context(|| format!("cannot run `{line}`"))?;
        self.file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        self.text = String::from_utf8_lossy(&bytes).into_owned();
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(self.text.clone())
    }

    /// Writes an error of our own code into the log.
    pub(crate) fn note(&mut self, result: Result<()>) -> Result<()> {
        if let Err(e) = &result {
            writeln!(self.file, "{e:#}")?;
        }
        result
    }

    /// What the last command printed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Remembers how many tests ran; fails if any failed.
    pub(crate) fn count(&mut self, counts: Counts) -> Result<()> {
        self.counts = Some(counts);
        if counts.failed > 0 { bail!("{} tests failed", counts.failed) } else { Ok(()) }
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> Option<Counts> {
        self.counts
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its last lines.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let text = fs::read(&self.path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages() -> Vec<Stage> {
        let stage = |name, needs| Stage::new(name, Lane::Own, needs, Box::new(|_: &mut Log| Ok(())));
        vec![stage("setup", &[]), stage("build", &["setup"]), stage("unit", &["build"]), stage("ui", &[])]
    }

    fn names(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|s| (*s).to_owned()).collect();
        select(stages(), &only).unwrap().iter().map(|s| s.name).collect()
    }

    #[test]
    fn named_stages_bring_what_they_need() {
        assert_eq!(names(&["unit"]), ["setup", "build", "unit"]);
        assert_eq!(names(&[]).len(), 4);
        assert!(select(stages(), &["unti".into()]).err().unwrap().to_string().contains("setup, build"));
    }

    #[test]
    fn the_log_holds_both_outputs_and_the_last_text_is_at_hand() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::create(dir.path(), "x").unwrap();
        log.run(Command::new("sh").args(["-c", "echo one"])).unwrap();
        let e = log.run(Command::new("sh").args(["-c", "echo two >&2; exit 7"])).unwrap_err();
        assert!(e.to_string().contains("exit status: 7"));
        assert_eq!(log.text(), "two\n");
        let tail = log.tail(10);
        assert!(tail.contains("one\n") && tail.contains("$ sh") && tail.ends_with("two"), "{tail}");
        assert!(log.count(Counts { passed: 1, failed: 1, skipped: 0 }).is_err());
    }
}
