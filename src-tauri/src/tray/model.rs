//! What the tray shows, as data: a pure function of the [`Picture`]. Drawing it is [`super::render`]'s part.

use codchi_controller::{
    machine::MachineName,
    operation::{Operation, OperationKind, OperationState, Phase},
    status::{Action, ConfigState, EngineStatus, MachineStatus, RunState},
};

use crate::{
    page::Page,
    picture::Picture,
    words::{Words, with},
};

/// So many machines are in the menu itself, the others in a menu of their own.
const AT_MOST: usize = 8;

/// What the icon tells. If several hold at once, the greatest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Icon {
    /// No machine runs.
    Idle,
    /// At least one runs.
    Running,
    /// An operation runs.
    Busy,
    /// Something needs the user.
    Problem,
}

/// What choosing an entry does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Opens the window at a page.
    Open(Page),
    /// Starts a machine.
    Start(MachineName),
    /// Stops a machine.
    Stop(MachineName),
    /// Restarts a machine.
    Restart(MachineName),
    /// Opens a terminal in a machine.
    Terminal(MachineName),
    /// Ends the app.
    Quit,
}

/// An entry of the menu. Its `key` is what tells it from its neighbours and stays while its label changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Something to choose, or to read where it does nothing.
    Item {
        /// Unique in its menu.
        key: String,
        /// What it says.
        label: String,
        /// What it does; disabled without.
        choice: Option<Choice>,
    },
    /// A menu in the menu.
    Menu {
        /// Unique in its menu.
        key: String,
        /// What it says.
        label: String,
        /// What is in it.
        entries: Vec<Entry>,
    },
    /// A line.
    Line,
}

/// All of the tray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrayModel {
    /// The icon.
    pub(crate) icon: Icon,
    /// What it says when pointed at, where the desktop shows that.
    pub(crate) tooltip: String,
    /// The menu.
    pub(crate) entries: Vec<Entry>,
}

/// By what the user must do; the order of the window's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    NeedsYou,
    Working,
    Running,
    Stopped,
}

impl TrayModel {
    /// The tray for what is known. `quitting` once the user chose Quit and something still runs.
    pub(crate) fn new(picture: &Picture, quitting: bool, words: &Words) -> Self {
        let headline = headline(picture, words);
        let mut entries = vec![Entry::Item {
            key: "headline".to_owned(),
            label: headline.clone(),
            choice: picture
                .engine
                .as_ref()
                .is_some_and(|e| !e.available)
                .then_some(Choice::Open(Page::Doctor)),
        }];
        entries.extend(preparing(picture, words));
        entries.extend(machine_entries(picture, words));
        if picture.problems > 0 {
            entries.push(Entry::Line);
            entries.push(item("doctor", words.problems(picture.problems), Choice::Open(Page::Doctor)));
        }
        entries.push(Entry::Line);
        entries.push(item("new", words.new_machine, Choice::Open(Page::NewMachine)));
        entries.push(item("open", words.open_codchi, Choice::Open(Page::Machines)));
        entries.push(item("quit", if quitting { words.quit_now } else { words.quit }, Choice::Quit));
        Self { icon: icon(picture), tooltip: format!("Codchi: {headline}"), entries }
    }
}

fn text(key: &str, label: impl Into<String>) -> Entry {
    Entry::Item { key: key.to_owned(), label: label.into(), choice: None }
}

fn item(key: &str, label: impl Into<String>, choice: Choice) -> Entry {
    Entry::Item { key: key.to_owned(), label: label.into(), choice: Some(choice) }
}

fn icon(picture: &Picture) -> Icon {
    let engine = match &picture.engine {
        Some(engine) if !engine.available => Icon::Problem,
        _ if picture.problems > 0 => Icon::Problem,
        _ => Icon::Idle,
    };
    let operations = picture.operations.values().map(|operation| match operation.state {
        OperationState::WaitingForInput => Icon::Problem,
        _ => Icon::Busy,
    });
    let machines = picture.machines.values().map(|machine| match group(machine) {
        Group::NeedsYou => Icon::Problem,
        Group::Working => Icon::Busy,
        Group::Running => Icon::Running,
        Group::Stopped => Icon::Idle,
    });
    machines.chain(operations).fold(engine, Icon::max)
}

fn headline(picture: &Picture, words: &Words) -> String {
    let Some(engine) = &picture.engine else { return words.reading.to_owned() };
    if !engine.available {
        return with(words.no_answer, words.engine(engine.driver));
    }
    if picture.machines.is_empty() {
        return words.no_machines.to_owned();
    }
    let running = picture.machines.values().filter(|m| m.status == RunState::Running).count();
    let need_you = picture.machines.values().filter(|m| group(m) == Group::NeedsYou).count();
    let running = if running == 0 { words.none_running.to_owned() } else { words.running(running) };
    if need_you == 0 { running } else { format!("{running}, {}", words.need_you(need_you)) }
}

/// The controller is being installed: no machine's operation, but what the machines wait for.
fn preparing(picture: &Picture, words: &Words) -> Option<Entry> {
    let operation = picture.operations.values().find(|each| each.kind == OperationKind::InstallController)?;
    Some(item("preparing", words.preparing, Choice::Open(Page::Operation(operation.id))))
}

fn machine_entries(picture: &Picture, words: &Words) -> Vec<Entry> {
    let mut machines: Vec<_> = picture.machines.values().collect();
    machines.sort_by_key(|machine| group(machine));
    let mut entries: Vec<_> =
        machines.iter().map(|machine| machine_entry(machine, picture.engine.as_ref(), words)).collect();
    if entries.len() > AT_MOST {
        let more = entries.split_off(AT_MOST);
        entries.push(Entry::Menu {
            key: "more".to_owned(),
            label: with(words.more_machines, more.len()),
            entries: more,
        });
    }
    entries
}

