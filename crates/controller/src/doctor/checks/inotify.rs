//! May so many systemds watch files. All unprivileged containers of a host share one user's limit, and each systemd takes about ten.

use crate::{
    doctor::{
        CheckGroup, commands, engines,
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "inotify", group: CheckGroup::Engine, title: "File watching (inotify)" };

const LIMIT: &str = "/proc/sys/fs/inotify/max_user_instances";

/// Enough for about a hundred machines.
const ENOUGH: u64 = 1024;

pub(in crate::doctor) fn check(host: &dyn Host) -> Finding {
    match engines::read(host, LIMIT).trim().parse::<u64>() {
        Err(_) => Finding::unknown("unread", "The limit can't be read.").seen(LIMIT),
        Ok(limit) if limit < ENOUGH => Finding::warn(
            "low",
            "This computer allows {limit} inotify instances, enough for about {machines} machines at once. What raises it lasts until the next boot; a file in /etc/sysctl.d keeps it.",
        )
        .with("limit", limit.to_string())
        .with("machines", (limit / 10).to_string())
        .seen(format!("fs.inotify.max_user_instances = {limit}"))
        .mended_by(commands::inotify()),
        Ok(limit) => Finding::ok("enough", "There are enough inotify instances for many machines.")
            .seen(format!("fs.inotify.max_user_instances = {limit}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::Tree;

    #[test]
    fn the_limit_of_debian_is_low() {
        let tree = Tree::new();
        assert_eq!(check(&tree.host()).reason, "unread");
        tree.file(LIMIT, "128\n");
        let told = check(&tree.host()).about(SUBJECT).0;
        assert_eq!((told.reason.as_str(), told.parameters["machines"].as_str()), ("low", "12"));
        assert!(told.fix.unwrap().elevates);
        tree.file(LIMIT, "1048576\n");
        assert_eq!(check(&tree.host()).reason, "enough");
    }
}
