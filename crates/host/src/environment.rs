//! The environment variables that Codchi respects. They are read here and nowhere else.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// A copy of a process' environment. A variable that is set to nothing counts as not set.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable that is a path, or must reach something else byte for byte.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(std::ffi::OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// A variable that is text; not set when it isn't Unicode.
    pub fn text(&self, name: &str) -> Option<String> {
        self.path(name).and_then(|value| value.into_os_string().into_string().ok())
    }

    /// Whether a terminal may be sent colours and cursor movements: not with `NO_COLOR` (<https://no-color.org>), not on a `dumb`
    /// terminal.
    pub fn allows_colour(&self) -> bool {
        self.path("NO_COLOR").is_none() && self.allows_movement()
    }

    /// Whether a terminal may be sent cursor movements.
    pub fn allows_movement(&self) -> bool {
        self.text("TERM").as_deref() != Some("dumb")
    }
}

impl FromIterator<(OsString, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().collect() }
    }
}

impl<'a, const N: usize> From<[(&'a str, &'a str); N]> for Environment {
    fn from(variables: [(&'a str, &'a str); N]) -> Self {
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}
