//! Stdout and stderr: what they are, and writing to them.
//!
//! A reader that goes away (`codchi status | head -1`) is no error and ends nothing: an operation still runs to its end.

use std::{
    cell::RefCell,
    fmt::Display,
    io::{self, ErrorKind, IsTerminal, Write},
};

use codchi_host::Environment;
use serde::Serialize;

use super::text::Paint;
use crate::keys::Keys;

/// The narrowest terminal that is taken at its word; some claim to have no columns.
const NARROWEST: u16 = 20;

/// The three streams, and whether somebody can answer.
pub(crate) struct Screen {
    /// For what was asked for.
    pub(crate) stdout: Stream,
    /// For everything else: progress, warnings, errors.
    pub(crate) stderr: Stream,
    /// What is typed, or comes through a pipe.
    pub(crate) stdin: Keys,
    /// Whether stdin is a terminal.
    pub(crate) stdin_is_terminal: bool,
}

impl Screen {
    /// This process' streams.
    pub(crate) fn of_process(environment: &Environment) -> Self {
        let stream = |is_terminal: bool, writer: Box<dyn Write>| Stream {
            is_terminal,
            movable: is_terminal && environment.allows_movement(),
            paint: Paint { colour: is_terminal && environment.allows_colour() },
            state: RefCell::new(State { writer, closed: false, error: None }),
        };
        Self {
            stdout: stream(io::stdout().is_terminal(), Box::new(io::stdout())),
            stderr: stream(io::stderr().is_terminal(), Box::new(io::stderr())),
            stdin: Keys::of_process(),
            stdin_is_terminal: io::stdin().is_terminal(),
        }
    }
}

/// Where lines are written to.
pub(crate) struct Stream {
    /// Whether a person looks at it.
    pub(crate) is_terminal: bool,
    /// Whether the cursor can be moved.
    pub(crate) movable: bool,
    /// Its colours.
    pub(crate) paint: Paint,
    state: RefCell<State>,
}

struct State {
    writer: Box<dyn Write>,
    closed: bool,
    error: Option<io::Error>,
}

impl Stream {
    /// How many columns a line may have; no limit where no person looks.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = if self.is_terminal { crossterm::terminal::size().ok() } else { None };
        size.filter(|(columns, _)| *columns >= NARROWEST).map(|(columns, _)| usize::from(columns))
    }

    /// Writes a line.
    pub(crate) fn line(&self, line: impl Display) {
        self.text(&format!("{line}\n"));
    }

    /// Writes lines.
    pub(crate) fn lines(&self, lines: impl IntoIterator<Item = impl AsRef<str>>) {
        let text: String =
            lines.into_iter().flat_map(|line| [line.as_ref().to_owned(), "\n".to_owned()]).collect();
        self.text(&text);
    }

    /// Writes one JSON object on one line.
    pub(crate) fn json(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(json) => self.line(json),
            Err(error) => self.keep(error.into()),
        }
    }

    /// Writes text as it is.
    pub(crate) fn text(&self, text: &str) {
        let mut state = self.state.borrow_mut();
        if state.closed || text.is_empty() {
            return;
        }
        let written = state.writer.write_all(text.as_bytes()).and_then(|()| state.writer.flush());
        drop(state);
        if let Err(error) = written {
            self.keep(error);
        }
    }

    /// Whether nobody reads any more, or nothing can be written.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// What prevented writing, other than that nobody reads any more.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.state.borrow_mut().error.take()
    }

    fn keep(&self, error: io::Error) {
        let mut state = self.state.borrow_mut();
        state.closed = true;
        if error.kind() != ErrorKind::BrokenPipe {
            state.error.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stream(kind: ErrorKind) -> Stream {
        Stream {
            is_terminal: false,
            movable: false,
            paint: Paint { colour: false },
            state: RefCell::new(State { writer: Box::new(Broken(kind)), closed: false, error: None }),
        }
    }

    #[test]
    fn only_a_reader_may_go_away() {
        let left = stream(ErrorKind::BrokenPipe);
        left.line("nobody reads this");
        left.line("nor this");
        assert!(left.is_closed() && left.take_error().is_none());

        let full = stream(ErrorKind::StorageFull);
        full.line("no room");
        assert_eq!(full.take_error().map(|error| error.kind()), Some(ErrorKind::StorageFull));
    }
}
