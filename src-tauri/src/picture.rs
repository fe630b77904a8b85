//! What the app outside of the webview knows: the machines, the engine, what runs, the settings. A pure fold over the events that
//! the window gets too, so that tray, notifications and window can't disagree.

use std::collections::{BTreeMap, BTreeSet};

use codchi_api::types::Event;
use codchi_controller::{
    machine::MachineName,
    operation::{Operation, OperationId, OperationState},
    settings::Settings,
    status::{EngineStatus, MachineStatus, RunState, Snapshot},
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
    /// How many of the host's checks failed when they were last made.
    pub(crate) problems: usize,
    /// The settings; the defaults where they can't be read.
    pub(crate) settings: Settings,
    /// Whether they are the user's.
    settings_read: bool,
    /// Since when this picture is kept.
    since: OffsetDateTime,
    /// The operations whose end was told already.
    ended: BTreeSet<OperationId>,
    /// The operations whose questions were told already.
    asked: BTreeSet<OperationId>,
}

/// What an event brought that somebody has to act on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Operations of which this is the first word that they are over; never one from before.
    pub(crate) ended: Vec<Operation>,
    /// Operations that began to wait for an answer; never one that waited before.
    pub(crate) asking: Vec<Operation>,
    /// Machines that run now and that no operation started: another program did, or they ran before this one.
    pub(crate) running: Vec<MachineName>,
    /// Whether what the host's checks are about may have changed.
    pub(crate) host: bool,
    /// Whether something of this picture changed; what comes many times a second while something builds is not in it.
    pub(crate) changed: bool,
}

impl Picture {
    /// A picture of nothing but the settings; `None` where they can't be read.
    pub(crate) fn new(settings: Option<Settings>, now: OffsetDateTime) -> Self {
        Self {
            machines: BTreeMap::new(),
            engine: None,
            operations: BTreeMap::new(),
            problems: 0,
            settings_read: settings.is_some(),
            settings: settings.unwrap_or_default(),
            since: now,
            ended: BTreeSet::new(),
            asked: BTreeSet::new(),
        }
    }

    /// Takes in what changed.
    pub(crate) fn apply(&mut self, event: &Event) -> News {
        let quiet = matches!(event, Event::ActivitiesChanged { .. } | Event::LogGrew { .. });
        let mut news = News { changed: !quiet, ..News::default() };
        match event {
            Event::MachinesChanged { changed, removed, engine } => {
                for machine in changed {
                    let before = self.machines.insert(machine.name.clone(), machine.clone());
                    if turned_running(before.as_ref(), machine) {
                        news.running.push(machine.name.clone());
                    }
                }
                for name in removed {
                    self.machines.remove(name);
                }
                let answers = |engine: &EngineStatus| (engine.available, engine.controller.is_some());
                news.host = self.engine.as_ref().map(answers) != Some(answers(engine));
                self.engine = Some(engine.clone());
                for operation in changed.iter().filter_map(|machine| machine.operation.as_ref()) {
                    self.follow(operation, &mut news);
                }
            }
            Event::OperationChanged { operation } => {
                let machine = operation.machine.as_ref().and_then(|name| self.machines.get_mut(name));
                if let Some(known) =
                    machine.and_then(|m| m.operation.as_mut()).filter(|o| o.id == operation.id)
                {
                    *known = operation.clone();
                }
                self.follow(operation, &mut news);
            }
            Event::SettingsChanged { settings } => {
                self.settings = settings.clone();
                self.settings_read = true;
            }
            Event::ActivitiesChanged { .. } | Event::LogGrew { .. } => {}
        }
        news
    }

    /// The user's settings; `None` where they can't be read, so that nobody takes the defaults for them.
    pub(crate) fn users_settings(&self) -> Option<Settings> {
        self.settings_read.then(|| self.settings.clone())
    }

    /// The machines and the engine as they were last heard of; `None` before that.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let engine = self.engine.clone()?;
        Some(Snapshot { machines: self.machines.values().cloned().collect(), engine })
    }

    /// Whether this operation may be at work: neither was its end seen, nor does it wait for an answer, which it does without us too.
    pub(crate) fn may_work(&self, id: OperationId) -> bool {
        let waits = |operation: &Operation| operation.state == OperationState::WaitingForInput;
        !self.ended.contains(&id) && !self.operations.get(&id).is_some_and(waits)
    }

    fn follow(&mut self, operation: &Operation, news: &mut News) {
        let id = operation.id;
        let recent = operation.started >= self.since;
        if !operation.state.is_over() {
            let seen = self.operations.insert(id, operation.clone()).is_some();
            if operation.state != OperationState::WaitingForInput {
                self.asked.remove(&id);
            } else if self.asked.insert(id) && (seen || recent) {
                news.asking.push(operation.clone());
            }
            return;
        }
        self.asked.remove(&id);
        let ran = self.operations.remove(&id).is_some() || recent;
        if ran && self.ended.insert(id) {
            news.host |= operation.machine.is_none();
            news.ended.push(operation.clone());
        }
    }
}

