//! One program in the controller: its input, its bounded output, and its end, whatever happens to us.

use std::time::Duration;

use codchi_controller::{
    driver::{Driver, DriverError, Exec, ExecSpec},
    nix::NixError,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::ControllerNix;

/// How long a program may take to end after it was asked to. Nix stops its builds and its children in this time.
const GRACE: Duration = Duration::from_secs(3);
/// How long `ctrl-serve with-access` may take. It ends its program by itself, before this, and then removes what that could use: killed,
/// it would leave that to the controller.
const GRACE_WITH_ACCESS: Duration = Duration::from_secs(20);
/// How much of stderr is kept for an error.
const STDERR_KEPT: usize = 16 << 10;

/// What a program may use.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How long it may run.
    pub(super) time: Option<Duration>,
    /// How many bytes it may print.
    pub(super) stdout: usize,
}

/// What a program reads.
pub(super) enum Input<'a> {
    /// Nothing.
    Nothing,
    /// These bytes.
    Bytes(&'a [u8]),
    /// A stream. When it fails the program is ended.
    Stream(Box<dyn AsyncRead + Send + Unpin>),
}

/// A program to run.
pub(super) struct Command<'a> {
    /// What it does, for an error.
    pub(super) action: &'a str,
    pub(super) spec: ExecSpec,
    pub(super) limits: Limits,
    pub(super) stdin: Input<'a>,
}

/// What it left.
pub(super) struct Output {
    pub(super) code: i32,
    pub(super) stdout: Vec<u8>,
    /// The last part.
    pub(super) stderr: Vec<u8>,
}

/// Runs a program in the controller. `stderr` is handed everything the program prints there, as it comes.
///
/// When it is cancelled, runs into a limit, or this future is dropped, the program is ended.
pub(super) async fn run(
    driver: &dyn Driver,
    command: Command<'_>,
    cancel: Option<&CancellationToken>,
    stderr: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Output, NixError> {
    let Command { action, mut spec, limits, stdin } = command;
    if !matches!(stdin, Input::Nothing) {
        spec = spec.piped();
    }
    let grace = match spec.argv.get(1).map(String::as_str) {
        Some("with-access") => GRACE_WITH_ACCESS,
        _ => GRACE,
    };
    let run = async {
        let exec = driver.exec(&ControllerNix::instance(), spec).await?;
        communicate(action, exec.ended_when_dropped(grace), limits, stdin, stderr).await
    };
    let limited = async {
        match limits.time {
            None => run.await,
            Some(limit) => timeout(limit, run).await.unwrap_or_else(|_| {
                Err(NixError::Limit {
                    action: action.to_owned(),
                    limit: format!("it took more than {} s", limit.as_secs()),
                })
            }),
        }
    };
    match cancel {
        None => limited.await,
        Some(cancel) => tokio::select! {
            biased;
            () = cancel.cancelled() => Err(NixError::Cancelled),
            output = limited => output,
        },
    }
}

async fn communicate(
    action: &str,
    exec: Exec,
    limits: Limits,
    input: Input<'_>,
    on_stderr: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Output, NixError> {
    let Exec { stdin, mut stdout, mut stderr, mut control } = exec;
    let broken = |source: std::io::Error| DriverError::Interrupted {
        action: action.to_owned(),
        source: Box::new(source),
    };

    let write = async {
        let Some(mut stdin) = stdin else { return Ok(()) };
        let written = match input {
            Input::Nothing => Ok(()),
            // A program that doesn't read to the end says why by its exit code.
            Input::Bytes(bytes) => {
                let _ = stdin.write_all(bytes).await;
                Ok(())
            }
            Input::Stream(mut stream) => copy(&mut stream, &mut stdin).await,
        };
        let _ = stdin.shutdown().await;
        written.map_err(|error| NixError::Driver(broken(error)))
    };
    let read_stdout = async {
        let mut all = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            match stdout.read(&mut chunk).await.map_err(|error| NixError::Driver(broken(error)))? {
                0 => return Ok(all),
                n if all.len() + n > limits.stdout => {
                    return Err(NixError::Limit {
                        action: action.to_owned(),
                        limit: format!("it printed more than {} MiB", limits.stdout >> 20),
                    });
                }
                n => all.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            }
        }
    };
    let read_stderr = async {
        let mut last = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            match stderr.read(&mut chunk).await.map_err(|error| NixError::Driver(broken(error)))? {
                0 => return Ok(last),
                n => {
                    let bytes = chunk.get(..n).unwrap_or_default();
                    on_stderr(bytes);
                    last.extend_from_slice(bytes);
                    if last.len() > 2 * STDERR_KEPT {
                        last.drain(..last.len() - STDERR_KEPT);
                    }
                }
            }
        }
    };
    let ((), stdout, stderr) = tokio::try_join!(write, read_stdout, read_stderr)?;
    Ok(Output { code: control.wait().await?, stdout, stderr })
}

/// Copies a stream; only its own failure is one, not that of a reader who left.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> std::io::Result<()> {
    let mut chunk = vec![0; 64 << 10];
    loop {
        let n = from.read(&mut chunk).await?;
        if n == 0 || to.write_all(chunk.get(..n).unwrap_or_default()).await.is_err() {
            return Ok(());
        }
    }
}
