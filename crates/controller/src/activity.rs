//! What a build does, as a tree that is told by upserts: the model behind the window's activity tree and the terminal's progress.
//!
//! Parsing Nix' log is not here (the `codchi-nix` crate does it) and neither is storing it ([`crate::operation`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Identifies an activity within one operation.
pub type ActivityId = u32;

/// What an activity is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ActivityKind {
    /// A derivation is built.
    Build,
    /// A store path is fetched from a binary cache.
    Substitute,
    /// A file, tarball or repository is fetched.
    Fetch,
    /// A flake is evaluated.
    Evaluate,
    /// Anything else that is worth a line, such as switching or starting.
    Step,
}

/// How far an activity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum ActivityState {
    /// Nix said it will be done.
    Planned,
    /// It runs.
    Running,
    /// It ended well.
    Done,
    /// It failed.
    Failed,
    /// It was stopped because something else failed or the operation was cancelled.
    Stopped,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// Its identity; never reused within an operation.
    pub id: ActivityId,
    /// What it belongs to.
    pub parent: Option<ActivityId>,
    /// What it is about.
    pub kind: ActivityKind,
    /// What to call it: a derivation's name without hash and `.drv`, a store path's name, a URL without credentials.
    pub name: String,
    /// How far it is.
    pub state: ActivityState,
    /// The build phase it is in, such as `installPhase`.
    pub phase: Option<String>,
    /// When it began to run.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub started: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub ended: Option<OffsetDateTime>,
    /// Bytes done, for downloads; else 0.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub bytes: u64,
    /// Bytes expected; 0 when unknown.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub bytes_expected: u64,
}

impl Activity {
    /// Ends it now.
    pub fn end(&mut self, well: bool) {
        self.state = if well { ActivityState::Done } else { ActivityState::Failed };
        self.ended = Some(OffsetDateTime::now_utc());
    }
}

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum LogLevel {
    /// What something printed.
    Output,
    /// What Codchi or Nix says of itself.
    Info,
    /// A warning.
    Warning,
    /// An error.
    Error,
}

/// One line of a log, without its line end. May contain ANSI colours, never other escape sequences or control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// Which activity printed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub activity: Option<ActivityId>,
    /// How important it is.
    pub level: LogLevel,
    /// The text.
    pub text: String,
}

/// A line of foreign output without colours and anything else that could steer a terminal.
pub fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // A control sequence up to its final byte (ECMA-48, 5.4).
            while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            chars.next_if(|c| matches!(c, '@'..='~'));
        } else if c == '\t' || !c.is_control() {
            text.push(c);
        }
    }
    text
}

/// Is told what happens while something long runs. Implementations return at once.
pub trait Observer: Send + Sync {
    /// `activity` is new, or replaces the one with its id.
    fn activity(&self, activity: &Activity);
    /// A line was printed.
    fn log(&self, line: LogLine);
}

/// An observer that doesn't care.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn activity(&self, _: &Activity) {}
    fn log(&self, _: LogLine) {}
}

/// All activities of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityTree {
    nodes: BTreeMap<ActivityId, Activity>,
}

/// How many activities are how far. Only builds and downloads count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ActivityCounts {
    /// Will be done.
    pub planned: u32,
    /// Run now.
    pub running: u32,
    /// Ended well.
    pub done: u32,
    /// Failed.
    pub failed: u32,
}

impl ActivityTree {
    /// Adds a node or replaces it.
    pub fn upsert(&mut self, activity: Activity) {
        self.nodes.insert(activity.id, activity);
    }

    /// The node of this id.
    pub fn get(&self, id: ActivityId) -> Option<&Activity> {
        self.nodes.get(&id)
    }

    /// All nodes, in the order in which they appeared.
    pub fn iter(&self) -> impl Iterator<Item = &Activity> {
        self.nodes.values()
    }

    /// Ends what still runs or is planned, because the whole ended at `now`; returns what it changed.
    pub fn stop_rest(&mut self, now: OffsetDateTime) -> Vec<Activity> {
        let mut stopped = Vec::new();
        for node in self.nodes.values_mut() {
            if node.state == ActivityState::Running {
                node.ended = Some(now);
            }
            if matches!(node.state, ActivityState::Running | ActivityState::Planned) {
                node.state = ActivityState::Stopped;
                stopped.push(node.clone());
            }
        }
        stopped
    }

    /// Counts builds and downloads by state.
    pub fn counts(&self) -> ActivityCounts {
        let mut counts = ActivityCounts::default();
        for node in self.nodes.values() {
            if !matches!(node.kind, ActivityKind::Build | ActivityKind::Substitute) {
                continue;
            }
            match node.state {
                ActivityState::Planned => counts.planned += 1,
                ActivityState::Running => counts.running += 1,
                ActivityState::Done => counts.done += 1,
                ActivityState::Failed => counts.failed += 1,
                ActivityState::Stopped => {}
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_colour_is_left() {
        assert_eq!(plain("\u{1b}[31;1merror:\u{1b}[0m \tx\u{7} [31m\r\n"), "error: \tx [31m");
        assert_eq!(plain("half\u{1b}["), "half");
        assert_eq!(plain("\u{1b}[38:5:208mä\u{1b}[K"), "ä");
    }
}
