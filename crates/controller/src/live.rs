//! What changes, as it changes: the engine's events and the files of this user, turned into [`Event`]s.
//!
//! Whoever changes something (this process, another one, another program that uses the engine) is seen in the same way. Nothing is
//! asked on a timer; signals that come together are handled together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream::BoxStream};
use notify::RecursiveMode;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::{
    activity::Activity,
    controller::Controller,
    driver::InstanceEvent,
    error::Error,
    event::Event,
    failure::Failure,
    files::FileError,
    host_devices, host_sockets,
    machine::MachineName,
    operation::{Operation, OperationFiles, OperationId},
    status::{self, EngineStatus, Instances, KnownMachine, MachineStatus},
    watch::{self, Watch},
};

/// How long signals are gathered before they are handled.
const GATHER: Duration = Duration::from_millis(15);

/// Why to look.
#[derive(Debug)]
enum Signal {
    /// The engine said that something changed.
    Engine,
    /// A file changed.
    File(PathBuf),
}

impl Controller {
    /// Everything that changes, beginning with all machines, until the stream is dropped.
    pub fn events(self: &Arc<Self>) -> BoxStream<'static, Event> {
        let (out, events) = unbounded_channel();
        let controller = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = watch_everything(controller, out).await {
                tracing::error!(%error, "can't watch for changes");
            }
        });
        UnboundedReceiverStream::new(events).boxed()
    }

    /// One operation from its beginning until it is over; then the stream ends.
    ///
    /// # Errors
    /// When there is no such operation.
    pub fn follow(&self, id: OperationId) -> Result<BoxStream<'static, Event>, Error> {
        let files = self.operations.clone();
        if files.read(id)?.is_none() {
            return Err(Error::OperationNotFound { id });
        }
        let (signals, mut changed) = unbounded_channel();
        let watcher = watch(&files.directory(id), RecursiveMode::NonRecursive, signals)?;
        let (out, events) = unbounded_channel();
        tokio::spawn(async move {
            let _watcher = watcher;
            let mut tail = Tail::new(id);
            loop {
                let News { news, end } = tail.read(&files);
                if news.into_iter().any(|event| out.send(event).is_err()) || end != End::NotYet {
                    return;
                }
                tokio::select! {
                    signal = changed.recv() => if signal.is_none() { return },
                    () = out.closed() => return,
                }
                tokio::time::sleep(GATHER).await;
                while changed.try_recv().is_ok() {}
            }
        });
        Ok(UnboundedReceiverStream::new(events).boxed())
    }
}

fn watch(path: &Path, mode: RecursiveMode, signals: UnboundedSender<Signal>) -> Result<Watch, FileError> {
    // Nobody listens any more when it can't be sent.
    watch::watch(path, mode, move |path| drop(signals.send(Signal::File(path))))
}

async fn watch_everything(controller: Arc<Controller>, out: UnboundedSender<Event>) -> Result<(), Error> {
    let (signals, changed) = unbounded_channel();
    let paths = &controller.paths;
    let _watchers = [
        watch(&paths.config, RecursiveMode::Recursive, signals.clone())?,
        watch(&paths.operations(), RecursiveMode::Recursive, signals.clone())?,
        watch(&paths.records(), RecursiveMode::Recursive, signals.clone())?,
    ];
    let devices = host_devices::follow(&controller);
    let _sockets = host_sockets::follow(&controller, devices.look());
    let look = devices.look();
    let mut engine = controller.driver.events();
    let engine_signals = tokio::spawn(async move {
        while let Some(event) = engine.next().await {
            tracing::debug!(?event, "engine");
            if event == InstanceEvent::Resync {
                look();
            }
            let (InstanceEvent::Resync | InstanceEvent::Lost | InstanceEvent::Changed(_)) = event;
            if signals.send(Signal::Engine).is_err() {
                return;
            }
        }
    });
    Picture::new(controller).run(changed, &out).await;
    engine_signals.abort();
    Ok(())
}

/// What was last told.
struct Picture {
    controller: Arc<Controller>,
    known: BTreeMap<MachineName, KnownMachine>,
    instances: Instances,
    told: BTreeMap<MachineName, MachineStatus>,
    told_engine: Option<EngineStatus>,
    tails: HashMap<OperationId, Tail>,
}

/// What to look at.
#[derive(Default)]
struct Stale {
    engine: bool,
    settings: bool,
    machines: BTreeSet<MachineName>,
    operations: BTreeSet<OperationId>,
}

