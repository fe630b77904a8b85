//! Which engine keeps the machines of this computer, and where it listens.
//!
//! Talking to it is the drivers' part; here it is only found out whether somebody listens.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use codchi_driver_lxd::{Flavour, LxdConfig, sockets};

use crate::{Environment, HostError};

/// The profile that the engines have from the start.
const DEFAULT_PROFILE: &str = "default";

/// What is found where an engine should listen, from the most to the least promising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Found {
    /// Somebody accepts connections.
    Answers,
    /// Somebody may listen, but this user isn't let in.
    Denied,
    /// There is a socket to which nobody listens.
    Silent,
    /// There is nothing.
    Nothing,
}

/// Decides for an engine: the one named in `CODCHI_DRIVER`, else the most promising of LXD and Incus. Among equals the one whose own
/// variables are set (`LXD_DIR`, `LXD_SOCKET`, `INCUS_DIR`, `INCUS_SOCKET`) wins, then LXD. Where nothing is found it is the first
/// socket that was looked for, so that everything which needs no engine still works and says what is missing.
pub(crate) fn choose(
    environment: &Environment,
    probe: impl Fn(&Path) -> Found,
) -> Result<LxdConfig, HostError> {
    let mut flavours = match environment.text("CODCHI_DRIVER").as_deref() {
        Some("lxd") => vec![Flavour::Lxd],
        Some("incus") => vec![Flavour::Incus],
        Some(other) => return Err(HostError::UnknownDriver { name: other.to_owned() }),
        None => vec![Flavour::Lxd, Flavour::Incus],
    };
    flavours.sort_by_key(|flavour| !is_named(environment, *flavour));
    let lookup = |name: &str| environment.text(name);
    let candidates: Vec<(Flavour, PathBuf)> = flavours
        .into_iter()
        .flat_map(|flavour| sockets(flavour, lookup).into_iter().map(move |socket| (flavour, socket)))
        .collect();
    let (flavour, socket) =
        candidates.into_iter().min_by_key(|(_, socket)| probe(socket)).ok_or(HostError::NoEngine)?;
    Ok(LxdConfig {
        flavour,
        socket,
        project: environment.text("CODCHI_LXD_PROJECT"),
        profile: environment.text("CODCHI_LXD_PROFILE").unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
        pool: environment.text("CODCHI_LXD_POOL"),
    })
}

fn is_named(environment: &Environment, flavour: Flavour) -> bool {
    let (socket, directory) = match flavour {
        Flavour::Lxd => ("LXD_SOCKET", "LXD_DIR"),
        Flavour::Incus => ("INCUS_SOCKET", "INCUS_DIR"),
    };
    environment.path(socket).or_else(|| environment.path(directory)).is_some()
}

/// Connects to the socket and hangs up.
#[cfg(unix)]
pub(crate) fn probe(socket: &Path) -> Found {
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => Found::Answers,
        Err(error) => classify(error.kind()),
    }
}

/// Windows has no unix sockets of these engines.
#[cfg(not(unix))]
pub(crate) fn probe(_: &Path) -> Found {
    classify(ErrorKind::NotFound)
}

fn classify(kind: ErrorKind) -> Found {
    match kind {
        ErrorKind::PermissionDenied => Found::Denied,
        ErrorKind::NotFound | ErrorKind::NotADirectory => Found::Nothing,
        _ => Found::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAP: &str = "/var/snap/lxd/common/lxd/unix.socket";

    fn chosen(environment: &Environment, answering: &[&str]) -> (Flavour, PathBuf) {
        let probe = |socket: &Path| {
            if answering.iter().any(|path| Path::new(path) == socket) {
                Found::Answers
            } else {
                Found::Nothing
            }
        };
        let config = choose(environment, probe).unwrap();
        (config.flavour, config.socket)
    }

    #[test]
    fn the_engine_that_answers_is_taken() {
        let nothing = Environment::default();
        let incus = sockets(Flavour::Incus, |_| None).remove(0);
        assert_eq!(chosen(&nothing, &[SNAP]), (Flavour::Lxd, SNAP.into()));
        assert_eq!(chosen(&nothing, &[incus.to_str().unwrap()]), (Flavour::Incus, incus.clone()));
        assert_eq!(chosen(&nothing, &[SNAP, incus.to_str().unwrap()]).0, Flavour::Lxd, "LXD is asked first");
    }

    #[test]
    fn without_any_engine_the_usual_socket_is_taken() {
        let (flavour, socket) = chosen(&Environment::default(), &[]);
        assert_eq!(flavour, Flavour::Lxd);
        assert_eq!(Some(socket), sockets(Flavour::Lxd, |_| None).into_iter().next());
    }

    #[test]
    fn the_user_can_decide() {
        let forced = Environment::from([("CODCHI_DRIVER", "incus")]);
        assert_eq!(chosen(&forced, &[SNAP]).0, Flavour::Incus, "even when the other one answers");
        let named = Environment::from([("INCUS_DIR", "/tmp/incus")]);
        assert_eq!(
            chosen(&named, &[SNAP, "/tmp/incus/unix.socket"]),
            (Flavour::Incus, "/tmp/incus/unix.socket".into())
        );
        let unknown = Environment::from([("CODCHI_DRIVER", "docker")]);
        assert!(matches!(choose(&unknown, |_| Found::Nothing), Err(HostError::UnknownDriver { .. })));
    }

    #[test]
    fn a_socket_that_refuses_is_more_than_none() {
        let found = choose(&Environment::default(), |socket| {
            if socket.to_string_lossy().contains("incus") { Found::Denied } else { Found::Nothing }
        });
        assert_eq!(found.unwrap().flavour, Flavour::Incus);
    }

    #[test]
    fn project_profile_and_pool_are_handed_on() {
        let environment = Environment::from([
            ("CODCHI_LXD_PROJECT", "dev"),
            ("CODCHI_LXD_PROFILE", "codchi"),
            ("CODCHI_LXD_POOL", "fast"),
        ]);
        let config = choose(&environment, |_| Found::Nothing).unwrap();
        assert_eq!(
            (config.project.as_deref(), config.profile.as_str(), config.pool.as_deref()),
            (Some("dev"), "codchi", Some("fast"))
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_probed_by_connecting() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("unix.socket");
        assert_eq!(probe(&socket), Found::Nothing);
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(probe(&socket), Found::Answers);
        drop(listener);
        assert_eq!(probe(&socket), Found::Silent);
    }
}
