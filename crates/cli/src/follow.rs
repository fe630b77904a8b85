//! Following an operation from its beginning to its end: painting its progress, printing its lines or its events, and cancelling it.

use std::{future::Future, pin::pin, time::Duration};

use codchi_api::types::{Event, LogArgs, OperationArgs};
use codchi_controller::{
    activity::LogLevel,
    failure::{Failure, FailureCode},
    operation::{Operation, OperationId, OperationKind, OperationState},
    secret::Asks,
};
use crossterm::{
    cursor::MoveUp,
    terminal::{Clear, ClearType},
};
use futures::StreamExt;
use serde::Serialize;
use time::OffsetDateTime;

use crate::{
    app::App,
    asking::{self, Asked},
    exit::{Exit, Stop, failure},
    show::{
        operation::{operation_noun, state_words},
        progress::{Progress, spinner},
        screen::Stream,
        text::LogLines,
    },
    signals::{EndSignals, no_signals},
};

/// How often a terminal is painted.
const FRAME: Duration = Duration::from_millis(100);
/// What takes longer than this is shown to be under way.
const PATIENCE: Duration = Duration::from_millis(300);
/// Log lines that are read at once.
const PAGE: u32 = 5_000;
/// The width of a terminal that doesn't tell.
const USUAL_WIDTH: usize = 80;

/// The last line of an operation's events.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum LastEvent<'a> {
    OperationFinished { operation: &'a Operation },
}

/// Begins an operation and follows it to its end. `doing` says what is done until it has begun.
///
/// # Errors
/// When it is refused, doesn't end well, or this process is asked to end.
pub(crate) async fn operation(
    app: &App,
    json: bool,
    doing: &str,
    begin: impl Future<Output = Result<Operation, Failure>>,
) -> Result<Operation, Stop> {
    let operation = wait(app, doing, begin).await??;
    to_the_end(app, json, operation).await
}

/// Waits for something that isn't an operation. On a terminal it is shown that it is under way.
///
/// # Errors
/// When this process is asked to end.
pub(crate) async fn wait<T>(app: &App, doing: &str, work: impl Future<Output = T>) -> Result<T, Stop> {
    let mut signals = EndSignals::listen().map_err(|error| no_signals(&error))?;
    let mut painter = Painter::new(&app.screen.stderr);
    let mut frames = tokio::time::interval_at(tokio::time::Instant::now() + PATIENCE, FRAME);
    let mut work = pin!(work);
    let mut tick = 0;
    loop {
        tokio::select! {
            result = &mut work => return Ok(result),
            signal = signals.next() => return Err(Stop::signalled(signal)),
            _ = frames.tick(), if painter.paints() => {
                painter.paint(&[], &[spinner(doing, app.screen.stderr.paint, tick)]);
                tick += 1;
            }
        }
    }
}

/// Follows an operation that has begun to its end.
///
/// # Errors
/// When it doesn't end well, or this process is asked to end.
pub(crate) async fn to_the_end(app: &App, json: bool, operation: Operation) -> Result<Operation, Stop> {
    let id = operation.id;
    let mut signals = EndSignals::listen().map_err(|error| no_signals(&error))?;
    let mut events = app.api.follow(id)?;
    let mut view = View::new(app, json, operation);
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut asked_to_end = None;
    let mut asked = None;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => {
                    view.take(event).await?;
                    if asked_to_end.is_none() {
                        view.ask(&mut asked).await?;
                    }
                }
                None => break,
            },
            _ = frames.tick(), if view.painter.paints() => view.paint().await?,
            signal = signals.next() => {
                if asked_to_end.replace(signal).is_some() {
                    return Err(Stop::signalled(signal));
                }
                view.say("Cancelling. Press Ctrl-C again to leave at once.");
                app.api.operation_cancel(OperationArgs { id }).await?;
            }
        }
    }
    let operation = view.finish().await?;
    ended(operation, asked_to_end)
}

