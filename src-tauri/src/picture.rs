//! What the app outside of the webview knows: the machines, the engine, what runs, the settings. A pure fold over the events that
//! the window gets too, so that tray, notifications and window can't disagree.

use std::collections::{BTreeMap, BTreeSet};

use codchi_api::types::Event;
use codchi_controller::{
    machine::MachineName,
    operation::{Operation, OperationId},
    settings::Settings,
    status::{EngineStatus, MachineStatus},
};
use time::OffsetDateTime;

/// Everything known.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The machines by name.
    pub(crate) machines: BTreeMap<MachineName, MachineStatus>,
    /// The engine; `None` until it was asked.
    pub(crate) engine: Option<EngineStatus>,
    /// The operations that are not over.
    pub(crate) operations: BTreeMap<OperationId, Operation>,
    /// The settings.
    pub(crate) settings: Settings,
    /// Since when this picture is kept.
    since: OffsetDateTime,
    /// The operations whose end was told already.
    ended: BTreeSet<OperationId>,
}

impl Picture {
    /// A picture of nothing but the settings.
    pub(crate) fn new(settings: Settings, now: OffsetDateTime) -> Self {
        Self {
            machines: BTreeMap::new(),
            engine: None,
            operations: BTreeMap::new(),
            settings,
            since: now,
            ended: BTreeSet::new(),
        }
    }

    /// Takes in what changed. Gives the operations of which this is the first word that they are over; never one from before.
    pub(crate) fn apply(&mut self, event: &Event) -> Vec<Operation> {
        match event {
            Event::MachinesChanged { changed, removed, engine } => {
                for machine in changed {
                    self.machines.insert(machine.name.clone(), machine.clone());
                }
                for name in removed {
                    self.machines.remove(name);
                }
                self.engine = Some(engine.clone());
                changed.iter().filter_map(|machine| self.follow(machine.operation.as_ref()?)).collect()
            }
            Event::OperationChanged { operation } => {
                let machine = operation.machine.as_ref().and_then(|name| self.machines.get_mut(name));
                if let Some(known) =
                    machine.and_then(|m| m.operation.as_mut()).filter(|o| o.id == operation.id)
                {
                    *known = operation.clone();
                }
                self.follow(operation).into_iter().collect()
            }
            Event::SettingsChanged { settings } => {
                self.settings = settings.clone();
                vec![]
            }
            Event::ActivitiesChanged { .. } | Event::LogGrew { .. } => vec![],
        }
    }

    /// Whether the end of this operation was seen.
    pub(crate) fn has_ended(&self, id: OperationId) -> bool {
        self.ended.contains(&id)
    }

    fn follow(&mut self, operation: &Operation) -> Option<Operation> {
        if !operation.state.is_over() {
            self.operations.insert(operation.id, operation.clone());
            return None;
        }
        let ran = self.operations.remove(&operation.id).is_some() || operation.started >= self.since;
        (ran && self.ended.insert(operation.id)).then(|| operation.clone())
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::operation::{OperationKind, OperationOutcome};

    use super::*;
    use crate::testing::{self, NOW};

    fn picture() -> Picture {
        Picture::new(Settings::default(), NOW + time::Duration::hours(1))
    }

    #[test]
    fn an_operation_ends_once() {
        let mut picture = picture();
        let mut operation = testing::operation(OperationKind::Rebuild, "hello");
        assert_eq!(picture.apply(&Event::OperationChanged { operation: operation.clone() }), []);
        assert!(!picture.has_ended(operation.id));
        operation.succeed(OperationOutcome::default(), NOW);
        let ended = Event::OperationChanged { operation: operation.clone() };
        assert_eq!(picture.apply(&ended), [operation.clone()]);
        assert_eq!(picture.apply(&ended), []);
        assert!(picture.has_ended(operation.id));
    }

    #[test]
    fn what_was_over_before_is_not_told_but_what_was_too_quick_to_be_seen_is() {
        let mut picture = picture();
        let mut old = testing::operation(OperationKind::Rebuild, "hello");
        old.succeed(OperationOutcome::default(), NOW);
        let mut quick = old.clone();
        quick.id = testing::operation_id(2);
        quick.started = NOW + time::Duration::hours(2);
        assert_eq!(picture.apply(&Event::OperationChanged { operation: old }), []);
        assert_eq!(picture.apply(&Event::OperationChanged { operation: quick.clone() }), [quick]);
    }

    #[test]
    fn a_machine_follows_its_operation() {
        let mut picture = picture();
        let mut machine = testing::machine("hello");
        let mut operation = testing::operation(OperationKind::Stop, "hello");
        machine.operation = Some(operation.clone());
        picture.apply(&testing::machines(vec![machine]));
        operation.headline = Some("stopping".to_owned());
        picture.apply(&Event::OperationChanged { operation: operation.clone() });
        assert_eq!(picture.machines.values().next().unwrap().operation, Some(operation));
    }
}
