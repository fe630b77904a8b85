//! What a window is told.

use serde::{Deserialize, Serialize};

use crate::{
    activity::Activity,
    machine::MachineName,
    operation::{Operation, OperationId},
    settings::Settings,
    status::{EngineStatus, MachineStatus},
};

/// Something changed. The receiver updates what it shows; it never asks on a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[expect(clippy::large_enum_variant, reason = "events are few, and operations are most of them")]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "event")]
pub enum Event {
    /// Machines or the engine changed. The first one after subscribing has all machines.
    MachinesChanged {
        /// Those that are new or different.
        changed: Vec<MachineStatus>,
        /// Those that are gone.
        #[cfg_attr(feature = "ts", ts(type = "string[]"))]
        removed: Vec<MachineName>,
        /// The engine.
        engine: EngineStatus,
    },
    /// An operation is new or different.
    OperationChanged {
        /// The operation.
        operation: Operation,
    },
    /// Activities of an operation are new or different.
    ActivitiesChanged {
        /// Which operation.
        id: OperationId,
        /// Those activities.
        activities: Vec<Activity>,
    },
    /// An operation's log grew.
    LogGrew {
        /// Which operation.
        id: OperationId,
        /// How many lines it has now.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        lines: u64,
    },
    /// The settings were changed.
    SettingsChanged {
        /// The settings.
        settings: Settings,
    },
}
