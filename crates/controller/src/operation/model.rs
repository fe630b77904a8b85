//! The description of an operation, and how it moves from phase to phase. Pure: no files, no clock.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    activity::ActivityCounts,
    failure::Failure,
    machine::MachineName,
    nix::{ClosureDiff, StorePath},
    secret::Asks,
};

/// Identifies an operation; sorts by time of its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(type = "string"))]
#[serde(transparent)]
pub struct OperationId(uuid::Uuid);

impl OperationId {
    /// A new one, greater than all made before.
    #[allow(clippy::new_without_default, reason = "a default identity would be a surprise")]
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OperationId {
    type Err = uuid::Error;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes a machine.
    Create,
    /// Brings a machine to what is wanted of it now.
    Rebuild,
    /// Starts a machine.
    Start,
    /// Stops a machine.
    Stop,
    /// Stops and starts a machine.
    Restart,
    /// Removes a machine.
    Delete,
    /// Gives a machine another name.
    Rename,
    /// Writes a machine into a file.
    Export,
    /// Installs or replaces the controller.
    InstallController,
    /// Mends what a check of this computer found.
    Fix,
}

/// Through which door an operation was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The window.
    Window,
    /// The tray.
    Tray,
    /// The command line.
    CommandLine,
}

/// The parts of an operation. Create and rebuild have the eight from [`Phase::Resolve`] to [`Phase::Finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Fetch and lock the inputs.
    Resolve,
    /// Evaluate what the modules ask for.
    Requirements,
    /// Check it against the host.
    Check,
    /// Ask the user for what is missing.
    Ask,
    /// Build the system.
    Build,
    /// Compare it with the running one.
    Review,
    /// Install it and switch to it.
    Switch,
    /// Wait until it is up.
    Finish,
    /// Prepare the controller.
    Prepare,
    /// Stop the machine.
    Stop,
    /// Start the machine.
    Start,
    /// Remove the machine.
    Remove,
    /// Move everything to the new name.
    Rename,
    /// Write the file.
    Export,
    /// Run what mends this computer.
    Fix,
    /// Check it again.
    Verify,
}

impl OperationKind {
    /// The phases of this kind of operation, in order.
    pub fn phases(self) -> &'static [Phase] {
        match self {
            Self::Create | Self::Rebuild => &[
                Phase::Resolve,
                Phase::Requirements,
                Phase::Check,
                Phase::Ask,
                Phase::Build,
                Phase::Review,
                Phase::Switch,
                Phase::Finish,
            ],
            Self::Start => &[Phase::Start],
            Self::Stop => &[Phase::Stop],
            Self::Restart => &[Phase::Stop, Phase::Start],
            Self::Delete => &[Phase::Stop, Phase::Remove],
            Self::Rename => &[Phase::Stop, Phase::Rename, Phase::Start],
            Self::Export => &[Phase::Export],
            Self::InstallController => &[Phase::Prepare],
            Self::Fix => &[Phase::Fix, Phase::Verify],
        }
    }
}

/// How far a phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PhaseState {
    /// Not yet begun.
    Pending,
    /// It runs.
    Running,
    /// It ended well.
    Done,
    /// There was nothing to do in it.
    Skipped,
    /// It failed.
    Failed,
}

/// A phase of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PhaseProgress {
    /// Which.
    pub phase: Phase,
    /// How far.
    pub state: PhaseState,
    /// When it began.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub started: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub ended: Option<OffsetDateTime>,
}

/// How an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It runs.
    Running,
    /// It waits for an answer. It waits on when the process that ran it ends; another operation then continues it.
    WaitingForInput,
    /// It ended well.
    Succeeded,
    /// It failed.
    Failed,
    /// The user cancelled it.
    Cancelled,
    /// The process that ran it ended before it did.
    Interrupted,
}

impl OperationState {
    /// Whether it is over.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::WaitingForInput)
    }
}

/// What an operation that ended well achieved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct OperationOutcome {
    /// Whether anything changed.
    pub changed: bool,
    /// The machine's generation now.
    #[cfg_attr(feature = "ts", ts(type = "number | null"))]
    pub generation: Option<u64>,
    /// The system that was built (also by a dry run).
    pub system: Option<StorePath>,
    /// What differs from the system before, where there was one.
    pub diff: Option<ClosureDiff>,
    /// What is noteworthy although it went well.
    pub warnings: Vec<String>,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its identity.
    pub id: OperationId,
    /// What it does.
    pub kind: OperationKind,
    /// To which machine; `None` for the controller.
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub machine: Option<MachineName>,
    /// Who started it.
    pub door: Door,
    /// How it is.
    pub state: OperationState,
    /// Its phases, in order.
    pub phases: Vec<PhaseProgress>,
    /// Builds and downloads so far.
    pub counts: ActivityCounts,
    /// The newest thing it said, for one line.
    pub headline: Option<String>,
    /// What it waits for, while it waits for an answer.
    #[serde(default)]
    pub asks: Option<Asks>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub started: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "ts", ts(type = "string | null"))]
    pub ended: Option<OffsetDateTime>,
    /// Why it didn't end well.
    pub failure: Option<Failure>,
    /// What it achieved.
    pub outcome: Option<OperationOutcome>,
    /// The operation that went on where this one waited.
    #[serde(default)]
    pub continued_by: Option<OperationId>,
}

