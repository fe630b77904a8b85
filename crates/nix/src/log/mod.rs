//! Nix' internal-json log as Codchi's activities and log lines, while it comes in.
//!
//! Storing either is not here. Memory is bounded by the tree of activities: log lines are handed on, only the last few of each running
//! build are kept, to explain its failure.

mod event;
mod lines;
pub(crate) mod names;
mod plan;
mod report;
mod tracker;

use std::sync::atomic::{AtomicU32, Ordering};

use codchi_controller::activity::{ActivityId, LogLevel, LogLine, Observer};
use time::OffsetDateTime;

pub(crate) use report::in_source;
pub use report::{FailedBuild, Message, Report, Status, Summary};

use crate::sanitize;
use event::Event;
use lines::Lines;
use tracker::Tracker;

/// The longest text of a log line, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;
/// What a line that was cut ends with.
const CUT: &str = " … (line cut)";

/// How Nix begins to tell what changed in a lock file.
const LOCKED: &[&str] = &[
    "warning: creating lock file",
    "warning: updating lock file",
    "warning: not writing modified lock file",
];

/// Hands out the ids of activities.
#[derive(Debug)]
pub struct ActivityIds(AtomicU32);

impl ActivityIds {
    /// Ids from `first` on.
    pub const fn starting_at(first: ActivityId) -> Self {
        Self(AtomicU32::new(first))
    }

    pub(crate) fn next(&self) -> ActivityId {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Reads one run's log.
pub struct LogReader<'a> {
    lines: Lines,
    state: State<'a>,
}

/// All but the cutting into lines, so that both can be borrowed at once.
struct State<'a> {
    observer: &'a dyn Observer,
    tracker: Tracker<'a>,
    report: Report,
    /// Whether the output ended within a line or an event.
    broken_off: bool,
}

impl<'a> LogReader<'a> {
    /// Starts reading; `clock` tells the time of events.
    pub fn new(observer: &'a dyn Observer, ids: &'a ActivityIds, clock: fn() -> OffsetDateTime) -> Self {
        Self {
            lines: Lines::default(),
            state: State {
                observer,
                tracker: Tracker::new(observer, ids, clock),
                report: Report::default(),
                broken_off: false,
            },
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        let state = &mut self.state;
        self.lines.feed(chunk, |line, cut| state.line(line, cut));
    }

    /// The log ended; `success` says whether Nix did well, where that is known.
    pub fn finish(mut self, success: Option<bool>) -> Report {
        let state = &mut self.state;
        self.lines.finish(|line, cut| {
            state.broken_off = true;
            state.line(line, cut);
        });
        let Self { state: State { tracker, mut report, broken_off, .. }, .. } = self;
        if success.is_none() {
            report.take_printed_error();
        }
        let failed = !report.messages.is_empty() || !report.failed.is_empty();
        report.interrupted |= broken_off && success.is_none();
        tracker.finish(success.unwrap_or(!failed), success.is_none(), &mut report);
        report
    }
}

impl State<'_> {
    fn line(&mut self, line: &[u8], cut: bool) {
        if let Some(json) = line.strip_prefix(event::PREFIX) {
            if let Ok(event) = serde_json::from_slice::<Event<'_>>(json) {
                return self.event(&event);
            }
            // Invalid UTF-8 in a string is no reason to lose the event.
            let repaired = String::from_utf8_lossy(json);
            if let Ok(event) = serde_json::from_str::<Event<'_>>(&repaired) {
                return self.event(&event);
            }
        }
        let text = String::from_utf8_lossy(line);
        self.report.plain(&text);
        self.print(None, LogLevel::Output, &text, cut);
    }

    fn event(&mut self, event: &Event<'_>) {
        match &*event.action {
            "result"
                if matches!(
                    event.kind,
                    event::result::BUILD_LOG_LINE | event::result::POST_BUILD_LOG_LINE
                ) =>
            {
                self.report.log_lines += 1;
                let id = self.tracker.printed(event.id, event.fields.text(0));
                self.print(id, LogLevel::Output, event.fields.text(0), false);
            }
            "result" => self.tracker.result(event),
            "start" => self.tracker.start(event),
            "stop" => self.tracker.stop(event.id, &mut self.report),
            "msg" => self.message(event),
            // `setPhase` and anything newer.
            _ => {}
        }
    }

    fn message(&mut self, event: &Event<'_>) {
        if event.level > event::level::INFO {
            return;
        }
        let text = sanitize::plain_text(&event.msg);
        if self.tracker.planned(&text) {
            return;
        }
        let level = match event.level {
            // What changed in a lock file is told as a warning.
            event::level::WARNING if LOCKED.iter().any(|start| text.starts_with(start)) => LogLevel::Info,
            // `warning: error: unable to download …; retrying` has the level of an error.
            event::level::ERROR if !text.starts_with("warning:") => LogLevel::Error,
            event::level::ERROR | event::level::WARNING => LogLevel::Warning,
            _ => LogLevel::Info,
        };
        let mut activity = None;
        if level == LogLevel::Error {
            let message = Message::new(event, &text);
            activity = self.tracker.failed(&message, &mut self.report);
            self.report.error(message);
        }
        for (line, plain) in event.msg.lines().zip(text.lines()) {
            // Advice for somebody at a shell in the controller.
            let advice = plain.trim_start();
            if !(advice.starts_with("For full logs, run") || advice.starts_with("nix log /nix/store/")) {
                self.print(activity, level, line, false);
            }
        }
    }

    fn print(&self, activity: Option<ActivityId>, level: LogLevel, text: &str, mut cut: bool) {
        let mut text = text;
        if text.len() > LONGEST_TEXT {
            text = sanitize::prefix(text, LONGEST_TEXT);
            cut = true;
        }
        let mut text = sanitize::line(text).into_owned();
        if cut {
            text.push_str(CUT);
        }
        self.observer.log(LogLine { activity, level, text });
    }
}

#[cfg(test)]
mod tests;
