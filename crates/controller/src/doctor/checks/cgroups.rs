//! Can the systemd of a container have its own control groups.

use std::path::Path;

use crate::{
    doctor::{
        CheckGroup, engines,
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "cgroups", group: CheckGroup::Engine, title: "Control groups" };

/// What the limits of machines are made with.
const CONTROLLERS: &[&str] = &["cpu", "memory", "pids"];

pub(in crate::doctor) fn check(host: &dyn Host) -> Finding {
    let unified = engines::read(host, "/sys/fs/cgroup/cgroup.controllers");
    let there = |path: &str| host.path(Path::new(path)).exists();
    if !unified.trim().is_empty() {
        let missing: Vec<_> = CONTROLLERS
            .iter()
            .filter(|name| !unified.split_whitespace().any(|word| word == **name))
            .copied()
            .collect();
        return if missing.is_empty() {
            Finding::ok("unified", "They are the second version's.").seen(unified.trim())
        } else {
            Finding::warn(
                "few_controllers",
                "The kernel has no control groups for {missing}: machines can't be limited in them.",
            )
            .with("missing", missing.join(", "))
            .seen(unified.trim())
        };
    }
    if there("/sys/fs/cgroup/unified/cgroup.procs") {
        return Finding::ok("hybrid", "They are of both versions.").seen("/sys/fs/cgroup/unified");
    }
    if there("/sys/fs/cgroup/memory") {
        return Finding::warn(
            "legacy",
            "They are the first version's, which newer systemds don't boot with. Boot this computer without systemd.unified_cgroup_hierarchy=0.",
        );
    }
    Finding::fail("none", "No control groups are mounted at /sys/fs/cgroup: no container can start.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::Tree;

    #[test]
    fn both_versions_are_told_apart() {
        let reason = |files: &[(&str, &str)]| {
            let tree = Tree::new();
            files.iter().for_each(|(path, text)| tree.file(path, text));
            check(&tree.host()).reason
        };
        assert_eq!(reason(&[]), "none");
        assert_eq!(
            reason(&[("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")]),
            "unified"
        );
        assert_eq!(reason(&[("/sys/fs/cgroup/cgroup.controllers", "cpu io\n")]), "few_controllers");
        assert_eq!(reason(&[("/sys/fs/cgroup/memory/tasks", "")]), "legacy");
        assert_eq!(
            reason(&[("/sys/fs/cgroup/memory/tasks", ""), ("/sys/fs/cgroup/unified/cgroup.procs", "")]),
            "hybrid"
        );
    }
}
