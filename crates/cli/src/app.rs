//! What every command works with.

use codchi_api::{
    Api,
    types::{Nothing, SourceArgs},
};
use codchi_controller::{error::Error, failure::Failure, machine::MachineName, operation::Operation};
use codchi_host::Environment;

use crate::{
    exit::Stop,
    follow,
    show::{failure, screen::Screen},
};

/// The api, and where to write.
pub(crate) struct App {
    /// What does everything.
    pub(crate) api: Api,
    /// Where results, progress and errors go.
    pub(crate) screen: Screen,
    /// What the environment says.
    pub(crate) environment: Environment,
}

impl App {
    /// Makes the controller ready, showing how it goes on where there is something to do. For commands that need it before an
    /// operation of their own begins. `events` says that events are what is printed.
    ///
    /// # Errors
    /// When the engine doesn't answer or the controller can't be installed.
    pub(crate) async fn prepare(&self, events: bool) -> Result<(), Stop> {
        if let Some(operation) = self.api.prepare(Nothing {}).await?.operation {
            follow::to_the_end(self, events, operation).await?;
        }
        Ok(())
    }

    /// Whether somebody can be asked: on a terminal, where what is printed is for people.
    pub(crate) fn can_ask(&self, json: bool) -> bool {
        !json && self.screen.stdin_is_terminal && self.screen.stderr.is_terminal
    }

    /// Tells what is noteworthy about an operation that ended well.
    pub(crate) fn outcome_warnings(&self, operation: &Operation) {
        operation.outcome.iter().flat_map(|outcome| &outcome.warnings).for_each(|warning| self.warn(warning));
    }

    /// Writes a warning to stderr.
    pub(crate) fn warn(&self, text: &str) {
        self.screen.stderr.line(failure::warning_line(text, self.screen.stderr.paint));
    }

    /// Refuses what isn't an address before anything else is done.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn check_source(&self, source: &SourceArgs) -> Result<(), Stop> {
        self.api.source(source)?;
        Ok(())
    }
}

/// Refuses what isn't a machine's name before anything else is done.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn machine_name(name: &str) -> Result<MachineName, Stop> {
    MachineName::new(name).map_err(|error| Stop::from(Failure::from(Error::from(error))))
}
