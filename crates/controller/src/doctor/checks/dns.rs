//! Are the names of repositories' hosts found.

use crate::doctor::{
    CheckGroup,
    finding::{Finding, Subject},
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "dns", group: CheckGroup::Network, title: "Name resolution (DNS)" };

/// What looking a name up gave.
pub(in crate::doctor) type LookedUp = (String, Result<usize, String>);

pub(in crate::doctor) fn check(looked_up: &[LookedUp], through_proxy: bool) -> Finding {
    let missing: Vec<&str> =
        looked_up.iter().filter(|(_, found)| found.is_err()).map(|(name, _)| name.as_str()).collect();
    let found = looked_up.len() - missing.len();
    let why = looked_up.iter().find_map(|(_, found)| found.as_ref().err()).cloned().unwrap_or_default();
    if through_proxy {
        return Finding::ok("proxy", "The proxy looks names up.");
    }
    if looked_up.is_empty() {
        return Finding::ok("none", "No machine has a module from the network.");
    }
    if missing.is_empty() {
        return Finding::ok("found", "They are found.").seen(format!("{found} looked up"));
    }
    let finding = if found == 0 {
        Finding::fail("none_found", "No name is found: {names}. Is this computer on the network?")
    } else {
        Finding::warn("some_missing", "These names aren't found: {names}.")
    };
    finding.with("names", missing.join(", ")).seen(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_some_may_be_missing() {
        let found = |name: &str| (name.to_owned(), Ok(1));
        let missing = |name: &str| (name.to_owned(), Err("no such name".to_owned()));
        assert_eq!(check(&[], false).reason, "none");
        assert_eq!(check(&[found("a")], false).reason, "found");
        assert_eq!(check(&[found("a"), missing("b")], false).reason, "some_missing");
        assert_eq!(check(&[missing("b")], false).reason, "none_found");
        assert_eq!(check(&[missing("b")], true).reason, "proxy");
    }
}
