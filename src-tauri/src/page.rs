//! The pages of the window that something outside of it can open: the tray, a notification, a second start with `--open PAGE`.
//!
//! Their paths are the routes of `ui/src/app/router.tsx`.

use std::{fmt, str::FromStr};

use codchi_controller::{machine::MachineName, operation::OperationId};

/// What makes of an operation's page the one with its questions.
const ANSWER: &str = "?answer=true";

/// A page of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Page {
    /// The list of machines.
    #[default]
    Machines,
    /// The wizard.
    NewMachine,
    /// One machine.
    Machine(MachineName),
    /// One operation with its log.
    Operation(OperationId),
    /// The questions of an operation, over its page.
    Answer(OperationId),
    /// The host's checks.
    Doctor,
    /// The settings.
    Settings,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machines => f.write_str("machines"),
            Self::NewMachine => f.write_str("new"),
            Self::Machine(name) => write!(f, "machines/{name}"),
            Self::Operation(id) => write!(f, "builds/{id}"),
            Self::Answer(id) => write!(f, "builds/{id}{ANSWER}"),
            Self::Doctor => f.write_str("doctor"),
            Self::Settings => f.write_str("settings"),
        }
    }
}

/// A text that names no page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSuchPage;

impl FromStr for Page {
    type Err = NoSuchPage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim_matches('/').split_once('/') {
            None => match text.trim_matches('/') {
                "" | "machines" => Ok(Self::Machines),
                "new" => Ok(Self::NewMachine),
                "doctor" => Ok(Self::Doctor),
                "settings" => Ok(Self::Settings),
                _ => Err(NoSuchPage),
            },
            Some(("machines", name)) => name.parse().map(Self::Machine).map_err(|_| NoSuchPage),
            Some(("builds", id)) => match id.strip_suffix(ANSWER) {
                Some(id) => id.parse().map(Self::Answer).map_err(|_| NoSuchPage),
                None => id.parse().map(Self::Operation).map_err(|_| NoSuchPage),
            },
            Some(_) => Err(NoSuchPage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_reads_back_what_it_writes() {
        let name = MachineName::new("hello").unwrap();
        for page in [
            Page::Machines,
            Page::NewMachine,
            Page::Machine(name),
            Page::Operation(OperationId::new()),
            Page::Answer(OperationId::new()),
            Page::Doctor,
            Page::Settings,
        ] {
            assert_eq!(page.to_string().parse(), Ok(page));
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in ["machines/../x", "machines/a/b", "builds/1", "https://example.org", "machines/<b>"] {
            assert_eq!(text.parse::<Page>(), Err(NoSuchPage), "{text}");
        }
    }
}