impl Picture {
    fn new(controller: Arc<Controller>) -> Self {
        Self {
            controller,
            known: BTreeMap::new(),
            instances: Ok(Vec::new()),
            told: BTreeMap::new(),
            told_engine: None,
            tails: HashMap::new(),
        }
    }

    async fn run(&mut self, mut changed: UnboundedReceiver<Signal>, out: &UnboundedSender<Event>) {
        self.read_engine().await;
        match self.controller.known_machines() {
            Ok(known) => self.known = known.into_iter().map(|known| (known.name.clone(), known)).collect(),
            Err(error) => tracing::error!(%error, "can't read the machines"),
        }
        let running = self.known.values().filter_map(|known| known.operation.as_ref());
        let running: Vec<OperationId> = running.filter(|o| !o.state.is_over()).map(|o| o.id).collect();
        let mut news: Vec<Event> = self.machines_changed(true).into_iter().collect();
        for id in running {
            news.extend(self.operation_changed(id).news);
        }
        loop {
            if news.drain(..).any(|event| out.send(event).is_err()) {
                return;
            }
            let first = tokio::select! {
                signal = changed.recv() => signal,
                () = out.closed() => return,
            };
            let Some(first) = first else { return };
            tokio::time::sleep(GATHER).await;
            let mut stale = Stale::default();
            self.mark(first, &mut stale);
            while let Ok(signal) = changed.try_recv() {
                self.mark(signal, &mut stale);
            }
            news = self.look(stale).await;
        }
    }

    fn mark(&self, signal: Signal, stale: &mut Stale) {
        let path = match signal {
            Signal::Engine => {
                stale.engine = true;
                return;
            }
            Signal::File(path) => path,
        };
        let paths = &self.controller.paths;
        let first_below = |root: PathBuf| {
            let below = path.strip_prefix(root).ok()?;
            Some(below.components().next()?.as_os_str().to_str()?.to_owned())
        };
        if let Some(name) = first_below(paths.machines()).and_then(|name| MachineName::new(name).ok()) {
            stale.machines.insert(name);
        } else if let Some(file) = first_below(paths.records()) {
            stale.machines.extend(file.strip_suffix(".json").and_then(|name| MachineName::new(name).ok()));
        } else if let Some(id) = first_below(paths.operations()).and_then(|id| id.parse().ok()) {
            stale.operations.insert(id);
        } else if path == paths.settings() {
            stale.settings = true;
        }
    }

    async fn look(&mut self, stale: Stale) -> Vec<Event> {
        let mut news = Vec::new();
        let mut ended = false;
        let mut removed = false;
        for name in &stale.machines {
            match self.controller.known_machine(name.clone()) {
                Some(known) => drop(self.known.insert(name.clone(), known)),
                None => removed |= self.known.remove(name).is_some(),
            }
        }
        for id in &stale.operations {
            let of_operation = self.operation_changed(*id);
            news.extend(of_operation.news);
            ended |= of_operation.end == End::Now;
        }
        // By its end a machine has got an address, of which no engine tells. And what is left of a removed one is told of.
        if stale.engine || ended || removed {
            self.read_engine().await;
            self.know_new();
        }
        if stale.engine || !stale.machines.is_empty() || !stale.operations.is_empty() {
            news.extend(self.machines_changed(false));
        }
        if stale.settings {
            match self.controller.settings() {
                Ok(settings) => news.push(Event::SettingsChanged { settings }),
                Err(error) => tracing::warn!(%error, "can't read the settings"),
            }
        }
        news
    }

    /// Containers may be told of before the files of their machines are.
    fn know_new(&mut self) {
        let by_name = status::by_name(&self.instances);
        let strays = status::strays(self.controller.driver.kind(), self.known.values(), &by_name);
        let known = strays.into_iter().filter_map(|stray| self.controller.known_machine(stray.name));
        let known: Vec<KnownMachine> = known.collect();
        self.known.extend(known.into_iter().map(|known| (known.name.clone(), known)));
    }

    async fn read_engine(&mut self) {
        let instances = self.controller.driver.instances().await;
        self.instances = instances.map_err(|error| Failure::from(Error::from(error)));
    }

    /// What is new of an operation. How far its files were read is remembered past its end: it may be renamed with its machine.
    fn operation_changed(&mut self, id: OperationId) -> News {
        let tail = self.tails.entry(id).or_insert_with(|| Tail::new(id));
        let news = tail.read(&self.controller.operations);
        if let Some(operation) = &tail.told {
            let machine = operation.machine.as_ref().and_then(|name| self.known.get_mut(name));
            if let Some(known) = machine.filter(|known| known.operation.as_ref().is_none_or(|o| o.id <= id)) {
                known.operation = Some(operation.clone());
            }
        }
        if news.end == End::Gone {
            self.tails.remove(&id);
        }
        news
    }

