//! Checks of the host: is everything there that machines need, and if not, what now. What mends it is an operation.
//!
//! | module | subject |
//! | --- | --- |
//! | `run` | all checks, side by side, each bounded in time |
//! | `checks` | one check a file: from what was seen to a finding |
//! | `finding` | what a check found, before it has a title and a fix |
//! | `engines` | which engines are installed on the host, and how their programs are called |
//! | `fix`, `commands` | what mends what: exact commands, shown first, run as an operation, and the checks again |
//!
//! Explanations are English sentences with parameters; `id`, `reason` and `parameters` are what a door translates by.

mod checks;
mod collect;
mod commands;
mod engines;
mod finding;
mod fix;
mod run;
mod subnet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use finding::fill;
pub use fix::{FixRequest, INTERFACE_WENT};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// It is as it should be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It doesn't work.
    Fail,
    /// It couldn't be found out, because something else doesn't work.
    Unknown,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CheckGroup {
    /// The container engine and what it needs of the system.
    Engine,
    /// The controller, its daemon and its room.
    Controller,
    /// Reaching repositories, and trusting them.
    Network,
    /// What a desktop offers.
    Desktop,
    /// What machines ask this computer for.
    Capabilities,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// A stable word, such as `engine`.
    pub id: String,
    /// What it is about.
    pub group: CheckGroup,
    /// How it ended.
    pub state: CheckState,
    /// A stable word for why, unique within the check, such as `stopped`.
    pub reason: String,
    /// What the explanation names, such as `{"engine": "LXD"}`.
    pub parameters: BTreeMap<String, String>,
    /// What was checked, in a few words.
    pub title: String,
    /// What that means, and what now.
    pub explanation: String,
    /// What was seen: a version, a path, the engine's words.
    pub evidence: String,
    /// What mends it.
    pub fix: Option<Fix>,
}

/// What mends a failed check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Fix {
    /// A stable word.
    pub id: String,
    /// The commands that will be run, each as its arguments.
    pub commands: Vec<Vec<String>>,
    /// Whether they need the administrator's rights.
    pub elevates: bool,
    /// Whether it needs a file of the user's, for which `FILE` stands in the commands.
    pub needs_file: bool,
    /// Whether it asks its user something, so that it is run in a terminal and not by Codchi.
    pub by_hand: bool,
}

/// All checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Whether none failed.
    pub ok: bool,
    /// The checks, the most fundamental first.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The check that something is called by: its own id, or its fix's.
    pub fn named(&self, id: &str) -> Option<&Check> {
        let by_fix = |check: &&Check| check.fix.as_ref().is_some_and(|fix| fix.id == id);
        self.checks.iter().find(|check| check.id == id).or_else(|| self.checks.iter().find(by_fix))
    }
}