/// Whether it runs now, and no operation did that.
fn turned_running(before: Option<&MachineStatus>, now: &MachineStatus) -> bool {
    let works = |machine: &MachineStatus| machine.operation.as_ref().is_some_and(|o| !o.state.is_over());
    now.status == RunState::Running
        && !works(now)
        && before.is_none_or(|before| before.status != RunState::Running && !works(before))
}

#[cfg(test)]
mod tests {
    use codchi_controller::operation::{OperationKind, OperationOutcome};

    use super::*;
    use crate::testing::{self, NOW};

    fn picture() -> Picture {
        Picture::new(Some(Settings::default()), NOW + time::Duration::hours(1))
    }

    #[test]
    fn defaults_are_not_taken_for_the_users_settings() {
        let mut picture = Picture::new(None, NOW);
        assert_eq!((picture.settings.clone(), picture.users_settings()), (Settings::default(), None));
        let settings = Settings { close_to_tray: false, ..Settings::default() };
        picture.apply(&Event::SettingsChanged { settings: settings.clone() });
        assert_eq!(picture.users_settings(), Some(settings));
    }

    #[test]
    fn there_is_no_snapshot_before_something_was_heard() {
        let mut picture = picture();
        assert_eq!(picture.snapshot(), None);
        picture.apply(&testing::machines(vec![testing::machine("b"), testing::machine("a")]));
        let names: Vec<_> =
            picture.snapshot().unwrap().machines.into_iter().map(|it| it.name.to_string()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn an_operation_ends_once() {
        let mut picture = picture();
        let mut operation = testing::operation(OperationKind::Rebuild, "hello");
        assert_eq!(picture.apply(&Event::OperationChanged { operation: operation.clone() }).ended, []);
        assert!(picture.may_work(operation.id));
        operation.succeed(OperationOutcome::default(), NOW);
        let ended = Event::OperationChanged { operation: operation.clone() };
        assert_eq!(picture.apply(&ended).ended, [operation.clone()]);
        assert_eq!(picture.apply(&ended).ended, []);
        assert!(!picture.may_work(operation.id));
    }

    #[test]
    fn what_was_over_before_is_not_told_but_what_was_too_quick_to_be_seen_is() {
        let mut picture = picture();
        let mut old = testing::operation(OperationKind::Rebuild, "hello");
        old.succeed(OperationOutcome::default(), NOW);
        let mut quick = old.clone();
        quick.id = testing::operation_id(2);
        quick.started = NOW + time::Duration::hours(2);
        assert_eq!(picture.apply(&Event::OperationChanged { operation: old }).ended, []);
        assert_eq!(picture.apply(&Event::OperationChanged { operation: quick.clone() }).ended, [quick]);
    }

    #[test]
    fn a_question_is_told_once_until_it_is_asked_again() {
        let mut picture = picture();
        let mut operation = testing::operation(OperationKind::Create, "hello");
        let mut tell = |state, started| {
            operation.state = state;
            operation.started = started;
            picture.apply(&Event::OperationChanged { operation: operation.clone() }).asking.len()
        };
        let later = NOW + time::Duration::hours(2);
        assert_eq!(tell(OperationState::WaitingForInput, NOW), 0, "it waited before");
        assert_eq!(tell(OperationState::Running, NOW), 0);
        assert_eq!(tell(OperationState::WaitingForInput, later), 1);
        assert_eq!(tell(OperationState::WaitingForInput, later), 0);
        assert_eq!(tell(OperationState::Running, later), 0);
        assert_eq!(tell(OperationState::WaitingForInput, later), 1);
        let id = operation.id;
        assert!(!picture.may_work(id), "it waits without this process too");
    }

    #[test]
    fn what_another_program_starts_is_seen() {
        let mut picture = picture();
        let stopped = testing::stopped("hello");
        let running = testing::machine("hello");
        let mut starting = testing::stopped("hello");
        starting.operation = Some(testing::operation(OperationKind::Start, "hello"));
        let mut tell =
            |machine: &MachineStatus| picture.apply(&testing::machines(vec![machine.clone()])).running;
        assert_eq!(tell(&running), ["hello".parse().unwrap()], "it ran before this program did");
        assert_eq!(tell(&running), []);
        assert_eq!(tell(&stopped), []);
        assert_eq!(tell(&running), ["hello".parse().unwrap()]);
        assert_eq!(tell(&starting), []);
        assert_eq!(tell(&running), [], "an operation brings what is needed itself");
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
