//! Looking for an engine on this host that runs, lets us in and has a place for containers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Name, variable that names its socket, and socket of the first prepared engine.
pub(crate) fn prepared() -> Option<(&'static str, &'static str, PathBuf)> {
    candidates(|name| std::env::var(name).ok())
        .into_iter()
        .find(|(_, _, socket)| get(socket, "/1.0/storage-pools").is_some_and(|answer| has_entries(&answer)))
}

/// Where engines listen, the named ones first.
fn candidates(variable: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, &'static str, PathBuf)> {
    let named = [
        ("lxd", "LXD_SOCKET", variable("LXD_SOCKET").map(PathBuf::from)),
        ("lxd", "LXD_SOCKET", variable("LXD_DIR").map(|d| Path::new(&d).join("unix.socket"))),
        ("incus", "INCUS_SOCKET", variable("INCUS_SOCKET").map(PathBuf::from)),
        ("incus", "INCUS_SOCKET", variable("INCUS_DIR").map(|d| Path::new(&d).join("unix.socket"))),
        ("lxd", "LXD_SOCKET", Some("/var/snap/lxd/common/lxd/unix.socket".into())),
        ("lxd", "LXD_SOCKET", Some("/var/lib/lxd/unix.socket".into())),
        ("incus", "INCUS_SOCKET", Some("/var/lib/incus/unix.socket".into())),
    ];
    named.into_iter().filter_map(|(name, variable, socket)| Some((name, variable, socket?))).collect()
}

/// The body of one GET over a unix socket; the engine closes the connection after it.
fn get(socket: &Path, path: &str) -> Option<Value> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

fn has_entries(answer: &Value) -> bool {
    answer["metadata"].as_array().is_some_and(|pools| !pools.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_named_engine_comes_before_the_usual_places() {
        let found = candidates(|name| (name == "INCUS_DIR").then(|| "/w/incus".to_owned()));
        assert_eq!(found[0], ("incus", "INCUS_SOCKET", PathBuf::from("/w/incus/unix.socket")));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn an_engine_without_a_pool_is_not_prepared() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || {
            for body in [r#"{"metadata":[]}"#, r#"{"metadata":["/1.0/storage-pools/default"]}"#] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let _ = stream.read(&mut request).unwrap();
                write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}").unwrap();
            }
        });
        assert!(!has_entries(&get(&socket, "/1.0/storage-pools").unwrap()));
        assert!(has_entries(&get(&socket, "/1.0/storage-pools").unwrap()));
        server.join().unwrap();
        assert!(get(&dir.path().join("none"), "/").is_none());
    }
}
