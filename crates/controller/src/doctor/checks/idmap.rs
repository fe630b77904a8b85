//! Has root enough subordinate ids for the users of containers (subuid(5)).

use crate::{
    doctor::{
        CheckGroup,
        commands::{self, FEWEST_IDS},
        engines::{self, Installed},
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "idmap", group: CheckGroup::Engine, title: "User and group IDs" };

pub(in crate::doctor) fn check(host: &dyn Host, installed: Option<&Installed>) -> Finding {
    if installed.is_some_and(|installed| installed.snap) {
        return Finding::ok("snap", "The snap of LXD brings its own.");
    }
    let users = most(&engines::read(host, "/etc/subuid"));
    let groups = most(&engines::read(host, "/etc/subgid"));
    if users >= FEWEST_IDS && groups >= FEWEST_IDS {
        return Finding::ok("enough", "There are enough.").seen(format!("{users} users, {groups} groups"));
    }
    let missing = match (users < FEWEST_IDS, groups < FEWEST_IDS) {
        (true, true) => "/etc/subuid, /etc/subgid",
        (true, false) => "/etc/subuid",
        _ => "/etc/subgid",
    };
    Finding::fail("few", "Root has too few ids for the users of containers in {files}; {needed} are needed.")
        .with("files", missing)
        .with("needed", FEWEST_IDS.to_string())
        .seen(format!("{users} users, {groups} groups"))
        .mended_by(commands::subuid(host, users < FEWEST_IDS, groups < FEWEST_IDS))
}

/// The ranges in a file of this kind: whose, the first id, how many.
fn ranges(text: &str) -> impl Iterator<Item = (&str, u64, u64)> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim().splitn(3, ':');
        Some((fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// The most ids that root has in one range.
fn most(text: &str) -> u64 {
    ranges(text)
        .filter(|(user, ..)| matches!(*user, "root" | "0"))
        .map(|(.., count)| count)
        .max()
        .unwrap_or(0)
}

/// The first id of a range of `count` that overlaps none of those in `text`.
pub(in crate::doctor) fn free_range(text: &str, count: u64) -> u64 {
    const FIRST: u64 = 1_000_000;
    let mut taken: Vec<(u64, u64)> = ranges(text).map(|(_, first, count)| (first, count)).collect();
    taken.sort_unstable();
    taken.into_iter().fold(FIRST, |first, (other, others)| {
        let overlaps = other < first.saturating_add(count) && first < other.saturating_add(others);
        if overlaps { other.saturating_add(others) } else { first }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::checks::tests::Tree, driver::DriverKind};

    #[test]
    fn what_root_lacks_is_added_where_nobody_has_it() {
        let tree = Tree::new();
        tree.file("/etc/subuid", "me:100000:65536\nlxd:1000000:1000000000\n");
        tree.file("/etc/subgid", "root:1000000:1000000000\n");
        let told = check(&tree.host(), None).about(SUBJECT).0;
        assert_eq!((told.reason.as_str(), told.parameters["files"].as_str()), ("few", "/etc/subuid"));
        assert_eq!(
            told.fix.unwrap().commands,
            [["usermod", "--add-subuids", "1001000000-2000999999", "root"].map(str::to_owned)]
        );
        tree.file("/etc/subuid", "root:1000000:65536\n");
        assert_eq!(check(&tree.host(), None).reason, "enough");
        tree.file("/etc/subuid", "root:1000000:65535\n");
        assert_eq!(check(&tree.host(), None).reason, "few");
    }

    #[test]
    fn the_snap_needs_none() {
        let tree = Tree::new();
        tree.file("/snap/bin/lxd", "");
        let installed = engines::installed(&tree.host(), DriverKind::Lxd);
        assert_eq!(check(&tree.host(), installed.as_ref()).reason, "snap");
    }
}