impl Operation {
    /// A new operation, about to run its first phase.
    pub fn begin(kind: OperationKind, machine: Option<MachineName>, door: Door, now: OffsetDateTime) -> Self {
        let phases = kind
            .phases()
            .iter()
            .map(|&phase| PhaseProgress { phase, state: PhaseState::Pending, started: None, ended: None })
            .collect();
        Self {
            id: OperationId::new(),
            kind,
            machine,
            door,
            state: OperationState::Running,
            phases,
            counts: ActivityCounts::default(),
            headline: None,
            asks: None,
            started: now,
            ended: None,
            failure: None,
            outcome: None,
            continued_by: None,
        }
    }

    /// Whether it waits for something that this computer lacks.
    pub fn lacks_capabilities(&self) -> bool {
        let lacks = self.asks.as_ref().is_some_and(|asks| !asks.capabilities.is_empty());
        self.state == OperationState::WaitingForInput && lacks
    }

    /// What it is, in a sentence for messages: `rebuild, started from the window at 12:03:01 UTC`.
    pub fn description(&self) -> String {
        let kind = match self.kind {
            OperationKind::Create => "create",
            OperationKind::Rebuild => "rebuild",
            OperationKind::Start => "start",
            OperationKind::Stop => "stop",
            OperationKind::Restart => "restart",
            OperationKind::Delete => "delete",
            OperationKind::Rename => "rename",
            OperationKind::Export => "export",
            OperationKind::InstallController => "install the controller",
            OperationKind::Fix => "fix this computer",
        };
        let door = match self.door {
            Door::Window => "the window",
            Door::Tray => "the tray",
            Door::CommandLine => "the command line",
        };
        let (hour, minute, second) = self.started.time().as_hms();
        format!("{kind}, started from {door} at {hour:02}:{minute:02}:{second:02} UTC")
    }

    /// The phase that runs, or in which it ended badly.
    pub fn phase(&self) -> Option<Phase> {
        self.phases
            .iter()
            .find(|p| matches!(p.state, PhaseState::Running | PhaseState::Failed))
            .map(|p| p.phase)
    }

    /// Ends the running phase well, skips the pending ones before `phase` and begins it.
    pub fn enter(&mut self, phase: Phase, now: OffsetDateTime) {
        self.leave(now);
        for progress in &mut self.phases {
            if progress.phase == phase {
                progress.state = PhaseState::Running;
                progress.started = Some(now);
                break;
            }
            if progress.state == PhaseState::Pending {
                progress.state = PhaseState::Skipped;
            }
        }
    }

    /// Ends the running phase as one in which there was nothing to do.
    pub fn skip(&mut self) {
        if let Some(progress) = self.running() {
            progress.state = PhaseState::Skipped;
            progress.started = None;
        }
    }

    /// Waits for an answer.
    pub fn wait(&mut self, asks: Asks) {
        self.state = OperationState::WaitingForInput;
        self.asks = Some(asks);
    }

    /// Goes on: the answer came.
    pub fn go_on(&mut self) {
        self.state = OperationState::Running;
        self.asks = None;
    }

    /// Ends the operation well.
    pub fn succeed(&mut self, outcome: OperationOutcome, now: OffsetDateTime) {
        self.leave(now);
        for progress in &mut self.phases {
            if progress.state == PhaseState::Pending {
                progress.state = PhaseState::Skipped;
            }
        }
        self.state = OperationState::Succeeded;
        self.asks = None;
        self.outcome = Some(outcome);
        self.ended = Some(now);
    }

    /// Ends the operation badly; `state` is failed, cancelled or interrupted.
    pub fn fail(&mut self, state: OperationState, failure: Failure, now: OffsetDateTime) {
        if let Some(progress) = self.running() {
            progress.state = PhaseState::Failed;
            progress.ended = Some(now);
        }
        self.state = state;
        self.asks = None;
        self.failure = Some(failure);
        self.ended = Some(now);
    }

    fn leave(&mut self, now: OffsetDateTime) {
        if let Some(progress) = self.running() {
            progress.state = PhaseState::Done;
            progress.ended = Some(now);
        }
    }

    fn running(&mut self) -> Option<&mut PhaseProgress> {
        self.phases.iter_mut().find(|p| p.state == PhaseState::Running)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn phases_run_in_order_and_what_is_jumped_over_is_skipped() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let mut operation = Operation::begin(OperationKind::Rebuild, None, Door::CommandLine, now);
        operation.enter(Phase::Resolve, now);
        operation.enter(Phase::Build, now);
        let states: Vec<_> = operation.phases.iter().map(|p| p.state).collect();
        use PhaseState::{Done, Pending, Running, Skipped};
        assert_eq!(states, [Done, Skipped, Skipped, Skipped, Running, Pending, Pending, Pending]);
        assert_eq!(operation.phase(), Some(Phase::Build));
        operation.succeed(OperationOutcome::default(), now);
        assert!(operation.state.is_over());
        assert_eq!(operation.phases[7].state, Skipped);
    }
}
