//! What a log came to, when it has ended.

use std::collections::VecDeque;

use serde::Serialize;

use super::{event::Event, names};
use crate::{diagnose, sanitize};

/// No more errors and failed builds than these are kept; the rest are only counted by being in the log.
const KEPT: usize = 64;

/// What a run's log came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many derivations Nix announced to build.
    pub planned: u64,
    /// How many derivations were built.
    pub built: u64,
    /// The derivations that failed themselves (not those that only needed one of them).
    pub failed: Vec<FailedBuild>,
    /// How many lines the builds printed.
    pub log_lines: u64,
    /// Nix' errors, in their order; the last is what Nix ended with.
    pub messages: Vec<Message>,
    /// The last lines that weren't events: what Nix or its children print before or beside the log. Made safe, without colours.
    pub output: VecDeque<String>,
    /// Whether the log broke off while something was under way.
    pub interrupted: bool,
}

/// A derivation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedBuild {
    /// Its path.
    pub derivation: String,
    /// Its name.
    pub name: String,
    /// What it printed last, made safe, without colours.
    pub last_lines: Vec<String>,
    /// Nix' error about it, without colours.
    pub message: String,
}

impl FailedBuild {
    /// The likely cause.
    pub fn cause(&self) -> diagnose::Cause {
        diagnose::build(&self.message, &self.last_lines)
    }
}

/// One of Nix' errors, made safe, without colours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What is wrong, without trace.
    pub text: String,
    /// The whole message with trace and source lines.
    pub full: String,
    /// The file, line and column it names, as `flake.nix:12:5`.
    pub place: Option<String>,
}

impl Message {
    /// Reads an error event; `full` is its text without colours.
    pub(super) fn new(event: &Event<'_>, full: &str) -> Self {
        let text = match &event.raw_msg {
            Some(raw) => sanitize::plain_text(raw),
            None => without_trace(full),
        };
        let place = event.file.as_deref().and_then(|file| place(file, event.line?, event.column?));
        let place = place.or_else(|| last_place(full));
        Self { text: text.trim().to_owned(), full: full.to_owned(), place }
    }

    /// Whether it is about building, not about evaluating or fetching.
    pub fn is_about_a_build(&self) -> bool {
        const MARKS: &[&str] = &[
            "builder for '",
            "failed to build",
            "hash mismatch in fixed-output derivation",
            "is required to build",
            "Cannot build '",
            "some outputs of '",
            "dependencies of derivation '",
            "outputs of derivation '",
            "building of '",
            "build of '",
            "build of resolved",
            "unable to start any build",
            "Required system:",
        ];
        // Import from derivation fails with words about building, too, but it is an evaluation that fails.
        !self.text.contains("allow-import-from-derivation")
            && !self.text.contains("during evaluation")
            && MARKS.iter().any(|mark| self.text.contains(mark))
    }

    /// Whether what was fetched isn't a flake as it should be.
    fn is_about_a_flake_file(&self) -> bool {
        const MARKS: &[&str] =
            &["lacks attribute 'outputs'", "unsupported attribute", "must be an attribute set"];
        MARKS.iter().any(|mark| self.text.contains(mark))
    }

    /// Whether the daemon can't be reached or went away.
    pub fn is_about_the_daemon(&self) -> bool {
        self.text.contains("daemon-socket") || self.text.contains("Nix daemon disconnected")
    }

    /// Whether something couldn't be fetched.
    pub fn is_about_fetching(&self) -> bool {
        const MARKS: &[&str] = &[
            "unable to download",
            "while fetching the input",
            "failed to fetch",
            "program 'git' failed",
            "Cannot find Git revision",
            "cannot find Git revision",
            "Could not resolve host",
            "HTTP error",
            "repository not found",
            "does not exist or is not a git repository",
            "while fetching the tree",
            "git ls-remote",
            "resolving Git reference",
            "invalid reference",
            "libgit2",
        ];
        let about = |text: &str| MARKS.iter().any(|mark| text.contains(mark));
        !self.is_about_a_flake_file()
            && (about(&self.text) || self.full.contains("… while fetching the input"))
    }
}

/// The innermost error of a message: what follows the last line that begins with `error:`, up to the place that it names.
fn without_trace(full: &str) -> String {
    let lines: Vec<&str> = full.lines().map(str::trim).collect();
    let start = lines.iter().rposition(|line| line.starts_with("error:")).unwrap_or_default();
    let own = lines.iter().skip(start).enumerate();
    let own = own
        .take_while(|(i, line)| *i == 0 || !(line.is_empty() || line.starts_with("at ")))
        .map(|(_, line)| *line);
    own.collect::<Vec<_>>().join("\n").trim_start_matches("error:").trim().to_owned()
}

/// A place in a file; the store's part of the path says nothing to people.
fn place(file: &str, line: u64, column: u64) -> Option<String> {
    if line == 0 || file.starts_with('«') {
        return None;
    }
    // Some versions of Nix append the line and column to the file.
    let file = sanitize::plain(file);
    let file = file.strip_suffix(&format!(":{line}:{column}")).unwrap_or(&file);
    Some(format!("{}:{line}:{column}", in_source(file)))
}

