//! The terminal that a program in a machine is connected to: raw, and given back as it was.

use std::io;

use codchi_controller::driver::Terminal;

/// As long as this exists, keys reach the program as they are pressed: no line editing, no signals, no echo.
#[derive(Debug)]
pub(crate) struct RawMode(());

impl RawMode {
    /// Begins it.
    ///
    /// # Errors
    /// When there is no terminal.
    pub(crate) fn begin() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Its size now; 80 × 24 where it doesn't tell.
pub(crate) fn size() -> Terminal {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => Terminal { columns, rows },
        _ => Terminal { columns: 80, rows: 24 },
    }
}
