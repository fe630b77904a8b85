//! Which activities there are and how far they are. Nix' activities that mean nothing to people are looked through: what happens in
//! them counts for the nearest activity above that is shown.

use std::collections::{HashMap, VecDeque};

use codchi_controller::activity::{Activity, ActivityId, ActivityKind, ActivityState, Observer};
use time::OffsetDateTime;

use super::{
    ActivityIds, FailedBuild, Message, Report,
    event::{self, Event},
    names,
    plan::{self, Announcement, List},
};
use crate::sanitize;

/// How many of a build's last lines are kept for the case that it fails.
const LAST_LINES: usize = 25;
/// Progress is told in steps of at least so many bytes, and of at least 1/200 of the whole.
const STEP: u64 = 64 * 1024;
/// More activities than this are not shown one by one: nobody reads them, and a hostile log can't fill the memory.
const MOST: usize = 200_000;

/// How much of a name or a phase is shown, in bytes: builders say what they like.
const LONGEST_NAME: usize = 200;
/// How many phases of an activity are told while it runs. Real builds have a dozen.
const MOST_PHASES: usize = 100;

/// An activity of Nix that hasn't stopped.
struct Open {
    /// The node that it is or belongs to.
    node: Option<usize>,
    /// Whether it is the node, or only within it.
    own: bool,
    /// Nix' type of it.
    kind: u64,
}

/// A shown activity.
struct Node {
    activity: Activity,
    /// Bytes last told.
    told: u64,
    /// How many phases were told.
    phases: usize,
    /// The derivation or store path that it is about.
    path: String,
    /// The last lines, while it runs.
    last_lines: VecDeque<String>,
}

pub(super) struct Tracker<'a> {
    observer: &'a dyn Observer,
    ids: &'a ActivityIds,
    clock: fn() -> OffsetDateTime,
    nodes: Vec<Node>,
    open: HashMap<u64, Open>,
    /// Nodes of builds and downloads by their path.
    by_path: HashMap<String, usize>,
    list: Option<List>,
    planned_builds: u64,
    /// Nix' counters of builds: done and failed ones, as last told.
    counters: Option<(u64, u64)>,
    /// How many builds were counted as done or failed and haven't stopped yet.
    to_stop: (u64, u64),
}

impl<'a> Tracker<'a> {
    pub(super) fn new(
        observer: &'a dyn Observer,
        ids: &'a ActivityIds,
        clock: fn() -> OffsetDateTime,
    ) -> Self {
        Self {
            observer,
            ids,
            clock,
            nodes: Vec::new(),
            open: HashMap::new(),
            by_path: HashMap::new(),
            list: None,
            planned_builds: 0,
            counters: None,
            to_stop: (0, 0),
        }
    }

    /// Takes a message that announces work; says whether it was a member of such a list, which nobody wants in the log.
    pub(super) fn planned(&mut self, text: &str) -> bool {
        match plan::read(text, self.list) {
            Announcement::Head(list) => {
                self.list = Some(list);
                false
            }
            Announcement::Member(path) => {
                let kind = if self.list == Some(List::Builds) {
                    ActivityKind::Build
                } else {
                    ActivityKind::Substitute
                };
                if kind == ActivityKind::Build {
                    self.planned_builds += 1;
                }
                if !self.by_path.contains_key(path) {
                    self.add(kind, names::store_path(path), path, None, ActivityState::Planned);
                }
                true
            }
            Announcement::None => {
                self.list = None;
                false
            }
        }
    }

    pub(super) fn start(&mut self, event: &Event<'_>) {
        let above = self.open.get(&event.parent).and_then(|open| open.node);
        let within = |kind: ActivityKind, this: &Self| {
            above.and_then(|at| this.nodes.get(at)).is_some_and(|node| node.activity.kind == kind)
        };
        let node = match event.kind {
            event::activity::BUILD => {
                let path = event.fields.text(0);
                Some(self.begin(ActivityKind::Build, names::store_path(path), path, above))
            }
            event::activity::SUBSTITUTE => {
                let path = event.fields.text(0);
                Some(self.begin(ActivityKind::Substitute, names::store_path(path), path, above))
            }
            event::activity::COPY_PATH if !within(ActivityKind::Substitute, self) => {
                let path = event.fields.text(0);
                Some(self.begin(ActivityKind::Substitute, names::store_path(path), path, above))
            }
            event::activity::FILE_TRANSFER
                if !within(ActivityKind::Substitute, self) && !within(ActivityKind::Fetch, self) =>
            {
                let name = names::address(event.fields.text(0));
                Some(self.begin(ActivityKind::Fetch, &name, "", above))
            }
            event::activity::FETCH_TREE | event::activity::UNKNOWN | event::activity::BUILD_WAITING => {
                self.described(event, above)
            }
            _ => None,
        };
        let own = node.is_some();
        if self.open.len() < MOST {
            self.open.insert(event.id, Open { node: node.flatten().or(above), own, kind: event.kind });
        }
    }

