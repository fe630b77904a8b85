//! The name of a code machine: a host name label that every engine and every file system accepts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest name, in characters: an engine's instance name is a host name label of at most 63, ours has a prefix.
pub const MAX_LEN: usize = 48;

/// A valid name: ASCII letters, digits and dashes, beginning with a letter, not ending with a dash, at most [`MAX_LEN`] long.
///
/// Names that differ only in case are told apart by [`MachineName::same_as`], because Windows and macOS files can't.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MachineName(String);

/// Why a name isn't one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters.
    #[error("a machine's name can't be empty")]
    Empty,
    /// More than [`MAX_LEN`] characters.
    #[error("the machine's name has {len} characters, {MAX_LEN} are allowed")]
    TooLong {
        /// How many.
        len: usize,
    },
    /// Not a letter at the beginning.
    #[error("the machine's name {name:?} must begin with a letter")]
    Start {
        /// The name, as given.
        name: String,
    },
    /// A dash at the end.
    #[error("the machine's name {name:?} can't end with a dash")]
    End {
        /// The name, as given.
        name: String,
    },
    /// A character that isn't allowed.
    #[error("the machine's name {name:?} contains {found:?}; letters a-z, digits and dashes are allowed")]
    Character {
        /// The name, as given.
        name: String,
        /// The first character that isn't allowed.
        found: char,
    },
    /// A name that Codchi or an operating system needs for itself.
    #[error("the name '{name}' is reserved")]
    Reserved {
        /// The name, as given.
        name: String,
    },
}

/// The controller's instance has this name; the others are device names that Windows refuses as file names.
const RESERVED: &[&str] = &[
    "controller",
    "con",
    "prn",
    "aux",
    "nul",
    "com1",
    "com2",
    "com3",
    "com4",
    "com5",
    "com6",
    "com7",
    "com8",
    "com9",
    "lpt1",
    "lpt2",
    "lpt3",
    "lpt4",
    "lpt5",
    "lpt6",
    "lpt7",
    "lpt8",
    "lpt9",
];

impl MachineName {
    /// Checks `name`.
    ///
    /// # Errors
    /// Says what isn't allowed about it.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        let len = name.chars().count();
        if len == 0 {
            return Err(NameError::Empty);
        }
        if len > MAX_LEN {
            return Err(NameError::TooLong { len });
        }
        if let Some(found) = name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(NameError::Character { name, found });
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(NameError::Start { name });
        }
        if name.ends_with('-') {
            return Err(NameError::End { name });
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(&name)) {
            return Err(NameError::Reserved { name });
        }
        Ok(Self(name))
    }

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both names would be one file on a system that doesn't tell cases apart.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MachineName {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::new(s)
    }
}

impl TryFrom<String> for MachineName {
    type Error = NameError;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        Self::new(s)
    }
}

impl From<MachineName> for String {
    fn from(name: MachineName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(MachineName::new(""), Err(NameError::Empty));
        assert_eq!(MachineName::new("a".repeat(300)), Err(NameError::TooLong { len: 300 }));
        assert_eq!(MachineName::new("../x"), Err(NameError::Character { name: "../x".into(), found: '.' }));
        assert_eq!(MachineName::new("-x"), Err(NameError::Start { name: "-x".into() }));
        assert_eq!(MachineName::new("x-"), Err(NameError::End { name: "x-".into() }));
        assert_eq!(
            MachineName::new("bücher"),
            Err(NameError::Character { name: "bücher".into(), found: 'ü' })
        );
        assert_eq!(MachineName::new("Controller"), Err(NameError::Reserved { name: "Controller".into() }));
        assert!(MachineName::new("Hello-2").is_ok());
    }

    proptest! {
        #[test]
        fn a_valid_name_is_a_host_name_label_and_a_plain_path(name in ".{0,80}") {
            if let Ok(name) = MachineName::new(name) {
                let instance = crate::driver::Role::Machine(name.clone()).instance();
                prop_assert!(instance.as_str().len() <= 63);
                prop_assert!(!name.as_str().contains(['/', '\\', '.', ' ', '\0']));
            }
        }
    }
}