/// What the end of an operation means for this process.
fn ended(operation: Operation, asked_to_end: Option<i32>) -> Result<Operation, Stop> {
    if operation.state == OperationState::Succeeded {
        return Ok(operation);
    }
    let words = format!("the {} {}", operation_noun(&operation), state_words(operation.state).0);
    let mut why = match (operation.state, operation.failure) {
        (OperationState::Cancelled, _) => failure(FailureCode::Cancelled, words, None),
        (_, Some(why)) => why,
        (OperationState::Failed, None) => failure(FailureCode::Failed, words, None),
        (_, None) => failure(FailureCode::Interrupted, words, None),
    };
    if let Some(machine) = operation.machine {
        if operation.kind == OperationKind::Create {
            why.hints.push(format!(
                "`codchi rebuild {machine}` tries again, `codchi delete {machine}` gives it up"
            ));
        }
        let has_log = matches!(operation.kind, OperationKind::Create | OperationKind::Rebuild);
        if has_log && why.code != FailureCode::Cancelled {
            why.hints.push(format!("`codchi logs {machine}` shows the whole log"));
        }
    }
    let exit = asked_to_end.map_or_else(|| Exit::of(why.code), Exit::signalled);
    Err(Stop { exit, failure: Some(why) })
}

/// An operation as it is shown.
struct View<'a> {
    app: &'a App,
    id: OperationId,
    json: bool,
    progress: Progress,
    painter: Painter<'a>,
    tick: usize,
    /// How many lines the log has.
    logged: u64,
    /// How many of them were shown.
    shown: u64,
    lines: LogLines,
}

impl<'a> View<'a> {
    fn new(app: &'a App, json: bool, operation: Operation) -> Self {
        let mut painter = Painter::new(&app.screen.stderr);
        painter.off |= json;
        Self {
            id: operation.id,
            progress: Progress::new(operation),
            app,
            json,
            painter,
            tick: 0,
            logged: 0,
            shown: 0,
            lines: LogLines::new(app.screen.stderr.paint),
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), Stop> {
        if self.json {
            self.app.screen.stdout.json(&event);
        }
        match event {
            Event::OperationChanged { operation } if operation.id == self.id => {
                self.progress.operation_changed(operation);
            }
            Event::ActivitiesChanged { id, activities } if id == self.id => {
                self.progress.activities_changed(activities);
            }
            Event::LogGrew { id, lines } if id == self.id => self.logged = lines,
            _ => {}
        }
        if self.json || self.painter.paints() { Ok(()) } else { self.print().await }
    }

    /// Asks what the operation waits for, once. Where nobody can be asked, this process ends and the operation waits on.
    async fn ask(&mut self, asked: &mut Option<Asks>) -> Result<(), Stop> {
        let operation = self.progress.operation().clone();
        let Some(asks) = operation.asks.clone() else {
            *asked = None;
            return Ok(());
        };
        if asked.as_ref() == Some(&asks) {
            return Ok(());
        }
        if !self.app.can_ask(self.json) {
            return Err(asking::waits(&operation, &asks));
        }
        self.painter.clear();
        let mut changes = self.app.api.follow(self.id)?;
        let answered_elsewhere = async {
            while let Some(event) = changes.next().await {
                if matches!(&event, Event::OperationChanged { operation } if operation.asks.as_ref() != Some(&asks))
                {
                    return;
                }
            }
        };
        let ended = tokio::select! {
            ended = asking::ask(self.app, &operation, &asks) => ended?,
            () = answered_elsewhere => {
                self.app.screen.stderr.line("\nIt was answered elsewhere.");
                Asked::Answered
            }
        };
        match ended {
            // Asked again when it is still open.
            Asked::Answered => *asked = None,
            Asked::Cancelled => {
                *asked = Some(asks);
                asking::cancel(self.app, &operation).await?;
            }
            Asked::Left => return Err(asking::waits(&operation, &asks)),
        }
        Ok(())
    }

    /// Where nothing can be painted again: prints what is new.
    async fn print(&mut self) -> Result<(), Stop> {
        self.app.screen.stderr.lines(self.progress.newly_begun());
        let lines = self.new_lines(|_| true).await?;
        self.app.screen.stderr.lines(lines);
        Ok(())
    }

    /// Paints what happens now, below the phases that ended and the warnings there were. Errors come in the end, with their cause.
    async fn paint(&mut self) -> Result<(), Stop> {
        let stderr = &self.app.screen.stderr;
        let mut lines = self.new_lines(|level| level == LogLevel::Warning).await?;
        lines.extend(self.progress.newly_ended(stderr.paint));
        let width = stderr.width().unwrap_or(USUAL_WIDTH) - 1;
        let frame = self.progress.frame(stderr.paint, width, self.tick, OffsetDateTime::now_utc());
        self.painter.paint(&lines, &frame);
        self.tick += 1;
        Ok(())
    }

    /// The log's lines since the last call of the levels that are wanted, as they are shown.
    async fn new_lines(&mut self, wanted: impl Fn(LogLevel) -> bool) -> Result<Vec<String>, Stop> {
        let mut lines = Vec::new();
        while self.shown < self.logged {
            let args = LogArgs { id: self.id, from: self.shown, limit: PAGE, activity: None };
            let page = self.app.api.operation_log(args).await?;
            if page.lines.is_empty() {
                break;
            }
            self.shown += page.lines.len() as u64;
            for line in &page.lines {
                if wanted(line.level) {
                    lines.push(self.lines.next(line, self.progress.name(line.activity).as_deref()));
                }
            }
            if let Some(last) = page.lines.into_iter().next_back() {
                self.progress.logged(last.text);
            }
        }
        Ok(lines)
    }

    /// Says something of our own.
    fn say(&mut self, text: &str) {
        self.painter.paint(&[text.to_owned()], &[]);
    }

    /// Shows the rest and gives the operation as it ended.
    async fn finish(mut self) -> Result<Operation, Stop> {
        let detail = self.app.api.operation(OperationArgs { id: self.id }).await?;
        self.logged = self.logged.max(detail.log_lines);
        self.progress.operation_changed(detail.operation);
        if self.json {
            let operation = self.progress.operation();
            self.app.screen.stdout.json(&LastEvent::OperationFinished { operation });
        } else if self.painter.paints() {
            self.paint().await?;
            self.painter.clear();
        } else {
            self.print().await?;
        }
        Ok(self.progress.operation().clone())
    }
}

/// A few lines at the bottom of a terminal that are painted again and again, and gone in the end.
struct Painter<'a> {
    stream: &'a Stream,
    off: bool,
    painted: u16,
}