    /// Activities that only their text tells apart.
    fn described(&mut self, event: &Event<'_>, above: Option<usize>) -> Option<Option<usize>> {
        let text = sanitize::plain(&event.text);
        let what = names::quoted(&text).unwrap_or(&text).to_owned();
        if let Some(rest) = text.strip_prefix("evaluating derivation ") {
            let installable = names::quoted(rest).unwrap_or(rest);
            let attr = installable.split_once('#').map_or(installable, |(_, attr)| attr).to_owned();
            return Some(self.begin(ActivityKind::Evaluate, &attr, "", above));
        }
        let is_fetch =
            ["fetching ", "downloading ", "unpacking ", "cloning "].iter().any(|verb| text.starts_with(verb));
        if is_fetch {
            return Some(self.begin(ActivityKind::Fetch, &names::address(&what), "", above));
        }
        if event.level <= event::level::INFO && !text.is_empty() {
            return Some(self.begin(ActivityKind::Step, &text, "", above));
        }
        None
    }

    /// A shown activity begins to run: a new one, or the planned one of the same path.
    fn begin(&mut self, kind: ActivityKind, name: &str, path: &str, above: Option<usize>) -> Option<usize> {
        let known = self.by_path.get(path).copied().filter(|_| !path.is_empty());
        let Some(at) = known else {
            let parent = above.and_then(|at| self.nodes.get(at)).map(|node| node.activity.id);
            return self.add(kind, name, path, parent, ActivityState::Running);
        };
        let now = (self.clock)();
        let node = self.nodes.get_mut(at)?;
        node.activity.kind = kind;
        node.activity.state = ActivityState::Running;
        node.activity.started = Some(now);
        node.activity.ended = None;
        self.observer.activity(&node.activity);
        Some(at)
    }

    fn add(
        &mut self,
        kind: ActivityKind,
        name: &str,
        path: &str,
        parent: Option<ActivityId>,
        state: ActivityState,
    ) -> Option<usize> {
        if self.nodes.len() >= MOST {
            return None;
        }
        let activity = Activity {
            id: self.ids.next(),
            parent,
            kind,
            name: short(name),
            state,
            phase: None,
            started: (state == ActivityState::Running).then(|| (self.clock)()),
            ended: None,
            bytes: 0,
            bytes_expected: 0,
        };
        self.observer.activity(&activity);
        let at = self.nodes.len();
        if !path.is_empty() {
            self.by_path.insert(path.to_owned(), at);
        }
        self.nodes.push(Node {
            activity,
            told: 0,
            phases: 0,
            path: path.to_owned(),
            last_lines: VecDeque::new(),
        });
        Some(at)
    }

    /// A line was printed within an activity; returns the shown one that it belongs to.
    pub(super) fn printed(&mut self, id: u64, text: &str) -> Option<ActivityId> {
        let node = self.nodes.get_mut(self.open.get(&id)?.node?)?;
        // The oldest line's buffer becomes the newest's.
        let mut line = if node.last_lines.len() == LAST_LINES { node.last_lines.pop_front() } else { None }
            .unwrap_or_default();
        line.clear();
        line.push_str(sanitize::prefix(text, 400));
        node.last_lines.push_back(line);
        Some(node.activity.id)
    }

    pub(super) fn result(&mut self, event: &Event<'_>) {
        let Some(open) = self.open.get(&event.id) else { return };
        match event.kind {
            event::result::SET_PHASE => {
                let Some(node) = open.node.and_then(|at| self.nodes.get_mut(at)) else { return };
                let phase = Some(short(event.fields.text(0)));
                if node.activity.phase == phase {
                    return;
                }
                // The last one is told with the activity's end.
                node.activity.phase = phase;
                node.phases += 1;
                if node.phases <= MOST_PHASES {
                    self.observer.activity(&node.activity);
                }
            }
            event::result::PROGRESS if open.kind == event::activity::BUILDS => {
                let (done, failed) = (event.fields.number(0), event.fields.number(3));
                let (done_before, failed_before) = self.counters.unwrap_or_default();
                self.to_stop.0 += done.saturating_sub(done_before);
                self.to_stop.1 += failed.saturating_sub(failed_before);
                self.counters = Some((done, failed));
            }
            event::result::PROGRESS => {
                // Within a download, the bytes of the store path count, not those of its compressed file.
                if !open.own
                    && open.kind != event::activity::COPY_PATH
                    && open.kind != event::activity::FILE_TRANSFER
                {
                    return;
                }
                let Some(node) = open.node.and_then(|at| self.nodes.get_mut(at)) else { return };
                if !open.own
                    && open.kind == event::activity::FILE_TRANSFER
                    && node.activity.kind == ActivityKind::Substitute
                {
                    return;
                }
                let (bytes, expected) = (event.fields.number(0), event.fields.number(1));
                let activity = &mut node.activity;
                activity.bytes = bytes;
                let grown = activity.bytes_expected != expected;
                activity.bytes_expected = expected;
                if grown || bytes == expected || bytes.saturating_sub(node.told) >= STEP.max(expected / 200) {
                    node.told = bytes;
                    self.observer.activity(activity);
                }
            }
            _ => {}
        }
    }

