//! How an operation goes on, as lines: for a terminal a few that are painted again and again, elsewhere one after the other.
//!
//! Pure: events and moments in, lines out. Painting is [`crate::follow`]'s.

use std::collections::BTreeMap;

use codchi_controller::{
    activity::{Activity, ActivityId, ActivityKind, ActivityState},
    operation::{Operation, OperationState, Phase, PhaseProgress, PhaseState},
};
use time::OffsetDateTime;

use super::{
    operation::phase_title,
    text::{Paint, Tone, bytes, duration, printable, shorten_end, shorten_middle},
};

/// At most so many activities are shown at once.
const MOST_ACTIVITIES: usize = 6;
/// The columns of an activity's name, where there are enough.
const NAME_WIDTH: usize = 36;
/// The columns of a phase's title, where there are enough.
const TITLE_WIDTH: usize = 32;
/// One turn of what shows that something moves.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// What is known of an operation that is being followed.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    operation: Operation,
    activities: BTreeMap<ActivityId, Activity>,
    last_line: Option<String>,
    told: usize,
}

impl Progress {
    /// Of an operation that just began.
    pub(crate) fn new(operation: Operation) -> Self {
        Self { operation, activities: BTreeMap::new(), last_line: None, told: 0 }
    }

    /// The operation as it was last heard of.
    pub(crate) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Takes a newer state of the operation.
    pub(crate) fn operation_changed(&mut self, operation: Operation) {
        self.operation = operation;
    }

    /// Takes newer states of activities.
    pub(crate) fn activities_changed(&mut self, activities: Vec<Activity>) {
        self.activities.extend(activities.into_iter().map(|activity| (activity.id, activity)));
    }

    /// Takes the newest line of the log.
    pub(crate) fn logged(&mut self, line: String) {
        self.last_line = Some(line);
    }

    /// What an activity is called.
    pub(crate) fn name(&self, activity: Option<ActivityId>) -> Option<String> {
        let activity = self.activities.get(&activity?)?;
        match activity.kind {
            ActivityKind::Build => Some(printable(&activity.name).into_owned()),
            _ => None,
        }
    }

    /// The phases that were entered since this was last asked, for where lines can't be painted again.
    pub(crate) fn newly_begun(&mut self) -> Vec<String> {
        let phases = &self.operation.phases;
        let begun = phases.iter().rposition(|phase| phase.started.is_some()).map_or(0, |last| last + 1);
        let from = self.told.min(begun);
        self.told = begun;
        phases[from..begun]
            .iter()
            .filter(|phase| phase.started.is_some() && (phase.phase != Phase::Ask || self.waits()))
            .map(|phase| format!("==> {}", phase_title(phase.phase)))
            .collect()
    }

    /// Whether it waits for an answer. Where nothing is missing, asking is over before anybody could read of it.
    fn waits(&self) -> bool {
        self.operation.state == OperationState::WaitingForInput
    }

    /// The phases that ended since this was last asked, as lines that stay.
    pub(crate) fn newly_ended(&mut self, paint: Paint) -> Vec<String> {
        let phases = &self.operation.phases;
        let is_over =
            |phase: &PhaseProgress| !matches!(phase.state, PhaseState::Pending | PhaseState::Running);
        let over = phases.iter().position(|phase| !is_over(phase)).unwrap_or(phases.len());
        let from = self.told.min(over);
        self.told = over;
        phases[from..over].iter().filter_map(|phase| ended_line(phase, paint)).collect()
    }

