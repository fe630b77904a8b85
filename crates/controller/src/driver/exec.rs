//! Running a command in an instance: what to run, its streams, and how it ends.
//!
//! Streams are plain tokio readers and writers, so that a driver can back them with a websocket, a pipe or a buffer.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::DriverError;

/// What to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program and arguments, handed over byte for byte. The program is looked up in the instance's `PATH`.
    pub argv: Vec<String>,
    /// Environment beside the engine's defaults.
    pub env: BTreeMap<String, String>,
    /// Numeric user and group inside the instance; `None` is root.
    pub user: Option<(u32, u32)>,
    /// Absolute working directory; `None` is the user's home or `/`.
    pub cwd: Option<String>,
    /// Run on a pseudo-terminal: then stdout carries everything and stderr is empty.
    pub terminal: Option<Terminal>,
    /// Whether anything will be written to stdin. When not, the program sees an empty stdin.
    pub stdin: ExecStdin,
}

/// What a program's stdin is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecStdin {
    /// Empty.
    #[default]
    Null,
    /// What is written to [`Exec::stdin`]; dropping that writer is end of file.
    Piped,
}

/// A terminal's size in character cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl ExecSpec {
    /// Runs `argv` as root, with nothing on stdin.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Gives the program a stdin.
    #[must_use]
    pub fn piped(mut self) -> Self {
        self.stdin = ExecStdin::Piped;
        self
    }
}

/// A running command. Dropping it detaches from the command, which goes on at least as long as this process lives;
/// [`ExecControl::kill`] ends it.
pub struct Exec {
    /// Its stdin, when [`ExecStdin::Piped`] was asked for. Shut down or dropped: end of file.
    pub stdin: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// Its stdout (and stderr, on a terminal).
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its stderr.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Waits for, resizes and kills it.
    pub control: Box<dyn ExecControl>,
}

/// What can be done with a running command.
#[async_trait]
pub trait ExecControl: Send + Sync {
    /// Waits for its end: the exit code, or 128 + the signal's number. Call it when both streams are read to their end.
    async fn wait(&mut self) -> Result<i32, DriverError>;

    /// Tells a terminal's new size. Without a terminal it does nothing.
    async fn resize(&mut self, terminal: Terminal) -> Result<(), DriverError>;

    /// Sends a signal (its Linux number). WSL: through `ctrl-serve` in the instance.
    async fn signal(&mut self, signal: i32) -> Result<(), DriverError>;

    /// Ends it at once.
    async fn kill(&mut self) -> Result<(), DriverError> {
        self.signal(9).await
    }
}

/// What a finished command left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub code: i32,
    /// All of its stdout.
    pub stdout: Vec<u8>,
    /// All of its stderr.
    pub stderr: Vec<u8>,
}

impl Exec {
    /// The same, asked to end when it is dropped before its end was waited for. What hasn't ended after `grace` is killed.
    #[must_use]
    pub fn ended_when_dropped(self, grace: Duration) -> Self {
        Self { control: Box::new(EndedWhenDropped { control: Some(self.control), grace }), ..self }
    }

    /// Closes stdin, reads both streams to their end and waits. For commands that say little: of more than [`MOST_OUTPUT`] on a stream
    /// the rest is thrown away.
    ///
    /// # Errors
    /// When the connection to the engine breaks.
    pub async fn output(mut self) -> Result<ExecOutput, DriverError> {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let broken = |source: std::io::Error| DriverError::Interrupted {
            action: "read a command's output".into(),
            source: Box::new(source),
        };
        tokio::try_join!(
            read_bounded(&mut self.stdout, &mut stdout),
            read_bounded(&mut self.stderr, &mut stderr)
        )
        .map_err(broken)?;
        Ok(ExecOutput { code: self.control.wait().await?, stdout, stderr })
    }
}

/// Ends a command when it is dropped.
struct EndedWhenDropped {
    /// Not there: it has ended.
    control: Option<Box<dyn ExecControl>>,
    grace: Duration,
}

/// How long it is waited for a command that was killed.
const GONE: Duration = Duration::from_secs(3);

impl EndedWhenDropped {
    fn control(&mut self) -> Result<&mut Box<dyn ExecControl>, DriverError> {
        self.control.as_mut().ok_or_else(|| DriverError::Interrupted {
            action: "reach a command".into(),
            source: "it has ended".into(),
        })
    }
}

#[async_trait]
impl ExecControl for EndedWhenDropped {
    async fn wait(&mut self) -> Result<i32, DriverError> {
        let code = self.control()?.wait().await?;
        self.control = None;
        Ok(code)
    }

    async fn resize(&mut self, terminal: Terminal) -> Result<(), DriverError> {
        self.control()?.resize(terminal).await
    }

    async fn signal(&mut self, signal: i32) -> Result<(), DriverError> {
        self.control()?.signal(signal).await
    }
}

impl Drop for EndedWhenDropped {
    fn drop(&mut self) {
        let (Some(mut control), Ok(runtime)) = (self.control.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let grace = self.grace;
        // Asked first: it then ends its own children, which it couldn't after SIGKILL.
        runtime.spawn(async move {
            if control.signal(15).await.is_ok() && tokio::time::timeout(grace, control.wait()).await.is_err()
            {
                let _ = control.kill().await;
                // Held until it is gone: without its owner the control connection would close early.
                let _ = tokio::time::timeout(GONE, control.wait()).await;
            }
        });
    }
}

/// The most that [`Exec::output`] keeps of a stream, in bytes. What runs in a machine may print without end.
const MOST_OUTPUT: u64 = 16 << 20;

async fn read_bounded(stream: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) -> std::io::Result<()> {
    (&mut *stream).take(MOST_OUTPUT).read_to_end(kept).await?;
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}
