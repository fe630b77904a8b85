//! Writing an operation's files while it runs.
//!
//! Activities and log lines are collected and written together, at most every [`FLUSH_AFTER`] or when [`FLUSH_BYTES`] are
//! waiting, so that a build that prints a million lines costs little and memory stays bounded.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::{
    Operation, OperationFiles, OperationId, OperationOutcome, OperationState, Phase,
    files::VERSION,
    log_room::{Fate, LogRoom},
};
use crate::{
    activity::{
        Activity, ActivityId, ActivityKind, ActivityState, ActivityTree, LogLevel, LogLine, Observer, plain,
    },
    error::Error,
    failure::Failure,
    files::{self, FileError},
    lock,
    machine::MachineName,
    secret::{self, Asks},
    watch::{self, Watch},
};

/// How long a change may wait until it is written.
const FLUSH_AFTER: Duration = Duration::from_millis(40);

/// How much may wait until it is written.
const FLUSH_BYTES: usize = 256 << 10;

/// Activities that Codchi itself adds have identities from here on; Nix' are counted from 1.
const OWN_ACTIVITIES: ActivityId = 1 << 30;

/// How many of the last log lines are kept for the failure.
const LAST_LINES: usize = 20;

/// A running operation. When the last one drops it, the operation's lock is free.
pub(crate) struct Journal {
    me: Weak<Self>,
    files: OperationFiles,
    id: OperationId,
    cancel: CancellationToken,
    runtime: tokio::runtime::Handle,
    state: Mutex<State>,
    _lock: lock::Held,
}

struct State {
    operation: Operation,
    tree: ActivityTree,
    activity_file: File,
    log_file: File,
    /// Lines that wait to be written.
    activity_bytes: Vec<u8>,
    log_bytes: Vec<u8>,
    log_room: LogRoom,
    activity_room: LogRoom,
    flush_planned: bool,
    last_lines: VecDeque<String>,
    keys: secret::Keys,
    next_own: ActivityId,
    write_error: Option<String>,
}

impl Journal {
    /// Makes the operation's directory and takes its lock.
    pub(crate) fn begin(files: &OperationFiles, operation: Operation) -> Result<Arc<Self>, FileError> {
        let id = operation.id;
        let directory = files.directory(id);
        fs::create_dir_all(&directory).map_err(|source| FileError::Io { path: directory, source })?;
        let append = |path: std::path::PathBuf| {
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(|source| FileError::Io { path, source })
        };
        let lock = lock::try_exclusive(&files.lock_path(id))?.ok_or_else(|| FileError::Io {
            path: files.lock_path(id),
            source: std::io::ErrorKind::ResourceBusy.into(),
        })?;
        files::write_versioned(&files.operation_path(id), VERSION, &operation)?;
        let state = State {
            operation,
            tree: ActivityTree::default(),
            activity_file: append(files.activity_path(id))?,
            log_file: append(files.log_path(id))?,
            activity_bytes: Vec::new(),
            log_bytes: Vec::new(),
            log_room: LogRoom::default(),
            activity_room: LogRoom::for_activities(),
            flush_planned: false,
            last_lines: VecDeque::with_capacity(LAST_LINES),
            keys: secret::Keys::default(),
            next_own: OWN_ACTIVITIES,
            write_error: None,
        };
        Ok(Arc::new_cyclic(|me| Self {
            me: me.clone(),
            files: files.clone(),
            id,
            cancel: CancellationToken::new(),
            runtime: tokio::runtime::Handle::current(),
            state: Mutex::new(state),
            _lock: lock,
        }))
    }

    /// Cancelled when the user wants the operation to end.
    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The operation as it is now.
    pub(crate) fn operation(&self) -> Operation {
        self.state().operation.clone()
    }