    /// The lines that show what happens now, in at most `width` columns.
    pub(crate) fn frame(&self, paint: Paint, width: usize, tick: usize, now: OffsetDateTime) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(phase) = self.operation.phases.iter().find(|phase| phase.state == PhaseState::Running) {
            lines.push(self.phase_line(phase, paint, width, tick, now));
        } else if !self.operation.state.is_over() {
            lines.push(spinner("Begin", paint, tick));
        }
        lines.extend(self.activity_lines(paint, width, now));
        let said = self.last_line.as_deref().or(self.operation.headline.as_deref());
        if let (Some(text), false) = (said, lines.is_empty()) {
            let plain = Paint { colour: false }.log_text(text);
            lines.push(format!("    {}", paint.tone(Tone::Quiet, printable(&plain))));
        }
        lines.into_iter().map(|line| shorten_end(&line, width).into_owned()).collect()
    }

    fn phase_line(
        &self,
        phase: &PhaseProgress,
        paint: Paint,
        width: usize,
        tick: usize,
        now: OffsetDateTime,
    ) -> String {
        let title_width = TITLE_WIDTH.min(width / 2);
        let spinner = paint.tone(Tone::Busy, SPINNER[tick % SPINNER.len()]);
        let mut facts: Vec<String> =
            [(ActivityKind::Build, "built"), (ActivityKind::Substitute, "downloaded")]
                .into_iter()
                .filter_map(|(kind, word)| {
                    self.counted(kind).map(|(done, all)| format!("{done}/{all} {word}"))
                })
                .collect();
        facts.extend(phase.started.map(|started| duration(now - started)));
        let title = paint.tone(Tone::Strong, format_args!("{:title_width$}", phase_title(phase.phase)));
        format!("{spinner} {title} {}", facts.join(", "))
    }

    /// How many activities of a kind are done, of how many.
    fn counted(&self, kind: ActivityKind) -> Option<(usize, usize)> {
        let all = self
            .activities
            .values()
            .filter(|activity| activity.kind == kind && activity.state != ActivityState::Stopped);
        let (done, count) = all.fold((0, 0), |(done, count), activity| {
            (done + usize::from(activity.state == ActivityState::Done), count + 1)
        });
        (count > 0).then_some((done, count))
    }

    fn activity_lines(&self, paint: Paint, width: usize, now: OffsetDateTime) -> Vec<String> {
        let name_width = NAME_WIDTH.min(width / 2);
        let running: Vec<&Activity> =
            self.activities.values().filter(|activity| activity.state == ActivityState::Running).collect();
        let mut lines: Vec<String> = running
            .iter()
            .take(MOST_ACTIVITIES)
            .map(|activity| {
                let name = printable(&activity.name);
                let name = shorten_middle(&name, name_width);
                let fill = name_width - console::measure_text_width(&name);
                format!("    {name}{} {}", " ".repeat(fill), paint.tone(Tone::Quiet, facts(activity, now)))
            })
            .collect();
        if let Some(rest) = running.len().checked_sub(MOST_ACTIVITIES).filter(|rest| *rest > 0) {
            lines.push(format!("    … and {rest} more"));
        }
        lines
    }
}

/// The line for something that isn't an operation and takes its time.
pub(crate) fn spinner(doing: &str, paint: Paint, tick: usize) -> String {
    format!("{} {}", paint.tone(Tone::Busy, SPINNER[tick % SPINNER.len()]), printable(doing))
}

