//! Does the engine answer: it isn't installed, doesn't run, or doesn't let this user in.

use crate::{
    doctor::{
        CheckGroup,
        commands::{self, Plan},
        engines::{self, Installed, Names},
        finding::{Finding, Subject},
    },
    driver::{DriverError, DriverKind, EngineInfo},
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "engine", group: CheckGroup::Engine, title: "Container engine" };

/// What isn't running yet is installed or started; `install` is what installs it.
pub(in crate::doctor) fn check(
    host: &dyn Host,
    kind: DriverKind,
    engine: Result<&EngineInfo, &DriverError>,
    install: Option<Plan>,
) -> Finding {
    let error = match engine {
        Ok(EngineInfo { name, version, endpoint }) => {
            return Finding::ok("answers", "It answers.").seen(format!("{name} {version} at {endpoint}"));
        }
        Err(error) => error,
    };
    let seen = words(error);
    let finding = match error {
        DriverError::Denied { endpoint, .. } => denied(host, kind, endpoint),
        DriverError::Unreachable { .. } => match engines::installed(host, kind) {
            Some(installed) => stopped(host, &installed),
            None => Finding::fail("missing", "Neither LXD nor Incus is installed. Codchi needs one of them.")
                .mended_by(install),
        },
        _ => Finding::fail("error", "It answers with an error."),
    };
    finding.seen(seen)
}

fn stopped(host: &dyn Host, installed: &Installed) -> Finding {
    Finding::fail("stopped", "{engine} is installed and doesn't run.")
        .with("engine", installed.names.title)
        .mended_by(commands::start(host, installed))
}

fn denied(host: &dyn Host, kind: DriverKind, endpoint: &str) -> Finding {
    let names = Names::of(kind);
    let group = socket_group(host, endpoint).unwrap_or_else(|| names.group.to_owned());
    let user = host.user().name;
    let finding = match engines::group(host, &group) {
        // Whoever is in root's group may do more than use the engine.
        Some((0, _)) => Finding::fail(
            "root_only",
            "Only the administrator may use {engine}: its socket belongs to the group {group}.",
        ),
        None => Finding::fail(
            "no_group",
            "This user may not use {engine}, and there is no group {group} that may.",
        ),
        Some((_, members)) if members.contains(&user) => Finding::fail(
            "relogin",
            "You are in the group {group}, but this session began before that. Log out and in again; `newgrp {group}` does it for one terminal.",
        ),
        Some(_) => Finding::fail("denied", "This user may not use {engine}. Its group {group} may.")
            .mended_by(commands::join(host, &group)),
    };
    finding.with("engine", names.title).with("group", group).with("user", user)
}

/// The group that the socket belongs to.
#[cfg(unix)]
fn socket_group(host: &dyn Host, endpoint: &str) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(host.path(std::path::Path::new(endpoint))).ok()?;
    engines::group_name(host, metadata.gid())
}

#[cfg(not(unix))]
fn socket_group(_: &dyn Host, _: &str) -> Option<String> {
    None
}

fn words(error: &DriverError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::{CheckState, checks::tests::Tree};

    fn unreachable() -> DriverError {
        DriverError::Unreachable {
            engine: "LXD".into(),
            endpoint: "/var/lib/lxd/unix.socket".into(),
            source: std::io::ErrorKind::NotFound.into(),
        }
    }

    fn denied() -> DriverError {
        DriverError::Denied { engine: "LXD".into(), endpoint: "/var/lib/lxd/unix.socket".into() }
    }

    fn reason(tree: &Tree, error: &DriverError) -> (&'static str, Option<Vec<Vec<String>>>) {
        let finding = check(&tree.host(), DriverKind::Lxd, Err(error), None);
        assert_eq!(finding.state, CheckState::Fail);
        let reason = finding.reason;
        (reason, finding.about(SUBJECT).0.fix.map(|fix| fix.commands))
    }

    #[test]
    fn not_installed_and_not_running_are_two_things() {
        let tree = Tree::new();
        assert_eq!(reason(&tree, &unreachable()), ("missing", None));
        tree.file("/usr/bin/lxd", "");
        assert_eq!(reason(&tree, &unreachable()), ("stopped", None), "nobody knows how to start it");
        tree.directory("/run/systemd/system");
        let (word, commands) = reason(&tree, &unreachable());
        assert_eq!(word, "stopped");
        assert_eq!(commands.unwrap()[0], ["systemctl", "enable", "--now", "lxd.service"]);
    }

    #[test]
    fn who_is_in_the_group_has_to_log_in_again() {
        let tree = Tree::new();
        assert_eq!(reason(&tree, &denied()).0, "no_group");
        tree.file("/etc/group", "lxd:x:105:\n");
        let (word, commands) = reason(&tree, &denied());
        assert_eq!(
            (word, commands.unwrap()),
            ("denied", vec![["usermod", "--append", "--groups", "lxd", "me"].map(str::to_owned).to_vec()])
        );
        tree.file("/etc/group", "lxd:x:105:you,me\n");
        let finding = check(&tree.host(), DriverKind::Lxd, Err(&denied()), None);
        let (told, plan) = finding.about(SUBJECT);
        assert_eq!((told.reason.as_str(), plan), ("relogin", None));
        assert!(told.explanation.contains("`newgrp lxd`"), "{}", told.explanation);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_is_put_into_the_group_of_root() {
        use std::os::unix::fs::MetadataExt as _;
        let tree = Tree::new();
        tree.file("/var/lib/lxd/unix.socket", "");
        let gid = std::fs::metadata(tree.host().path(std::path::Path::new("/var/lib/lxd/unix.socket")))
            .unwrap()
            .gid();
        if gid == 0 {
            tree.file("/etc/group", "root:x:0:\n");
            assert_eq!(reason(&tree, &denied()), ("root_only", None));
        } else {
            tree.file("/etc/group", &format!("others:x:{gid}:\n"));
            assert_eq!(reason(&tree, &denied()).0, "denied");
        }
    }
}
