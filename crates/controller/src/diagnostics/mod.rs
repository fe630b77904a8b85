//! The diagnostics bundle: one zip with what somebody needs who is to find out why something doesn't work. What is in it is shown before
//! it is saved.
//!
//! Everything that goes in is text in which secrets are masked, and that passed [`scrub`]: no password, token or secret. Values of secrets are in no file of ours, so
//! none can get in from there; what a program printed is bounded and scrubbed. Nothing is sent anywhere.

mod scrub;

use std::{
    io::{Cursor, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    controller::Controller,
    error::Error,
    files::{self, FileError},
    operation::Operation,
    secret,
};

/// As much of the end of one log is taken, in bytes.
const LOG_BYTES: u64 = 512 << 10;

/// The logs of so many operations are taken, the newest.
const OPERATIONS: usize = 20;

/// What the bundle has, before it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BundleContents {
    /// Its files.
    pub files: Vec<BundleFile>,
    /// A name for the zip that says what it is and when it was made.
    pub suggested_name: String,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct BundleFile {
    /// Its path in the zip.
    pub name: String,
    /// Its size before it is compressed.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub bytes: u64,
    /// What is in it, in a few words.
    pub about: String,
}

/// The bundle itself.
pub struct Bundle {
    files: Vec<(BundleFile, String)>,
}

impl Bundle {
    fn add(&mut self, name: impl Into<String>, about: &str, text: &str) {
        let text = scrub::scrub(&secret::known().text(text));
        let bytes = text.len() as u64;
        self.files.push((BundleFile { name: name.into(), bytes, about: about.to_owned() }, text));
    }

    fn add_json(&mut self, name: impl Into<String>, about: &str, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string());
        self.add(name, about, &text);
    }

    /// What is in it.
    pub fn contents(&self) -> BundleContents {
        let now = time::OffsetDateTime::now_utc();
        let (date, (hour, minute, second)) = (now.date(), now.time().as_hms());
        BundleContents {
            files: self.files.iter().map(|(file, _)| file.clone()).collect(),
            suggested_name: format!("codchi-diagnostics-{date}-{hour:02}{minute:02}{second:02}.zip"),
        }
    }

    /// Writes the zip; a file that is there is replaced.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let io = |source| FileError::Io { path: path.to_owned(), source };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (file, text) in &self.files {
            zip.start_file(file.name.as_str(), options).map_err(|error| io(std::io::Error::other(error)))?;
            zip.write_all(text.as_bytes()).map_err(io)?;
        }
        let bytes = zip.finish().map_err(|error| io(std::io::Error::other(error)))?.into_inner();
        Ok(files::write_atomic(path, &bytes)?)
    }
}

impl Controller {
    /// Collects the bundle. `version` is that of this Codchi. What can't be read is left out, or says so.
    pub async fn diagnostics(&self, version: &str) -> Bundle {
        let mut bundle = Bundle { files: Vec::new() };
        let (checks, engine) = tokio::join!(self.diagnose(), self.driver.inspect());
        let release = self.images.as_ref().map(|images| images.release.as_str());
        bundle.add_json(
            "versions.json",
            "versions of Codchi, its images and this system",
            &serde_json::json!({
                "codchi": version,
                "driver": self.driver.kind(),
                "images": release,
                "system": std::env::consts::OS,
                "architecture": std::env::consts::ARCH,
                "kernel": self.text("/proc/sys/kernel/osrelease"),
                "distribution": self.text("/etc/os-release"),
            }),
        );
        bundle.add_json("checks.json", "what Doctor found", &checks);
        match engine {
            Ok(report) => bundle.add_json("engine.json", "how the engine is set up", &report),
            Err(error) => bundle.add("engine.txt", "why the engine can't be asked", &error.to_string()),
        }
        match self.settings() {
            Ok(settings) => bundle.add_json("settings.json", "your settings", &settings),
            Err(error) => bundle.add("settings.txt", "why the settings can't be read", &error.to_string()),
        }
        match self.status().await {
            Ok(snapshot) => bundle.add_json("status.json", "your machines as they are", &snapshot),
            Err(error) => bundle.add("status.txt", "why the machines can't be read", &error.to_string()),
        }
        self.add_machines(&mut bundle);
        self.add_operations(&mut bundle);
        for name in ["codchi.log", "codchi.log.1"] {
            if let Some(text) = end_of(&self.paths.data.join(name)) {
                bundle.add(name, "the developers' log", &text);
            }
        }
        bundle
    }

    fn add_machines(&self, bundle: &mut Bundle) {
        for machine in self.known_machines().unwrap_or_default() {
            let name = &machine.name;
            match &machine.spec {
                Ok(spec) => {
                    bundle.add_json(format!("machines/{name}/machine.json"), "what is wanted of it", spec);
                }
                Err(failure) => {
                    bundle.add_json(format!("machines/{name}/problem.json"), "why it can't be read", failure);
                }
            }
            if let Ok(Some(lock)) = self.machines.lock(name) {
                bundle.add(format!("machines/{name}/flake.lock"), "its modules' versions", &lock);
            }
            // Which secrets are answered is in there, never with what.
            bundle.add_json(format!("machines/{name}/record.json"), "its last build", &machine.record);
        }
    }

    fn add_operations(&self, bundle: &mut Bundle) {
        for operation in self.operations(None, OPERATIONS) {
            let Operation { id, .. } = operation;
            bundle.add_json(format!("operations/{id}/operation.json"), &operation.description(), &operation);
            if let Some(text) = end_of(&self.operations.log_path(id)) {
                bundle.add(format!("operations/{id}/log.jsonl"), "what it said", &text);
            }
        }
    }

    /// A small text of the host.
    fn text(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.host.path(Path::new(path))).ok()?;
        Some(text.trim().to_owned())
    }
}

/// The last lines of a file, as many as fit; `None` where there is nothing.
fn end_of(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let cut = length > LOG_BYTES;
    if cut {
        file.seek(SeekFrom::Start(length - LOG_BYTES)).ok()?;
    }
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line may be the end of one.
    let text = if cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_begins_with_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        assert_eq!(end_of(&path), None);
        let lines: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, &lines).unwrap();
        let end = end_of(&path).unwrap();
        assert!(end.len() as u64 <= LOG_BYTES && end.starts_with("line ") && end.ends_with("line 99999\n"));
    }

    #[test]
    fn what_is_saved_is_what_was_listed_without_passwords() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bundle.zip");
        let mut bundle = Bundle { files: Vec::new() };
        bundle.add("a/log", "a log", "fetching https://me:s3cret@git.example/x\n");
        bundle.save(&path).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
        let contents = bundle.contents();
        assert_eq!((zip.len(), contents.files[0].name.as_str()), (1, "a/log"));
        let mut text = String::new();
        zip.by_name("a/log").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, contents.files[0].bytes);
        assert!(text.contains("git.example") && !text.contains("s3cret"), "{text}");
    }
}
