//! Which engines are installed on the host, and what their programs, groups and services are called.

use std::path::{Path, PathBuf};

use crate::{driver::DriverKind, host::Host};

/// Where programs are looked for beside `PATH`: users often have no directory of the administrator's in theirs.
const USUAL_PLACES: &[&str] =
    &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin"];

/// An engine's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) kind: DriverKind,
    /// As people write it.
    pub(crate) title: &'static str,
    /// Its client.
    pub(crate) client: &'static str,
    /// Its daemon's program; looked for in [`USUAL_PLACES`] where it has no directory.
    daemons: &'static [&'static str],
    /// The group that may use it.
    pub(crate) group: &'static str,
    /// Its service.
    pub(crate) service: &'static str,
    /// The variables that say where it is.
    pub(crate) variables: &'static [&'static str],
    /// The bridge it makes by default.
    pub(crate) bridge: &'static str,
}

const LXD: Names = Names {
    kind: DriverKind::Lxd,
    title: "LXD",
    client: "lxc",
    daemons: &["lxd"],
    group: "lxd",
    service: "lxd",
    variables: &["LXD_DIR", "LXD_SOCKET"],
    bridge: "lxdbr0",
};

const INCUS: Names = Names {
    kind: DriverKind::Incus,
    title: "Incus",
    client: "incus",
    daemons: &["/usr/libexec/incus/incusd", "/opt/incus/bin/incusd", "/usr/lib/incus/incusd", "incusd"],
    group: "incus-admin",
    service: "incus",
    variables: &["INCUS_DIR", "INCUS_SOCKET"],
    bridge: "incusbr0",
};

impl Names {
    /// Where its packages put its daemon.
    pub(crate) fn usual_daemon(&self) -> &'static str {
        match self.kind {
            DriverKind::Incus => "/usr/libexec/incus/incusd",
            _ => "/usr/bin/lxd",
        }
    }

    /// Those of the engine behind a driver; the fake one is called as LXD is.
    pub(crate) fn of(kind: DriverKind) -> Self {
        match kind {
            DriverKind::Incus => INCUS,
            DriverKind::Lxd | DriverKind::Wsl | DriverKind::Fake => LXD,
        }
    }

    /// The variables that are set, as `env` takes them: the administrator's environment doesn't have them.
    pub(crate) fn assignments(&self, host: &dyn Host) -> Vec<String> {
        let set = |name: &&str| host.variable(name).map(|value| format!("{name}={value}"));
        self.variables.iter().filter_map(set).collect()
    }
}

/// An engine whose programs are on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) names: Names,
    /// Its daemon.
    pub(crate) daemon: PathBuf,
    /// Whether it came as a snap.
    pub(crate) snap: bool,
}

/// The wanted engine, else the other one, unless the user said which it has to be.
pub(crate) fn installed(host: &dyn Host, wanted: DriverKind) -> Option<Installed> {
    let wanted = Names::of(wanted);
    let other = if wanted == LXD { INCUS } else { LXD };
    let chosen = host.variable("CODCHI_DRIVER").is_some();
    find(host, wanted).or_else(|| if chosen { None } else { find(host, other) })
}

fn find(host: &dyn Host, names: Names) -> Option<Installed> {
    let daemon = names.daemons.iter().find_map(|name| program(host, name))?;
    let snap = daemon.starts_with("/snap");
    Some(Installed { names, daemon, snap })
}

/// Where a program is, as a path of the host.
pub(crate) fn program(host: &dyn Host, name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        return host.path(Path::new(name)).is_file().then(|| name.into());
    }
    let path = host.variable("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).filter(|place| place.is_absolute());
    let mut places = own.chain(USUAL_PLACES.iter().map(PathBuf::from));
    places.find_map(|place| {
        let file = place.join(name);
        host.path(&file).is_file().then_some(file)
    })
}

/// Whether systemd runs the host (sd_booted(3)).
pub(crate) fn has_systemd(host: &dyn Host) -> bool {
    host.path(Path::new("/run/systemd/system")).is_dir()
}

/// Whether an init that runs scripts is the host's first process. In a container that may be anything.
pub(crate) fn has_init(host: &dyn Host) -> bool {
    matches!(read(host, "/proc/1/comm").trim(), "init" | "openrc-init")
}

/// A text file of the host; empty where there is none.
pub(crate) fn read(host: &dyn Host, path: &str) -> String {
    std::fs::read(host.path(Path::new(path)))
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// A group's number and members, from `/etc/group`.
pub(crate) fn group(host: &dyn Host, wanted: &str) -> Option<(u32, Vec<String>)> {
    read(host, "/etc/group").lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != wanted {
            return None;
        }
        let gid = fields.nth(1)?.parse().ok()?;
        let members = fields.next().unwrap_or_default().split(',').filter(|name| !name.is_empty());
        Some((gid, members.map(str::to_owned).collect()))
    })
}

/// The name of a group, from `/etc/group`.
pub(crate) fn group_name(host: &dyn Host, gid: u32) -> Option<String> {
    read(host, "/etc/group").lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::checks::tests::Tree, host::RecordedHost};

    #[test]
    fn an_engine_is_found_by_its_daemon_and_the_other_one_is_second_best() {
        let tree = Tree::new();
        assert_eq!(installed(&tree.host(), DriverKind::Lxd), None);
        tree.file("/usr/libexec/incus/incusd", "");
        let found = installed(&tree.host(), DriverKind::Lxd).unwrap();
        assert_eq!((found.names.title, found.snap), ("Incus", false));
        let forced: RecordedHost = tree.host().with_variable("CODCHI_DRIVER", "lxd");
        assert_eq!(installed(&forced, DriverKind::Lxd), None);
        tree.file("/snap/bin/lxd", "");
        assert!(installed(&tree.host(), DriverKind::Lxd).unwrap().snap);
    }

    #[test]
    fn groups_are_read_from_the_file() {
        let tree = Tree::new();
        tree.file("/etc/group", "root:x:0:\nlxd:x:105:me,you\nbroken\nempty:x:7:\n");
        assert_eq!(group(&tree.host(), "lxd"), Some((105, vec!["me".into(), "you".into()])));
        assert_eq!(group(&tree.host(), "empty"), Some((7, vec![])));
        assert_eq!(
            (group(&tree.host(), "broken"), group_name(&tree.host(), 105)),
            (None, Some("lxd".into()))
        );
    }
}
