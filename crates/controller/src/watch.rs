//! Being told that files changed.
//!
//! The system tells it (inotify and its like). A user may have only so many watches, though (Linux: `fs.inotify.max_user_instances`, 128
//! unless raised), which editors and containers share: where there are none left, the files are looked at every [`INTERVAL`] instead, so
//! that Codchi works on, a little later.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};

use crate::files::FileError;

/// How often files are looked at where the system doesn't tell.
const INTERVAL: Duration = Duration::from_millis(250);

/// Changes are told until it is dropped.
pub(crate) enum Watch {
    /// By the system.
    Told { _watcher: RecommendedWatcher },
    /// By a thread that looks, until this is dropped.
    LookedAt { _until_dropped: mpsc::Sender<()> },
}

/// Tells `changed` which paths at or below `path` changed; of a directory's own entries only, unless `mode` is recursive.
///
/// # Errors
/// When the path can't be watched in any way, such as one that doesn't exist.
pub(crate) fn watch(
    path: &Path,
    mode: RecursiveMode,
    changed: impl Fn(PathBuf) + Send + Sync + 'static,
) -> Result<Watch, FileError> {
    let changed = Arc::new(changed);
    told(path, mode, Arc::clone(&changed))
        .or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "looking for changes instead of being told them");
            look_at(path, mode, changed)
        })
        .map_err(|source| FileError::Io { path: path.into(), source })
}

fn told(
    path: &Path,
    mode: RecursiveMode,
    changed: Arc<impl Fn(PathBuf) + Send + Sync + 'static>,
) -> io::Result<Watch> {
    let begin = || {
        let mut watcher = notify::recommended_watcher(handler(changed))?;
        watcher.watch(path, mode)?;
        Ok(Watch::Told { _watcher: watcher })
    };
    begin().map_err(|error: notify::Error| match error.kind {
        notify::ErrorKind::Io(error) => error,
        _ => io::Error::other(error),
    })
}

fn look_at(
    path: &Path,
    mode: RecursiveMode,
    changed: Arc<impl Fn(PathBuf) + Send + Sync + 'static>,
) -> io::Result<Watch> {
    let path = path.to_owned();
    let look = move || -> io::Result<BTreeMap<PathBuf, Seen>> {
        let mut seen = BTreeMap::new();
        see(&path, mode == RecursiveMode::Recursive, &mut seen)?;
        Ok(seen)
    };
    let mut before = look()?;
    let (watch, dropped) = mpsc::channel();
    thread::Builder::new().name("looks for changes".into()).spawn(move || {
        while dropped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            // What can't be read now may be gone, or be there again the next time.
            let now = look().unwrap_or_default();
            let gone = before.keys().filter(|path| !now.contains_key(*path));
            let new = now.iter().filter(|(path, seen)| before.get(*path) != Some(seen)).map(|(path, _)| path);
            gone.chain(new).for_each(|path| changed(path.clone()));
            before = now;
        }
    })?;
    Ok(Watch::LookedAt { _until_dropped: watch })
}

/// By what a change of a file is noticed.
type Seen = (u64, Option<SystemTime>, Option<SystemTime>);

fn see(path: &Path, below: bool, seen: &mut BTreeMap<PathBuf, Seen>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        // It may have gone meanwhile.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        seen.insert(path.clone(), mark(&metadata));
        if below && metadata.is_dir() {
            let _ = see(&path, below, seen);
        }
    }
    Ok(())
}

/// A file that was replaced by another one has another time of creation where the file system knows it.
fn mark(metadata: &Metadata) -> Seen {
    (metadata.len(), metadata.modified().ok(), metadata.created().ok())
}

fn handler(
    changed: Arc<impl Fn(PathBuf) + Send + Sync + 'static>,
) -> impl Fn(notify::Result<Event>) + Send + 'static {
    move |event| match event {
        // A log that is closed may be that of a process which was killed.
        Ok(event) if event.kind.is_access() && !is_log_closed(&event) => {}
        Ok(event) => event.paths.into_iter().for_each(|path| changed(path)),
        Err(error) => tracing::warn!(%error, "lost a change of a file"),
    }
}

fn is_log_closed(event: &Event) -> bool {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
    event.kind == EventKind::Access(AccessKind::Close(AccessMode::Write)) && event.paths.iter().any(is_log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_is_no_change() {
        let directory = tempfile::tempdir().unwrap();
        let (tell, told_paths) = mpsc::channel();
        let _watch =
            watch(directory.path(), RecursiveMode::NonRecursive, move |path| drop(tell.send(path))).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let path = directory.path().join("new");
        fs::write(&path, "a").unwrap();
        assert_eq!(told_paths.recv_timeout(Duration::from_secs(10)).unwrap(), path);
    }

    #[test]
    fn changes_are_told_in_both_ways() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("grows");
        fs::write(&path, "a").unwrap();
        let (tell, told_paths) = mpsc::channel();
        let report = Arc::new(move |path| drop(tell.send(path)));
        let system = told(directory.path(), RecursiveMode::Recursive, Arc::clone(&report)).unwrap();
        fs::write(&path, "ab").unwrap();
        assert_eq!(told_paths.recv_timeout(Duration::from_secs(10)).unwrap(), path);
        drop(system);
        let _looking = look_at(directory.path(), RecursiveMode::Recursive, report).unwrap();
        while told_paths.try_recv().is_ok() {}
        fs::write(&path, "abc").unwrap();
        assert_eq!(told_paths.recv_timeout(Duration::from_secs(10)).unwrap(), path);
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error() {
        let missing = Path::new("/does/not/exist");
        assert!(watch(missing, RecursiveMode::NonRecursive, |_| {}).is_err());
    }
}