/// What there is to say of a running activity.
fn facts(activity: &Activity, now: OffsetDateTime) -> String {
    let size = match (activity.bytes, activity.bytes_expected) {
        (0, 0) => None,
        (done, 0) => Some(bytes(done)),
        (done, expected) => Some(format!("{} of {}", bytes(done), bytes(expected))),
    };
    let phase = activity.phase.as_deref().map(|phase| printable(phase).into_owned());
    let time = activity.started.map(|started| duration(now - started));
    [phase, size, time].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn ended_line(phase: &PhaseProgress, paint: Paint) -> Option<String> {
    let (sign, tone) = match phase.state {
        PhaseState::Done => ("✓", Tone::Good),
        PhaseState::Failed => ("✗", Tone::Bad),
        PhaseState::Pending | PhaseState::Running | PhaseState::Skipped => return None,
    };
    let time = phase.started.zip(phase.ended).map(|(started, ended)| duration(ended - started));
    let line = format!("{:TITLE_WIDTH$} {}", phase_title(phase.phase), time.unwrap_or_default());
    Some(format!("{} {}", paint.tone(tone, sign), line.trim_end()))
}

#[cfg(test)]
mod tests {
    use codchi_controller::operation::{Door, OperationKind, OperationOutcome};
    use time::{Duration, macros::datetime};

    use super::*;

    const PLAIN: Paint = Paint { colour: false };
    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn activity(id: ActivityId, kind: ActivityKind, name: &str, state: ActivityState) -> Activity {
        Activity {
            id,
            parent: None,
            kind,
            name: name.into(),
            state,
            phase: None,
            started: Some(START + Duration::seconds(5)),
            ended: None,
            bytes: 0,
            bytes_expected: 0,
        }
    }

    fn building() -> Progress {
        let mut operation = Operation::begin(
            OperationKind::Rebuild,
            Some("hello".parse().unwrap()),
            Door::CommandLine,
            START,
        );
        operation.enter(Phase::Resolve, START);
        operation.enter(Phase::Build, START + Duration::seconds(3));
        let mut progress = Progress::new(operation);
        let mut compile = activity(3, ActivityKind::Build, "hello-2.12.1", ActivityState::Running);
        compile.phase = Some("installPhase".into());
        let mut fetch = activity(4, ActivityKind::Substitute, "glibc-2.41", ActivityState::Running);
        (fetch.bytes, fetch.bytes_expected) = (2_500_000, 10_000_000);
        progress.activities_changed(vec![
            activity(1, ActivityKind::Build, "etc", ActivityState::Done),
            activity(2, ActivityKind::Build, "system-path", ActivityState::Planned),
            compile,
            fetch,
        ]);
        progress.logged("\x1b[32minstalling\x1b[0m to /nix/store/abc-hello".into());
        progress
    }

    #[test]
    fn a_build_shows_phase_counts_activities_and_the_last_line() {
        let frame = building().frame(PLAIN, 80, 3, START + Duration::seconds(17));
        insta::assert_snapshot!(frame.join("\n"), @r#"
        ⠸ Build the system                 1/3 built, 0/1 downloaded, 14 s
            hello-2.12.1                         installPhase, 12 s
            glibc-2.41                           2.5 MB of 10.0 MB, 12 s
            installing to /nix/store/abc-hello
        "#);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut progress = building();
        let long = "a-derivation-with-a-name-that-is-longer-than-what-is-shown-of-it-1.0";
        progress.activities_changed(
            (10..30).map(|id| activity(id, ActivityKind::Build, long, ActivityState::Running)).collect(),
        );
        for colour in [false, true] {
            let frame = progress.frame(Paint { colour }, 40, 0, START + Duration::hours(30));
            assert!(frame.iter().all(|line| console::measure_text_width(line) <= 40), "{frame:#?}");
            assert_eq!(frame.len(), 1 + MOST_ACTIVITIES + 1 + 1);
        }
    }

    #[test]
    fn phases_are_told_once() {
        let mut progress = building();
        assert_eq!(progress.newly_ended(PLAIN), ["✓ Resolve sources                  3.0 s"]);
        assert!(progress.newly_ended(PLAIN).is_empty());
        let mut operation = progress.operation().clone();
        operation.succeed(OperationOutcome::default(), START + Duration::seconds(63));
        progress.operation_changed(operation);
        assert_eq!(progress.newly_ended(PLAIN), ["✓ Build the system                 1 min 00 s"]);
        assert!(progress.frame(PLAIN, 80, 0, START).iter().all(|line| !line.contains("Begin")));
    }

    #[test]
    fn without_a_terminal_phases_are_lines() {
        let mut progress = building();
        assert_eq!(progress.newly_begun(), ["==> Resolve sources", "==> Build the system"]);
        assert!(progress.newly_begun().is_empty());
    }
}