    pub(super) fn stop(&mut self, id: u64, report: &mut Report) {
        let Some(Open { node: Some(at), own: true, .. }) = self.open.remove(&id) else { return };
        let state = match self.nodes.get(at).map(|node| node.activity.kind) {
            Some(ActivityKind::Build) => self.build_stopped(),
            Some(_) => ActivityState::Done,
            None => return,
        };
        if state == ActivityState::Failed
            && let Some(node) = self.nodes.get_mut(at)
        {
            report.failure(failed_build(node, String::new()));
        }
        self.end(at, state);
    }

    /// How a build that stops now ended. Nix tells by counting it as done or failed just before; one that is stopped because another
    /// failed isn't counted.
    fn build_stopped(&mut self) -> ActivityState {
        if self.to_stop.1 > 0 {
            self.to_stop.1 -= 1;
            ActivityState::Failed
        } else if self.to_stop.0 > 0 {
            self.to_stop.0 -= 1;
            ActivityState::Done
        } else if self.counters.is_some() {
            ActivityState::Stopped
        } else {
            ActivityState::Done
        }
    }

    fn end(&mut self, at: usize, state: ActivityState) {
        let now = (self.clock)();
        let Some(node) = self.nodes.get_mut(at) else { return };
        // An error that came before says more.
        if node.activity.state != ActivityState::Failed {
            node.activity.state = state;
        }
        node.activity.ended = Some(now);
        self.observer.activity(&node.activity);
        if node.activity.state != ActivityState::Failed {
            node.last_lines = VecDeque::new();
        }
    }

    /// An error was reported; when it says that a derivation failed, its node becomes a failed one and is returned.
    pub(super) fn failed(&mut self, message: &Message, report: &mut Report) -> Option<ActivityId> {
        if !message.is_about_a_build() || only_needed_another(&message.text) {
            return None;
        }
        let path = names::derivation(&message.text)?.to_owned();
        let Some(at) = self.by_path.get(&path).copied() else {
            report.failure(FailedBuild {
                name: names::store_path(&path).to_owned(),
                derivation: path,
                last_lines: Vec::new(),
                message: message.text.clone(),
            });
            return None;
        };
        let now = (self.clock)();
        let node = self.nodes.get_mut(at)?;
        report.failure(failed_build(node, message.text.clone()));
        if node.activity.state != ActivityState::Failed {
            node.activity.state = ActivityState::Failed;
            node.activity.ended.get_or_insert(now);
            self.observer.activity(&node.activity);
        }
        Some(node.activity.id)
    }

    /// The log ended; `from_log` when nothing but the log says how.
    pub(super) fn finish(mut self, success: bool, from_log: bool, report: &mut Report) {
        report.interrupted |= from_log && !self.open.is_empty() && report.messages.is_empty();
        let success = success && !report.interrupted;
        for at in 0..self.nodes.len() {
            let state = self.nodes.get(at).map(|node| node.activity.state);
            match state {
                Some(ActivityState::Running | ActivityState::Planned) if success => {
                    self.end(at, ActivityState::Done);
                }
                Some(ActivityState::Running | ActivityState::Planned) => self.end(at, ActivityState::Stopped),
                _ => {}
            }
        }
        report.planned = self.planned_builds;
        let built = |node: &&Node| {
            node.activity.kind == ActivityKind::Build
                && node.activity.state == ActivityState::Done
                && node.activity.started.is_some()
        };
        report.built = self.nodes.iter().filter(built).count() as u64;
    }
}

/// A name without what isn't text, as much of it as is shown.
fn short(name: &str) -> String {
    sanitize::prefix(&sanitize::plain(name), LONGEST_NAME).to_owned()
}

fn failed_build(node: &Node, message: String) -> FailedBuild {
    FailedBuild {
        derivation: node.path.clone(),
        name: node.activity.name.clone(),
        last_lines: node.last_lines.iter().map(|line| sanitize::plain(line).into_owned()).collect(),
        message,
    }
}

/// Whether the error is about a derivation that couldn't be built since one that it needs failed: "1 dependencies of derivation '…'
/// failed to build", since 2.29 "Cannot build '…'. Reason: 1 dependency failed."
fn only_needed_another(text: &str) -> bool {
    text.contains("dependencies of derivation")
        || text.contains("dependency of derivation")
        || text.contains("dependencies failed")
        || text.contains("dependency failed")
}