fn machine_entry(machine: &MachineStatus, engine: Option<&EngineStatus>, words: &Words) -> Entry {
    let name = &machine.name;
    let seen = machine.operation.as_ref().map_or(Page::Machine(name.clone()), |o| Page::Operation(o.id));
    let action = |key: &str, label: &str, action: Action, choice: Choice| {
        if machine.allowed.contains(&action) {
            item(key, label, choice)
        } else {
            text(key, format!("{label} ({})", reason(machine, engine, action, words)))
        }
    };
    let answer = machine
        .operation
        .as_ref()
        .filter(|operation| operation.state == OperationState::WaitingForInput)
        .map(|operation| item("answer", words.answer, Choice::Open(Page::Answer(operation.id))));
    let mut entries = vec![item("state", state(machine, engine, true, words), Choice::Open(seen))];
    entries.extend(answer);
    entries.extend([
        Entry::Line,
        action("terminal", words.open_terminal, Action::Exec, Choice::Terminal(name.clone())),
        item("open", words.open_in_codchi, Choice::Open(Page::Machine(name.clone()))),
        Entry::Line,
        action("start", words.start, Action::Start, Choice::Start(name.clone())),
        action("stop", words.stop, Action::Stop, Choice::Stop(name.clone())),
        action("restart", words.restart, Action::Restart, Choice::Restart(name.clone())),
    ]);
    Entry::Menu {
        key: format!("machine {name}"),
        // Without the numbers: it has to be drawn anew when it changes, and would close under the pointer.
        label: format!("{name}: {}", state(machine, engine, false, words)),
        entries,
    }
}

/// The state in words, decided as in the window (`ui/src/state/view.ts`); `counted` with how many derivations are built.
fn state(machine: &MachineStatus, engine: Option<&EngineStatus>, counted: bool, words: &Words) -> String {
    let states = &words.states;
    if engine.is_some_and(|engine| !engine.available) || machine.status == RunState::Unknown {
        return states.unknown.to_owned();
    }
    if machine.problem.is_some() {
        return states.broken.to_owned();
    }
    let operation = machine.operation.as_ref();
    match operation.map(|o| (o.state, o)) {
        Some((OperationState::WaitingForInput, _)) => return states.waiting.to_owned(),
        Some((OperationState::Running, operation)) => return progress(operation, counted, words),
        Some((OperationState::Failed, operation)) if machine.status != RunState::Error => {
            return match operation.kind {
                OperationKind::Create => states.creation_failed,
                OperationKind::Rebuild | OperationKind::InstallController | OperationKind::Fix => {
                    states.build_failed
                }
                OperationKind::Start | OperationKind::Restart => states.start_failed,
                OperationKind::Stop => states.stop_failed,
                OperationKind::Delete => states.deletion_failed,
                OperationKind::Rename => states.renaming_failed,
                OperationKind::Export => states.export_failed,
            }
            .to_owned();
        }
        _ => {}
    }
    match machine.status {
        RunState::Error => states.broken,
        _ if machine.config == ConfigState::Failed => states.build_failed,
        RunState::NotInstalled => states.draft,
        RunState::Starting => states.starting,
        RunState::Running => states.running,
        RunState::Stopping => states.stopping,
        RunState::Stopped => states.stopped,
        RunState::Unknown => states.unknown,
    }
    .to_owned()
}

/// "Rebuilding, build 3/8".
fn progress(operation: &Operation, counted: bool, words: &Words) -> String {
    let what = words.kind(operation.kind);
    if !matches!(operation.kind, OperationKind::Create | OperationKind::Rebuild) {
        return what.to_owned();
    }
    let counts = operation.counts;
    let total = counts.planned + counts.running + counts.done + counts.failed;
    match operation.phase() {
        Some(Phase::Build) if counted && total > 0 => {
            format!("{what}, {} {}/{total}", words.phase(Phase::Build), counts.done)
        }
        Some(phase) => format!("{what}, {}", words.phase(phase)),
        None => what.to_owned(),
    }
}

fn reason(
    machine: &MachineStatus,
    engine: Option<&EngineStatus>,
    action: Action,
    words: &Words,
) -> &'static str {
    let reasons = &words.reasons;
    if engine.is_some_and(|engine| !engine.available) {
        return reasons.offline;
    }
    if machine.operation.as_ref().is_some_and(|operation| !operation.state.is_over()) {
        return reasons.busy;
    }
    match machine.status {
        RunState::NotInstalled => reasons.not_built,
        RunState::Running if action == Action::Start => reasons.running,
        RunState::Starting | RunState::Stopping => reasons.busy,
        _ => reasons.not_running,
    }
}

fn group(machine: &MachineStatus) -> Group {
    let operation = machine.operation.as_ref().map(|operation| operation.state);
    match (operation, machine.status) {
        (Some(OperationState::WaitingForInput), _) => Group::NeedsYou,
        (Some(OperationState::Running), _) | (_, RunState::Starting | RunState::Stopping) => Group::Working,
        (Some(OperationState::Failed), _) | (_, RunState::Error | RunState::NotInstalled) => Group::NeedsYou,
        _ if machine.problem.is_some() || machine.config == ConfigState::Failed => Group::NeedsYou,
        (_, RunState::Running) => Group::Running,
        _ => Group::Stopped,
    }
}

#[cfg(test)]
mod tests;
