//! What a check found: a state, a reason, and a sentence with parameters. Pure.

use std::collections::BTreeMap;

use super::{Check, CheckGroup, CheckState, commands::Plan};
use crate::{error::Error, failure::Failure};

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// A stable word.
    pub(crate) id: &'static str,
    /// What it is about.
    pub(crate) group: CheckGroup,
    /// For people, in a few words.
    pub(crate) title: &'static str,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) state: CheckState,
    pub(crate) reason: &'static str,
    /// A sentence; `{name}` stands for a parameter.
    words: &'static str,
    parameters: BTreeMap<String, String>,
    evidence: String,
    plan: Option<Plan>,
}

impl Finding {
    fn new(state: CheckState, reason: &'static str, words: &'static str) -> Self {
        Self { state, reason, words, parameters: BTreeMap::new(), evidence: String::new(), plan: None }
    }

    pub(crate) fn ok(reason: &'static str, words: &'static str) -> Self {
        Self::new(CheckState::Ok, reason, words)
    }

    pub(crate) fn warn(reason: &'static str, words: &'static str) -> Self {
        Self::new(CheckState::Warn, reason, words)
    }

    pub(crate) fn fail(reason: &'static str, words: &'static str) -> Self {
        Self::new(CheckState::Fail, reason, words)
    }

    pub(crate) fn unknown(reason: &'static str, words: &'static str) -> Self {
        Self::new(CheckState::Unknown, reason, words)
    }

    /// What can't be known without the engine.
    pub(crate) fn no_engine() -> Self {
        Self::unknown("no_engine", "The engine can't be asked.")
    }

    /// Says what `{name}` stands for.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// What was seen.
    #[must_use]
    pub(crate) fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = evidence.into();
        self
    }

    /// What mends it, where something does.
    #[must_use]
    pub(crate) fn mended_by(mut self, plan: impl Into<Option<Plan>>) -> Self {
        self.plan = plan.into();
        self
    }

    /// As it is told, with what mends it.
    pub(crate) fn about(self, subject: Subject) -> (Check, Option<Plan>) {
        let explanation = fill(self.words, &self.parameters);
        let check = Check {
            id: subject.id.to_owned(),
            group: subject.group,
            state: self.state,
            reason: self.reason.to_owned(),
            parameters: self.parameters,
            title: subject.title.to_owned(),
            explanation,
            evidence: self.evidence,
            fix: self.plan.as_ref().map(Plan::shown),
        };
        (check, self.plan)
    }
}

/// A sentence with its parameters in their places.
pub(crate) fn fill(words: &str, parameters: &BTreeMap<String, String>) -> String {
    parameters
        .iter()
        .fold(words.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

/// An error's words as evidence.
pub(crate) fn evidence(error: &Error) -> String {
    let failure = Failure::from(error);
    std::iter::once(failure.message).chain(failure.causes).collect::<Vec<_>>().join(": ")
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale = 1_u64;
    while unit + 1 < UNITS.len() && count / scale >= 1024 {
        scale <<= 10;
        unit += 1;
    }
    let tenths = (u128::from(count) * 10 / u128::from(scale)) % 10;
    match unit {
        0 => format!("{count} B"),
        _ => format!("{}.{tenths} {}", count / scale, UNITS.get(unit).unwrap_or(&"TiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_its_parameters() {
        let subject = Subject { id: "disk", group: CheckGroup::Controller, title: "Room" };
        let finding = Finding::fail("full", "{free} are left in {place}.");
        let (check, _) = finding.with("free", "1 GiB").with("place", "/data").about(subject);
        assert_eq!(check.explanation, "1 GiB are left in /data.");
        assert_eq!((check.reason.as_str(), check.parameters["free"].as_str()), ("full", "1 GiB"));
    }

    #[test]
    fn bytes_have_one_decimal() {
        assert_eq!(
            [bytes(0), bytes(1023), bytes(1536), bytes(5 << 30)],
            ["0 B", "1023 B", "1.5 KiB", "5.0 GiB"]
        );
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB", "never more than there is");
    }
}
