//! The developers' log, `codchi.log` in the data directory: what the code says of itself through `tracing`. What users are told is
//! not in it, and it never reaches stdout. Secrets are masked in it like everywhere.
//!
//! `CODCHI_LOG`, else `RUST_LOG`, says how much of it is kept; of libraries never more than `info`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use codchi_controller::secret;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::Environment;

/// When the file has so many bytes it becomes `codchi.log.1`, which replaces the one before.
const LIMIT: u64 = 5 << 20;

/// What is kept when nothing else is asked for.
const USUAL: &str = "warn,codchi=info";

/// Begins to keep the log below `data`. Where that isn't possible (a directory that can't be written) there is none: a log is no
/// reason to refuse to work. Does nothing the second time.
pub fn keep_developer_log(environment: &Environment, data: &Path) {
    let wanted = environment.text("CODCHI_LOG").or_else(|| environment.text("RUST_LOG"));
    let filter = EnvFilter::builder().parse_lossy(wanted.as_deref().unwrap_or(USUAL));
    if let Ok(log) = RotatedFile::open(data.join("codchi.log"), LIMIT) {
        let _ = subscriber(filter, Mutex::new(Masked(log))).try_init();
    }
}

fn subscriber<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let log = fmt::layer().with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(log.with_filter(filter.and(filter_fn(tells_no_payload))))
}

/// What libraries say below `info` may be what passes through them: the bytes of a pipe, a message to the keyring.
fn tells_no_payload(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("codchi")
}

/// A file that is appended to and renamed when it is full. Several processes may write to it: each line is one write, and one that
/// still has the renamed file open moves on at its own next rotation.
struct RotatedFile {
    path: PathBuf,
    file: File,
    limit: u64,
}

impl RotatedFile {
    fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        Ok(Self { file: append(&path)?, path, limit })
    }

    fn rotate(&mut self) -> io::Result<()> {
        // Another process may have renamed it already; then the file of that name is small again.
        if std::fs::metadata(&self.path).is_ok_and(|file| file.len() >= self.limit) {
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        self.file = append(&self.path)?;
        Ok(())
    }
}

impl Write for RotatedFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.file.metadata()?.len() >= self.limit {
            self.rotate()?;
        }
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Masks secrets. An event is one write, so that nothing of it is missed.
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&secret::known().bytes(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        let hidden = secret::SecretValue::new("canary of the log").unwrap();
        secret::hide(&hidden);
        let mut log = Masked(Vec::new());
        let line = "ERROR can't push: canary of the log, ghp_0123456789abcdefghijABCDEFGHIJ012345\n";
        log.write_all(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(log.0).unwrap(), "ERROR can't push: •••, •••\n");
    }

    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_passes_through_libraries_is_not_kept() {
        let log = Shared::default();
        let writer = log.clone();
        let all = subscriber(EnvFilter::new("trace"), move || writer.clone());
        tracing::subscriber::with_default(all, || {
            tracing::trace!(target: "tungstenite::protocol", "a payload");
            tracing::debug!(target: "zbus", "a message");
            tracing::trace!(target: "codchi_nix", "ours");
            tracing::info!(target: "zbus", "connected");
        });
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("ours") && text.contains("connected"), "{text}");
        assert!(!text.contains("payload") && !text.contains("message"), "{text}");
    }

    #[test]
    fn a_full_file_makes_room_and_two_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/codchi.log");
        let mut log = RotatedFile::open(path.clone(), 10).unwrap();
        for line in ["first line\n", "second line\n", "third\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third\n");
        assert_eq!(std::fs::read_to_string(path.with_extension("log.1")).unwrap(), "second line\n");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }
}
