//! Is the engine one that Codchi speaks with.

use crate::{
    doctor::{
        CheckGroup,
        finding::{Finding, Subject},
    },
    driver::EngineInfo,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "version", group: CheckGroup::Engine, title: "Engine version" };

/// The oldest ones with what Codchi uses, by name.
const OLDEST: &[(&str, u32)] = &[("LXD", 5), ("Incus", 6)];

pub(in crate::doctor) fn check(engine: Option<&EngineInfo>) -> Finding {
    let Some(EngineInfo { name, version, .. }) = engine else { return Finding::no_engine() };
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    let oldest = OLDEST.iter().find(|(known, _)| known == name).map(|(_, oldest)| *oldest);
    let finding = match (major, oldest) {
        (Some(major), Some(oldest)) if major < oldest => Finding::fail(
            "old",
            "{engine} {version} is too old; {oldest}.0 is the oldest that Codchi can use.",
        )
        .with("oldest", oldest.to_string()),
        (None, _) => Finding::unknown("unread", "{engine} doesn't tell its version as expected: {version}."),
        _ => Finding::ok("supported", "It is one that Codchi can use."),
    };
    finding.with("engine", name).with("version", version).seen(format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ones_are_refused_by_name() {
        let reason = |name: &str, version: &str| {
            check(Some(&EngineInfo { name: name.into(), version: version.into(), endpoint: String::new() }))
                .reason
        };
        assert_eq!(reason("LXD", "4.0.9"), "old");
        assert_eq!(reason("LXD", "5.0.2"), "supported");
        assert_eq!(reason("Incus", "5.9"), "old");
        assert_eq!(reason("Incus", "6.0.4"), "supported");
        assert_eq!(reason("Incus", "edge"), "unread");
        assert_eq!(check(None).reason, "no_engine");
    }
}
