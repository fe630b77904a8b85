//! `ctrl-serve host`: takes over what the controller has from its host, as JSON on stdin: certificate authorities, which are public and
//! kept for the next start, and the proxy, which is kept in memory. What is as it was isn't written; the daemon is started again only
//! for another proxy.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{bundle, daemon};

/// More than this is no settings.
const LARGEST: u64 = 4 << 20;
/// The host's authorities, beside those that were put there otherwise.
const CERTIFICATES: &str = "host.crt";

/// What the controller has from its host.
#[derive(Debug, serde::Deserialize)]
struct Settings {
    /// In PEM, one after the other.
    certificates: String,
    /// `NAME=VALUE` lines without passwords.
    proxy: String,
}

/// Why it was left as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error("cannot read the host's settings: {0}")]
    Read(#[source] io::Error),
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: io::Error },
}

/// Takes the settings over. When it returns, new connections trust the new authorities.
///
/// # Errors
/// See [`HostError`].
pub(crate) fn take(input: &mut dyn Read) -> Result<(), HostError> {
    let mut json = Vec::new();
    input.take(LARGEST).read_to_end(&mut json).map_err(HostError::Read)?;
    let settings: Settings = serde_json::from_slice(&json)
        .map_err(|_| HostError::Read(io::Error::other("they have an unexpected form")))?;
    let certificates = Path::new(bundle::EXTRA).join(CERTIFICATES);
    if replace(&certificates, &settings.certificates, 0o644)? {
        let (system, extra, to) =
            (Path::new(bundle::SYSTEM), Path::new(bundle::EXTRA), Path::new(bundle::BUNDLE));
        bundle::write(system, extra, to)
            .map_err(|source| HostError::Write { path: bundle::BUNDLE.into(), source })?;
    }
    let proxy = Path::new(daemon::PROXY_FILE);
    if replace(proxy, &settings.proxy, 0o600)? {
        // PID 1 starts it again; clients wait in its socket's queue.
        kill(Pid::from_raw(1), Signal::SIGHUP)
            .map_err(|error| HostError::Write { path: daemon::PROXY_FILE.into(), source: error.into() })?;
    }
    Ok(())
}

/// Replaces a file as a whole where its content is another one; whether it was. Nothing is no file.
fn replace(path: &Path, text: &str, mode: u32) -> Result<bool, HostError> {
    let at = |source| HostError::Write { path: path.display().to_string(), source };
    let there = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(at(error)),
    };
    if there == text.as_bytes() {
        return Ok(false);
    }
    if text.is_empty() {
        fs::remove_file(path).map_err(at)?;
        return Ok(true);
    }
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(at)?;
    }
    // Two at once each have their own.
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let written = File::options().write(true).create(true).truncate(true).mode(mode).open(&new);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&new, path)).map_err(at)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/host.crt");
        assert!(!replace(&file, "", 0o644).unwrap(), "nothing is as nothing was");
        assert!(replace(&file, "a", 0o644).unwrap());
        assert!(!replace(&file, "a", 0o644).unwrap());
        assert!(replace(&file, "b", 0o644).unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "b");
        assert!(replace(&file, "", 0o644).unwrap());
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 0);
    }
}