    /// Goes on with `work` until its user doesn't want it any more; it is dropped then.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            () = self.cancel().cancelled() => Err(Error::Cancelled),
        }
    }

    /// The machine that the operation is about.
    pub(crate) fn machine(&self) -> Result<MachineName, Error> {
        let machine = self.state().operation.machine.clone();
        machine.ok_or_else(|| Error::Argument("this operation needs a machine".into()))
    }

    /// The machine has another name from now on.
    pub(crate) fn renamed(&self, to: &MachineName) {
        self.state().operation.machine = Some(to.clone());
        self.write_all();
    }

    /// Begins a phase.
    pub(crate) fn enter(&self, phase: Phase) {
        self.state().operation.enter(phase, OffsetDateTime::now_utc());
        self.write_all();
    }

    /// Says that there is nothing to do in the phase that runs.
    pub(crate) fn skip(&self) {
        self.state().operation.skip();
    }

    /// Says what the operation waits for.
    pub(crate) fn wait(&self, asks: Asks) {
        self.state().operation.wait(asks);
        self.write_all();
    }

    /// The answer came.
    pub(crate) fn go_on(&self) {
        self.state().operation.go_on();
        self.write_all();
    }

    /// Ends the operation and writes everything.
    pub(crate) fn finish(&self, result: Result<OperationOutcome, (OperationState, Failure)>) {
        let now = OffsetDateTime::now_utc();
        {
            let mut state = self.state();
            for activity in state.tree.stop_rest(now) {
                state.record(&activity);
            }
            let redactor = secret::known();
            match result {
                Ok(mut outcome) => {
                    outcome.warnings.iter_mut().for_each(|warning| redactor.string(warning));
                    state.operation.succeed(outcome, now);
                }
                Err((how, mut failure)) => {
                    failure.redact(&redactor);
                    if failure.details.is_empty() && how == OperationState::Failed {
                        failure.details = state.last_lines.drain(..).map(|line| plain(&line)).collect();
                    }
                    state.operation.fail(how, failure, now);
                }
            }
        }
        self.write_all();
    }

    /// An activity of Codchi's own that begins now; it is shown when it is given to [`Observer::activity`].
    pub(crate) fn new_activity(&self, kind: ActivityKind, name: impl Into<String>) -> Activity {
        let id = {
            let mut state = self.state();
            state.next_own += 1;
            state.next_own
        };
        Activity {
            id,
            parent: None,
            kind,
            name: name.into(),
            state: ActivityState::Running,
            phase: None,
            started: Some(OffsetDateTime::now_utc()),
            ended: None,
            bytes: 0,
            bytes_expected: 0,
        }
    }

    /// Does `work` as an activity of Codchi's own.
    pub(crate) async fn step<T, E>(
        &self,
        name: impl Into<String>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut activity = self.new_activity(ActivityKind::Step, name);
        self.activity(&activity);
        let result = work.await;
        activity.end(result.is_ok());
        self.activity(&activity);
        result
    }

    /// Writes a line of Codchi's own into the log.
    pub(crate) fn say(&self, level: LogLevel, text: impl Into<String>) {
        self.log(LogLine { activity: None, level, text: text.into() });
    }

    /// Watches for another process asking to cancel. The watcher ends when it is dropped.
    pub(crate) fn listen_for_cancel(&self) -> Option<Watch> {
        let (cancel, request) = (self.cancel.clone(), self.files.cancel_path(self.id));
        let directory = request.parent()?.to_owned();
        let look = move || {
            if request.exists() {
                cancel.cancel();
            }
        };
        let again = look.clone();
        let watch = watch::watch(&directory, notify::RecursiveMode::NonRecursive, move |_| again())
            .inspect_err(|error| tracing::warn!(%error, "can't watch for a request to cancel"))
            .ok();
        // It may have come before the watch.
        look();
        watch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits and, for good, the operation itself.
    fn write_all(&self) {
        let mut state = self.state();
        let lines = state.write_lines();
        state.operation.counts = state.tree.counts();
        let path = self.files.operation_path(self.id);
        let header = files::write_versioned(&path, VERSION, &state.operation);
        state.report(lines);
        state.report(header);
    }

    /// Writes what waits, and the operation in a way that is cheap.
    fn flush(&self) {
        let mut state = self.state();
        state.flush_planned = false;
        let lines = state.write_lines();
        state.operation.counts = state.tree.counts();
        let header =
            files::write_versioned_unsynced(&self.files.operation_path(self.id), VERSION, &state.operation);
        state.report(lines);
        state.report(header);
    }

    /// Makes sure that what was just added is written soon.
    fn soon(&self, mut state: MutexGuard<'_, State>) {
        if state.log_bytes.len() + state.activity_bytes.len() >= FLUSH_BYTES {
            let written = state.write_lines();
            state.report(written);
        }
        if std::mem::replace(&mut state.flush_planned, true) {
            return;
        }
        let me = self.me.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(FLUSH_AFTER).await;
            if let Some(me) = me.upgrade() {
                me.flush();
            }
        });
    }
}

impl Observer for Journal {
    fn activity(&self, activity: &Activity) {
        let mut activity = activity.clone();
        secret::known().string(&mut activity.name);
        let mut state = self.state();
        state.record(&activity);
        if activity.state == ActivityState::Running {
            state.operation.headline = Some(activity.name.clone());
        }
        state.tree.upsert(activity);
        self.soon(state);
    }

