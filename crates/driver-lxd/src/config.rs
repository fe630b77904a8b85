//! Where the engine is and how instances are made in it. Nothing here touches the environment or the file system.

use std::path::PathBuf;

use codchi_controller::driver::DriverKind;

/// Which of the two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Canonical's LXD.
    Lxd,
    /// Incus, of the Linux Containers project.
    Incus,
}

impl Flavour {
    /// The engine's name as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lxd => "LXD",
            Self::Incus => "Incus",
        }
    }

    /// The driver that this is.
    pub const fn kind(self) -> DriverKind {
        match self {
            Self::Lxd => DriverKind::Lxd,
            Self::Incus => DriverKind::Incus,
        }
    }
}

/// How to reach and use an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LxdConfig {
    /// Which engine it is.
    pub flavour: Flavour,
    /// Its unix socket.
    pub socket: PathBuf,
    /// The project to work in; `None` is the engine's default one.
    pub project: Option<String>,
    /// The profile that instances get beside their own settings (network, limits).
    pub profile: String,
    /// The storage pool of volumes and root file systems; `None` takes that of the profile's root disk, else the only pool.
    pub pool: Option<String>,
}

impl LxdConfig {
    /// The engine's defaults at `socket`.
    pub fn new(flavour: Flavour, socket: impl Into<PathBuf>) -> Self {
        Self { flavour, socket: socket.into(), project: None, profile: "default".into(), pool: None }
    }
}

/// Where an engine's socket may be, the likeliest first, by the rules of the engines' own clients.
///
/// `env` looks a variable up; an empty value counts as unset. A variable that names a place rules out all others, because
/// whoever set it means this engine and no other.
pub fn sockets(flavour: Flavour, env: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let env = |name| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let (socket, dir, defaults): (_, _, &[&str]) = match flavour {
        Flavour::Lxd => {
            ("LXD_SOCKET", "LXD_DIR", &["/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"])
        }
        Flavour::Incus => {
            ("INCUS_SOCKET", "INCUS_DIR", &["/run/incus/unix.socket", "/var/lib/incus/unix.socket"])
        }
    };
    if let Some(socket) = env(socket) {
        return vec![socket];
    }
    if let Some(dir) = env(dir) {
        return vec![dir.join("unix.socket")];
    }
    defaults.iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flavour: Flavour, vars: &[(&str, &str)]) -> Vec<String> {
        let look =
            |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        sockets(flavour, look).into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_usual_places_are_tried_when_nothing_is_set() {
        assert_eq!(
            with(Flavour::Lxd, &[]),
            ["/var/snap/lxd/common/lxd/unix.socket", "/var/lib/lxd/unix.socket"]
        );
        assert_eq!(with(Flavour::Incus, &[]), ["/run/incus/unix.socket", "/var/lib/incus/unix.socket"]);
    }

    #[test]
    fn a_directory_rules_out_the_usual_places() {
        assert_eq!(with(Flavour::Lxd, &[("LXD_DIR", "/tmp/a")]), ["/tmp/a/unix.socket"]);
        assert_eq!(with(Flavour::Incus, &[("INCUS_DIR", "/tmp/a")]), ["/tmp/a/unix.socket"]);
    }

    #[test]
    fn a_socket_wins_over_a_directory() {
        let vars = [("LXD_DIR", "/tmp/a"), ("LXD_SOCKET", "/tmp/b.sock")];
        assert_eq!(with(Flavour::Lxd, &vars), ["/tmp/b.sock"]);
        let vars = [("INCUS_DIR", "/tmp/a"), ("INCUS_SOCKET", "/tmp/b.sock")];
        assert_eq!(with(Flavour::Incus, &vars), ["/tmp/b.sock"]);
    }

    #[test]
    fn an_empty_variable_is_unset_and_the_other_engines_are_ignored() {
        let vars = [("LXD_DIR", ""), ("LXD_SOCKET", ""), ("INCUS_DIR", "/tmp/a")];
        assert_eq!(with(Flavour::Lxd, &vars).len(), 2);
        assert_eq!(with(Flavour::Incus, &[("LXD_SOCKET", "/tmp/b.sock")]).len(), 2);
    }
}
