//! Does the profile give containers a root disk and a network.

use crate::{
    doctor::{
        CheckGroup, commands,
        finding::{Finding, Subject},
    },
    driver::{DriverKind, EngineReport},
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "profile", group: CheckGroup::Engine, title: "Container profile" };

pub(in crate::doctor) fn check(host: &dyn Host, kind: DriverKind, report: Option<&EngineReport>) -> Finding {
    let Some(report) = report else { return Finding::no_engine() };
    if kind == DriverKind::Wsl {
        return Finding::ok("built_in", "WSL has no profiles.");
    }
    let Some(devices) = &report.devices else {
        return Finding::fail("missing", "The engine has no profile '{profile}'.")
            .with("profile", &report.profile)
            .mended_by(commands::init(host, kind, report));
    };
    let words = match (report.root_device().is_some(), report.nic().is_some()) {
        (true, true) => {
            let names = devices.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Finding::ok("complete", "It has a root disk and a network.")
                .seen(format!("{}: {names}", report.profile));
        }
        (false, true) => ("no_root", "The profile '{profile}' has no root device: containers have no disk."),
        (true, false) => ("no_nic", "The profile '{profile}' has no network device: machines reach nothing."),
        (false, false) => {
            ("empty", "The profile '{profile}' has neither a root device nor a network device.")
        }
    };
    Finding::fail(words.0, words.1)
        .with("profile", &report.profile)
        .mended_by(commands::init(host, kind, report))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::checks::tests::Tree, driver::fake::in_order};

    #[test]
    fn what_is_missing_is_named_and_only_that_is_made() {
        let (tree, mut report) = (Tree::new(), in_order());
        let look =
            |report: &EngineReport| check(&tree.host(), DriverKind::Incus, Some(report)).about(SUBJECT).0;
        assert_eq!(look(&report).reason, "complete");
        let root = report.devices.as_mut().unwrap().remove("root").unwrap();
        let told = look(&report);
        assert_eq!(told.reason, "no_root");
        assert_eq!(
            told.fix.unwrap().commands,
            [["incus", "profile", "device", "add", "default", "root", "disk", "path=/", "pool=default"]
                .map(str::to_owned)]
        );
        report.devices.as_mut().unwrap().insert("root".into(), root);
        report.devices.as_mut().unwrap().remove("eth0");
        let told = look(&report);
        assert_eq!(told.reason, "no_nic");
        assert_eq!(told.fix.unwrap().commands[0].last().unwrap(), "network=fakebr0");
        report.devices = None;
        assert_eq!(look(&report).fix.unwrap().commands.len(), 3);
    }
}