impl<'a> Painter<'a> {
    fn new(stream: &'a Stream) -> Self {
        Self { stream, off: !stream.movable, painted: 0 }
    }

    fn paints(&self) -> bool {
        !self.off
    }

    /// Adds lines that stay, above the ones that don't.
    fn paint(&mut self, stay: &[String], frame: &[String]) {
        let mut text = self.back();
        for line in stay.iter().chain(if self.off { &[][..] } else { frame }) {
            text.push_str(line);
            text.push('\n');
        }
        self.stream.text(&text);
        if !self.off {
            self.painted = u16::try_from(frame.len()).unwrap_or(u16::MAX);
        }
    }

    fn clear(&mut self) {
        let back = self.back();
        self.stream.text(&back);
        self.painted = 0;
    }

    fn back(&self) -> String {
        match self.painted {
            0 => String::new(),
            lines => format!("{}\r{}", MoveUp(lines), Clear(ClearType::FromCursorDown)),
        }
    }
}

impl Drop for Painter<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::operation::{Door, OperationOutcome};

    use super::*;

    fn over(kind: OperationKind, state: OperationState, why: Option<Failure>) -> Operation {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut operation = Operation::begin(kind, Some("hello".parse().unwrap()), Door::CommandLine, now);
        match why {
            Some(why) => operation.fail(state, why, now),
            None => operation.succeed(OperationOutcome::default(), now),
        }
        operation
    }

    fn stop(
        kind: OperationKind,
        state: OperationState,
        code: FailureCode,
        asked_to_end: Option<i32>,
    ) -> Stop {
        ended(over(kind, state, Some(failure(code, "why", None))), asked_to_end).unwrap_err()
    }

    #[test]
    fn a_failed_creation_says_how_to_go_on() {
        let stop = stop(OperationKind::Create, OperationState::Failed, FailureCode::Evaluation, None);
        assert_eq!(stop.exit, Exit::FAILED);
        let why = stop.failure.unwrap();
        assert_eq!(why.message, "why");
        assert_eq!(
            why.hints,
            [
                "`codchi rebuild hello` tries again, `codchi delete hello` gives it up",
                "`codchi logs hello` shows the whole log"
            ]
        );
    }

    #[test]
    fn who_cancelled_makes_the_exit_code() {
        use FailureCode::Cancelled;
        let elsewhere = stop(OperationKind::Rebuild, OperationState::Cancelled, Cancelled, None);
        assert_eq!(elsewhere.exit, Exit::CANCELLED);
        assert_eq!(elsewhere.failure.unwrap().message, "the rebuild of hello was cancelled");
        let here = stop(OperationKind::Rebuild, OperationState::Cancelled, Cancelled, Some(2));
        assert_eq!(here.exit, Exit::INTERRUPTED);
    }

    #[test]
    fn what_was_done_before_it_could_be_cancelled_is_done() {
        let operation = over(OperationKind::Stop, OperationState::Succeeded, None);
        assert_eq!(ended(operation.clone(), Some(2)), Ok(operation));
    }
}
