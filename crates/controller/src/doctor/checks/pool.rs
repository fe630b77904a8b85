//! Is there a place to keep containers in.

use crate::{
    doctor::{
        CheckGroup, commands,
        finding::{Finding, Subject},
    },
    driver::{DriverKind, EngineReport},
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "pool", group: CheckGroup::Engine, title: "Storage pool" };

pub(in crate::doctor) fn check(host: &dyn Host, kind: DriverKind, report: Option<&EngineReport>) -> Finding {
    let Some(report) = report else { return Finding::no_engine() };
    if kind == DriverKind::Wsl {
        return Finding::ok("built_in", "WSL keeps distributions by itself.");
    }
    if report.pools.is_empty() {
        return Finding::fail("missing", "The engine has no storage pool: it wasn't initialised.")
            .mended_by(commands::init(host, kind, report));
    }
    let names = report.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>().join(", ");
    match (report.used_pool(), &report.pool) {
        (Some(pool), _) => Finding::ok("there", "It is there.").seen(format!("{} ({})", pool.name, pool.driver)),
        (None, Some(named)) => {
            Finding::fail("other", "The storage pool '{pool}' that is to be used doesn't exist; there are: {pools}. CODCHI_LXD_POOL names one.")
                .with("pool", named)
                .with("pools", names)
        }
        (None, None) => {
            Finding::fail("several", "There are several storage pools and none is chosen: {pools}. CODCHI_LXD_POOL names one.")
                .with("pools", names)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::checks::tests::Tree, driver::fake::in_order};

    #[test]
    fn none_is_made_and_one_of_several_must_be_chosen() {
        let (tree, mut report) = (Tree::new(), in_order());
        let look =
            |report: &EngineReport| check(&tree.host(), DriverKind::Lxd, Some(report)).about(SUBJECT).0;
        assert_eq!(look(&report).reason, "there");
        report.pool = Some("fast".into());
        assert_eq!(look(&report).reason, "other");
        report.pool = None;
        assert_eq!(look(&report).reason, "several");
        report.pools.clear();
        report.devices = Some(Default::default());
        let missing = look(&report);
        assert_eq!(missing.reason, "missing");
        let commands = missing.fix.unwrap().commands;
        assert_eq!(commands[0], ["lxc", "storage", "create", "default", "dir"]);
        assert_eq!(commands.len(), 3, "the bridge is there: {commands:?}");
    }
}
