//! Starting `nix-daemon` and asking it whether it works.
//!
//! PID 1 itself owns the listening socket and hands it over as systemd's socket activation does (sd_listen_fds(3)):
//! clients that connect while the daemon is being restarted wait in the queue instead of failing. The hand-over
//! goes through one more exec of this binary (`ctrl-serve daemon`), because LISTEN_PID must be the daemon's own
//! id and its socket must be descriptor 3, which a parent cannot arrange without unsafe code.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bundle::BUNDLE;
use crate::handshake::{self, Reply};
use crate::signals;

/// Where nix looks for its daemon.
pub(crate) const SOCKET: &str = "/nix/var/nix/daemon-socket/socket";
/// The daemon's own settings; clients read `/etc/nix` and are not trusted with these.
const CONF_DIR: &str = "/etc/nix-daemon";
/// Settings of the host's proxy, `KEY=VALUE` lines, put there by the host after each start: in memory, because it may tell of the
/// host's network.
pub(crate) const PROXY_FILE: &str = "/run/codchi/proxy.env";
/// The only variables [`PROXY_FILE`] may set.
const PROXY_KEYS: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
/// The variables by which the libraries under nix and git find the CA bundle.
const BUNDLE_KEYS: [&str; 4] = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"];

/// The variable in which the engine's configuration carries what the host offers to builds, such as `kvm`.
const FEATURES: &str = "CODCHI_SYSTEM_FEATURES";

/// Opens the daemon's socket for everyone, in place of one that an earlier boot left in the volume.
///
/// # Errors
/// The socket cannot be made.
pub(crate) fn listen(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// Starts the daemon on `listener`; its id.
///
/// # Errors
/// The process cannot be started.
pub(crate) fn spawn(listener: &UnixListener) -> io::Result<i32> {
    let socket: OwnedFd = listener.try_clone()?.into();
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("daemon")
        .env_clear()
        .envs(environment(&std::fs::read_to_string(PROXY_FILE).unwrap_or_default()))
        .envs(features(&std::env::var(FEATURES).unwrap_or_default()).map(|config| ("NIX_CONFIG", config)));
    let child = command.stdin(Stdio::from(socket)).spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

/// The daemon's whole environment. `NIX_REMOTE` is never in it: the daemon would talk to itself.
fn environment(proxy: &str) -> Vec<(String, String)> {
    let fixed = [
        ("PATH", "/usr/bin:/usr/sbin:/bin:/sbin"),
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
        ("NIX_CONF_DIR", CONF_DIR),
        ("LISTEN_FDS", "1"),
    ];
    let own = |(k, v): (&str, &str)| (k.to_owned(), v.to_owned());
    fixed
        .map(own)
        .into_iter()
        .chain(BUNDLE_KEYS.map(|k| own((k, BUNDLE))))
        .chain(
            proxy
                .lines()
                .filter_map(|line| line.trim().split_once('='))
                .filter(|(k, _)| PROXY_KEYS.contains(&k.to_ascii_lowercase().as_str()))
                .map(|(k, v)| own((k, v.trim_matches('"')))),
        )
        .collect()
}

/// The daemon's settings for what the host offers. Nix gives `/dev/kvm` to builds by itself.
fn features(offered: &str) -> Option<String> {
    let is_name = |word: &&str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let names: Vec<&str> = offered.split_ascii_whitespace().filter(is_name).collect();
    if names.is_empty() {
        return None;
    }
    let mut config = format!("extra-system-features = {}\n", names.join(" "));
    if names.contains(&"cuda") {
        let nodes =
            ["nvidia0", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"].map(|node| format!("/dev/{node}?"));
        config.push_str(&format!("extra-sandbox-paths = {}\n", nodes.join(" ")));
    }
    Some(config)
}

/// Becomes `nix-daemon` with the listening socket that is standard input. Returns only on failure.
pub(crate) fn become_daemon() -> io::Error {
    let socket = match nix::unistd::dup(io::stdin().as_fd()) {
        Ok(fd) => fd.into_raw_fd(),
        Err(e) => return e.into(),
    };
    if let Err(e) = signals::unblock() {
        return e;
    }
    if socket != 3 {
        return io::Error::other(format!("the daemon's socket must be descriptor 3, it became {socket}"));
    }
    Command::new("nix-daemon")
        .arg("--daemon")
        .env("LISTEN_PID", std::process::id().to_string())
        .stdin(Stdio::null())
        .exec()
}

/// One question to the daemon in flight.
#[derive(Debug)]
pub(crate) struct Probe {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Probe {
    /// Connects and says everything a client says; the answer is waited for with the loop's other events.
    ///
    /// # Errors
    /// The socket cannot be connected to or written.
    pub(crate) fn send(socket: &Path) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_nonblocking(true)?;
        stream.write_all(&handshake::greeting())?;
        Ok(Probe { stream, received: Vec::new() })
    }

    /// Reads what has come. A closed connection counts as foreign.
    ///
    /// # Errors
    /// Reading failed for another reason than that nothing is there.
    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let mut buffer = [0; 512];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(Reply::Foreign),
                Ok(n) => {
                    self.received.extend_from_slice(&buffer[..n]);
                    match handshake::parse_reply(&self.received) {
                        Reply::Incomplete => {}
                        reply => return Ok(reply),
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(Reply::Incomplete),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// What to poll for reading.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_has_no_nix_remote_and_only_proxy_keys_from_the_file() {
        let env = environment(
            "https_proxy=\"http://p:3128\"\nNO_PROXY=localhost\nNIX_REMOTE=daemon\nLD_PRELOAD=/x\n# c\n",
        );
        let get = |k: &str| env.iter().find(|(key, _)| key == k).map(|(_, v)| v.as_str());
        assert_eq!(get("https_proxy"), Some("http://p:3128"));
        assert_eq!(get("NO_PROXY"), Some("localhost"));
        assert_eq!((get("NIX_REMOTE"), get("LD_PRELOAD")), (None, None));
        assert_eq!(get("NIX_SSL_CERT_FILE"), Some(BUNDLE));
    }

    #[test]
    fn only_names_of_features_become_settings() {
        assert_eq!(features(""), None);
        assert_eq!(features("kvm").as_deref(), Some("extra-system-features = kvm\n"));
        assert_eq!(features("kvm a=b\nsandbox"), Some("extra-system-features = kvm sandbox\n".to_owned()));
        assert!(features("cuda").unwrap().contains("extra-sandbox-paths = /dev/nvidia0? "));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_open_to_all() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        drop(listen(&socket).unwrap());
        let _listener = listen(&socket).unwrap();
        assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o666);
        UnixStream::connect(&socket).unwrap();
    }

    #[test]
    fn a_probe_hears_the_version_through_a_queueing_socket() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let listener = listen(&socket).unwrap();
        let mut probe = Probe::send(&socket).unwrap();
        assert_eq!(probe.receive().unwrap(), Reply::Incomplete);
        let (mut peer, _) = listener.accept().unwrap();
        let mut greeting = [0; 32];
        peer.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting.to_vec(), handshake::greeting());
        let words = |w: &[u64]| w.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let reply =
            [words(&[0x6478_696f, (1 << 8) | 38, 6]), b"2.26.3\0\0".to_vec(), words(&[2, 0x616c_7473])]
                .concat();
        peer.write_all(&reply).unwrap();
        assert_eq!(probe.receive().unwrap(), Reply::Answered("2.26.3".into()));
    }
}