    fn log(&self, mut line: LogLine) {
        secret::known().string(&mut line.text);
        let mut state = self.state();
        if state.keys.has(line.activity, &line.text) {
            line.text = secret::MASK.to_owned();
        }
        state.write_log(&line);
        if state.last_lines.len() == LAST_LINES {
            state.last_lines.pop_front();
        }
        state.last_lines.push_back(line.text);
        self.soon(state);
    }
}

impl State {
    /// How an activity ended is always written; when there is no room the rest is left out, and that said once.
    fn record(&mut self, activity: &Activity) {
        let Ok(mut bytes) = serde_json::to_vec(activity) else { return };
        bytes.push(b'\n');
        let fate = self.activity_room.take(bytes.len());
        if fate == Fate::Kept || activity.ended.is_some() {
            self.activity_bytes.append(&mut bytes);
        }
        if fate == Fate::First {
            let text = "too much is done to show all of it; from here on only what ended is".to_owned();
            self.write_log(&LogLine { activity: None, level: LogLevel::Warning, text });
        }
    }

    /// A line that there is no room for is left out, and that said once.
    fn write_log(&mut self, line: &LogLine) {
        let Ok(mut bytes) = serde_json::to_vec(line) else { return };
        bytes.push(b'\n');
        match self.log_room.take(bytes.len()) {
            Fate::Kept => self.log_bytes.append(&mut bytes),
            Fate::First => {
                let text = "the log is cut here: too much was printed; what is done goes on".to_owned();
                let cut = LogLine { activity: None, level: LogLevel::Warning, text };
                if serde_json::to_writer(&mut self.log_bytes, &cut).is_ok() {
                    self.log_bytes.push(b'\n');
                }
            }
            Fate::Dropped => {}
        }
    }

    fn write_lines(&mut self) -> Result<(), std::io::Error> {
        let written = self
            .log_file
            .write_all(&self.log_bytes)
            .and_then(|()| self.activity_file.write_all(&self.activity_bytes));
        self.log_bytes.clear();
        self.activity_bytes.clear();
        written
    }

    /// Notes, once, that the files can't be written; a full disk shouldn't end a build that doesn't need it.
    fn report<E: std::error::Error>(&mut self, written: Result<(), E>) {
        let Err(error) = written else { return };
        let text = error.to_string();
        if self.write_error.as_ref() != Some(&text) {
            tracing::error!(operation = %self.operation.id, error = text, "can't write the operation's files");
            self.write_error = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        files::Paths,
        operation::{Door, OperationKind},
    };

    /// An operation that has just begun, in a directory of its own.
    fn begun() -> (tempfile::TempDir, OperationFiles, Arc<Journal>) {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths { config: dir.path().join("config"), data: dir.path().join("data") };
        paths.create().unwrap();
        let files = OperationFiles::new(&paths);
        let operation =
            Operation::begin(OperationKind::Rebuild, None, Door::Window, OffsetDateTime::now_utc());
        let journal = Journal::begin(&files, operation).unwrap();
        (dir, files, journal)
    }

    #[tokio::test]
    async fn a_log_without_end_is_cut_and_says_so() {
        let (_dir, files, journal) = begun();
        journal.state().log_room = LogRoom::of(1000);
        for _ in 0..1000 {
            journal.say(LogLevel::Output, "y");
        }
        journal.write_all();
        let log = fs::read_to_string(files.log_path(journal.id)).unwrap();
        assert!(log.len() < 1200, "{} bytes", log.len());
        assert!(log.lines().last().unwrap().contains("the log is cut here"), "{log}");
        assert_eq!(log.matches("is cut").count(), 1);
        // The last lines are still what a failure shows.
        journal.say(LogLevel::Output, "the very last");
        assert_eq!(journal.state().last_lines.back().unwrap(), "the very last");
    }

    #[tokio::test]
    async fn activities_without_end_are_cut_but_for_how_they_ended() {
        let (_dir, files, journal) = begun();
        journal.state().activity_room = LogRoom::of(1000);
        let mut activity = journal.new_activity(ActivityKind::Build, "endless");
        for turn in 0..1000 {
            activity.phase = Some(format!("phase {turn}"));
            journal.activity(&activity);
        }
        activity.end(true);
        journal.activity(&activity);
        journal.write_all();
        let told = fs::read_to_string(files.activity_path(journal.id)).unwrap();
        assert!(told.len() < 1500, "{} bytes", told.len());
        let last: Activity = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        assert_eq!((last.state, last.phase.as_deref()), (ActivityState::Done, Some("phase 999")));
        let log = fs::read_to_string(files.log_path(journal.id)).unwrap();
        assert_eq!(log.matches("too much is done").count(), 1);
    }
}
