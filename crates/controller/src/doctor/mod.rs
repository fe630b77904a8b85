//! Checks of the host: is everything there that machines need, and if not, what now.

mod checks;

use serde::{Deserialize, Serialize};

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

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// A stable word, such as `engine`.
    pub id: String,
    /// How it ended.
    pub state: CheckState,
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
