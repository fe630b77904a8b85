//! Signals to this process, by their Linux numbers.

use std::{io, pin::pin};

use codchi_controller::failure::FailureCode;

use crate::exit::{Stop, failure};

/// Ctrl-C.
pub(crate) const INTERRUPT: i32 = 2;
/// The terminal went away.
pub(crate) const HANGUP: i32 = 1;
/// Nobody reads what is written.
pub(crate) const BROKEN_PIPE: i32 = 13;

/// Waits for something that only the user or another program brings to an end.
///
/// # Errors
/// When this process is asked to end.
pub(crate) async fn unless_ended<T>(work: impl Future<Output = T>) -> Result<T, Stop> {
    let mut signals = EndSignals::listen().map_err(|error| no_signals(&error))?;
    let mut work = pin!(work);
    tokio::select! {
        result = &mut work => Ok(result),
        signal = signals.next() => Err(Stop::signalled(signal)),
    }
}

/// Why a command ends that can't listen for signals.
pub(crate) fn no_signals(error: &io::Error) -> Stop {
    let mut why = failure(FailureCode::Failed, "can't listen for signals", None);
    why.causes.push(error.to_string());
    why.into()
}

/// The signals that ask a process to end. Once this was made they end nothing by themselves, also when it is gone: whatever waits for
/// long afterwards listens too.
#[cfg(unix)]
pub(crate) struct EndSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl EndSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system doesn't allow it.
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => 15,
            _ = self.hangup.recv() => HANGUP,
        }
    }
}

/// Changes of the terminal's size.
#[cfg(unix)]
pub(crate) struct Resizes(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Resizes {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system doesn't allow it.
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::window_change()).map(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Windows knows Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct EndSignals;

#[cfg(not(unix))]
impl EndSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}

/// Windows tells of no changes of the terminal's size.
#[cfg(not(unix))]
pub(crate) struct Resizes;

#[cfg(not(unix))]
impl Resizes {
    /// Begins to listen.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Never returns.
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}