    /// What differs from what was told; everything at the beginning.
    fn machines_changed(&mut self, everything: bool) -> Option<Event> {
        let by_name = status::by_name(&self.instances);
        let driver = self.controller.driver.kind();
        let known = self.known.values().map(|known| status::machine(driver, known, &by_name));
        let strays = status::strays(driver, self.known.values(), &by_name);
        let now: BTreeMap<MachineName, MachineStatus> =
            known.chain(strays).map(|machine| (machine.name.clone(), machine)).collect();
        let engine = status::engine(driver, &self.instances);
        let changed: Vec<MachineStatus> =
            now.values().filter(|machine| self.told.get(&machine.name) != Some(machine)).cloned().collect();
        let removed: Vec<MachineName> =
            self.told.keys().filter(|name| !now.contains_key(*name)).cloned().collect();
        let same = changed.is_empty() && removed.is_empty() && self.told_engine.as_ref() == Some(&engine);
        if same && !everything {
            return None;
        }
        self.told = now;
        self.told_engine = Some(engine.clone());
        Some(Event::MachinesChanged { changed, removed, engine })
    }
}

/// Whether an operation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It isn't.
    NotYet,
    /// Since the last look.
    Now,
    /// Since before that.
    Before,
    /// It was removed.
    Gone,
}

/// What is new of an operation.
struct News {
    news: Vec<Event>,
    end: End,
}

/// How far an operation's files were read.
struct Tail {
    id: OperationId,
    activity_at: u64,
    log_at: u64,
    lines: u64,
    told: Option<Operation>,
}

impl Tail {
    fn new(id: OperationId) -> Self {
        Self { id, activity_at: 0, log_at: 0, lines: 0, told: None }
    }

    /// What is new. The operation comes last, so that nothing follows its end.
    fn read(&mut self, files: &OperationFiles) -> News {
        let id = self.id;
        let was_over = self.told.as_ref().is_some_and(|told| told.state.is_over());
        let Ok(operation) = files.read(id) else { return News { news: vec![], end: End::NotYet } };
        let mut news = Vec::new();
        let lines = appended(&files.activity_path(id), &mut self.activity_at);
        let mut activities: BTreeMap<_, Activity> = BTreeMap::new();
        for line in lines.split(|&b| b == b'\n') {
            if let Ok(activity) = serde_json::from_slice::<Activity>(line) {
                activities.insert(activity.id, activity);
            }
        }
        if !activities.is_empty() {
            news.push(Event::ActivitiesChanged { id, activities: activities.into_values().collect() });
        }
        let lines = lines_appended(&files.log_path(id), &mut self.log_at);
        if lines > 0 {
            self.lines += lines;
            news.push(Event::LogGrew { id, lines: self.lines });
        }
        let Some(operation) = operation else { return News { news, end: End::Gone } };
        let end = match operation.state.is_over() {
            false => End::NotYet,
            true if was_over => End::Before,
            true => End::Now,
        };
        if self.told.as_ref() != Some(&operation) {
            self.told = Some(operation.clone());
            news.push(Event::OperationChanged { operation });
        }
        News { news, end }
    }
}

/// The whole lines that were appended to a file since `at`.
fn appended(path: &Path, at: &mut u64) -> Vec<u8> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(*at))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let mut bytes = read().unwrap_or_default();
    let end = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |last| last + 1);
    bytes.truncate(end);
    *at += end as u64;
    bytes
}

/// How many lines were appended to a file since `at`; a log is counted, not kept.
fn lines_appended(path: &Path, at: &mut u64) -> u64 {
    let open = || -> std::io::Result<File> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(*at))?;
        Ok(file)
    };
    open().map_or(0, |file| count_lines(BufReader::with_capacity(64 << 10, file), at))
}

/// Counts lines, and moves `at` past what is counted. What can't be read now is counted the next time.
fn count_lines(mut reader: impl BufRead, at: &mut u64) -> u64 {
    let mut lines = 0;
    while let Ok(chunk) = reader.fill_buf()
        && !chunk.is_empty()
    {
        lines += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let length = chunk.len();
        *at += length as u64;
        reader.consume(length);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken;

    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no"))
        }
    }

    #[test]
    fn what_was_counted_before_a_log_cannot_be_read_is_told() {
        let mut at = 7;
        let lines = count_lines(BufReader::new(b"one\ntwo\nthr".chain(Broken)), &mut at);
        assert_eq!((lines, at), (2, 18));
    }
}