/// The last `at FILE:LINE:COLUMN:` of a trace: the innermost place that Nix shows.
fn last_place(full: &str) -> Option<String> {
    full.lines().rev().find_map(|line| {
        let place = in_source(line.trim().strip_prefix("at ")?.strip_suffix(':')?);
        // Nix' own expressions, and nixpkgs' library that throws for others.
        let elsewhere = place.starts_with(['«', '<', '(']) || place.starts_with("lib/");
        (place.contains(':') && !elsewhere).then(|| place.to_owned())
    })
}

/// The part of a path behind the store path of a source.
pub(crate) fn in_source(path: &str) -> &str {
    path.strip_prefix("/nix/store/").and_then(|rest| rest.split_once('/')).map_or(path, |(_, below)| below)
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything was built.
    Ok,
    /// Something couldn't be fetched or built.
    Failed,
    /// It was stopped, or the log broke off.
    Interrupted,
    /// The Nix code doesn't evaluate.
    EvalError,
}

/// A report in a form for scripts (`codchi debug parse nix-log`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many derivations were announced.
    pub planned: u64,
    /// How many were built.
    pub built: u64,
    /// The names of those that failed.
    pub failed: Vec<String>,
    /// How many lines the builds printed.
    pub log_lines: u64,
    /// How it ended.
    pub status: Status,
    /// The likely cause, when it didn't end well.
    pub cause: Option<String>,
}

impl Report {
    pub(super) fn plain(&mut self, line: &str) {
        if self.output.len() == KEPT {
            self.output.pop_front();
        }
        self.output.push_back(sanitize::plain(sanitize::prefix(line, 400)).into_owned());
    }

    /// Nothing but the log tells how it went, and no event speaks of an error: one that was printed as plain text is taken for it.
    pub(super) fn take_printed_error(&mut self) {
        let printed = self.output.iter().rev().find(|line| line.starts_with("error:")).cloned();
        if let (Some(full), true) = (printed, self.messages.is_empty() && self.failed.is_empty()) {
            self.messages.push(Message { text: without_trace(&full), full, place: None });
        }
    }

    pub(super) fn error(&mut self, message: Message) {
        if self.messages.len() == KEPT {
            self.messages.pop();
        }
        self.messages.push(message);
    }

    pub(super) fn failure(&mut self, build: FailedBuild) {
        let room = self.failed.len() < KEPT;
        match self.failed.iter_mut().find(|known| known.derivation == build.derivation) {
            Some(known) => {
                if known.message.is_empty() {
                    known.message = build.message;
                }
                if known.last_lines.is_empty() {
                    known.last_lines = build.last_lines;
                }
            }
            None if room => self.failed.push(build),
            None => {}
        }
    }

    /// How it ended, judged by the log alone.
    pub fn status(&self) -> Status {
        let said = |words: &str| self.messages.iter().any(|message| message.text.contains(words));
        if said("interrupted by the user") {
            return Status::Interrupted;
        }
        if !self.failed.is_empty() {
            return Status::Failed;
        }
        match self.messages.last() {
            Some(last) if last.is_about_a_build() || last.is_about_fetching() => Status::Failed,
            Some(last)
                if matches!(
                    diagnose::evaluation(&last.text, None).kind,
                    diagnose::Kind::Network
                        | diagnose::Kind::Denied
                        | diagnose::Kind::Certificate
                        | diagnose::Kind::HostKey
                        | diagnose::Kind::Resources
                ) =>
            {
                Status::Failed
            }
            Some(_) => Status::EvalError,
            None if self.interrupted => Status::Interrupted,
            None => Status::Ok,
        }
    }

    /// The likely cause, when it didn't end well.
    pub fn cause(&self) -> Option<diagnose::Cause> {
        match self.status() {
            Status::Ok => None,
            Status::Interrupted => Some(diagnose::Cause {
                kind: diagnose::Kind::Other,
                text: "it was interrupted before it was done".into(),
            }),
            _ => match (self.failed.first(), self.messages.last()) {
                (Some(build), _) => {
                    let cause = build.cause();
                    Some(diagnose::Cause { text: format!("{}: {}", build.name, cause.text), ..cause })
                }
                (None, Some(message)) if message.is_about_a_build() => {
                    let cause = diagnose::build(&message.text, &[]);
                    let name = names::derivation(&message.text).map(names::store_path);
                    let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
                    Some(diagnose::Cause { text: format!("{name}{}", cause.text), ..cause })
                }
                (None, Some(message)) => Some(diagnose::evaluation(&message.text, message.place.as_deref())),
                (None, None) => None,
            },
        }
    }

    /// The report for scripts.
    pub fn summary(&self) -> Summary {
        Summary {
            planned: self.planned,
            built: self.built,
            failed: self.failed.iter().map(|build| build.name.clone()).collect(),
            log_lines: self.log_lines,
            status: self.status(),
            cause: self.cause().map(|cause| cause.text),
        }
    }
}
