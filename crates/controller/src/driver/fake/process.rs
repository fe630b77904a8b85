//! Commands in the fake engine: a future of the test in place of a program.

use std::{collections::BTreeMap, io, sync::Arc};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::{mpsc, oneshot, watch},
};

use super::{Fake, Handler, lock};
use crate::driver::{
    DriverError, Exec, ExecControl, ExecOutput, ExecSpec, ExecStdin, InstanceName, Terminal,
};

/// The size of a pipe in bytes, as Linux has it.
const PIPE: usize = 64 * 1024;

/// A command as its handler sees it. Signals end it without asking, as they do with a program that doesn't handle them.
pub struct FakeProcess {
    /// Where it runs.
    pub instance: InstanceName,
    /// What was asked for.
    pub spec: ExecSpec,
    /// Its stdin.
    pub stdin: Box<dyn AsyncRead + Send + Unpin>,
    /// Its stdout.
    pub stdout: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its stderr; on a terminal, nobody reads it.
    pub stderr: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its terminal's size, as it changes.
    pub terminal: watch::Receiver<Option<Terminal>>,
    fake: Fake,
}

impl FakeProcess {
    /// The environment of the instance's init process.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.fake.instance(&self.instance).map(|instance| instance.environment).unwrap_or_default()
    }

    /// Reads a file of the instance, through its mounts.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        lock(&self.fake.shared.world).read(&self.instance, path)
    }

    /// Writes a file of the instance, through its mounts.
    ///
    /// # Errors
    /// When the mount is read-only.
    pub fn write(&self, path: &str, bytes: impl Into<Vec<u8>>) -> io::Result<()> {
        lock(&self.fake.shared.world).write(&self.instance, path, bytes.into())
    }
}

/// Gives the same answer always.
pub(super) fn answering(answer: ExecOutput) -> Handler {
    Arc::new(move |mut process: FakeProcess| {
        let answer = answer.clone();
        Box::pin(async move {
            // A reader that went away is the test's business.
            let _ = process.stdout.write_all(&answer.stdout).await;
            let _ = process.stderr.write_all(&answer.stderr).await;
            answer.code
        })
    })
}

/// There is no such program.
pub(super) fn not_found() -> Handler {
    answering(ExecOutput { code: 127, stdout: Vec::new(), stderr: Vec::new() })
}

pub(super) fn spawn(
    fake: Fake,
    instance: InstanceName,
    spec: ExecSpec,
    handler: &Handler,
    mut stopped: watch::Receiver<bool>,
) -> Exec {
    let pipe = || tokio::io::duplex(PIPE);
    let ((stdin, its_stdin), (stdout, its_stdout), (stderr, its_stderr)) = (pipe(), pipe(), pipe());
    let (sizes, terminal) = watch::channel(spec.terminal);
    let (signals, mut signalled) = mpsc::channel::<i32>(8);
    let (ended, end) = oneshot::channel();
    let piped = spec.stdin == ExecStdin::Piped;
    let process = FakeProcess {
        instance,
        spec,
        stdin: Box::new(its_stdin),
        stdout: Box::new(its_stdout),
        stderr: Box::new(its_stderr),
        terminal,
        fake,
    };
    let body = handler(process);
    tokio::spawn(async move {
        let signal = async {
            match signalled.recv().await {
                Some(signal) => signal,
                // Nobody can send one any more: the command was detached from.
                None => std::future::pending().await,
            }
        };
        let code = tokio::select! {
            code = body => code,
            signal = signal => 128 + signal,
            _ = stopped.wait_for(|stopped| *stopped) => 128 + 9,
        };
        let _ = ended.send(code);
    });
    let stdin = piped.then(|| Box::new(stdin) as Box<dyn AsyncWrite + Send + Unpin>);
    let control = Control { signals, sizes, end: Some(end), code: None };
    Exec { stdin, stdout: reader(stdout), stderr: reader(stderr), control: Box::new(control) }
}

fn reader(stream: DuplexStream) -> Box<dyn AsyncRead + Send + Unpin> {
    Box::new(stream)
}

struct Control {
    signals: mpsc::Sender<i32>,
    sizes: watch::Sender<Option<Terminal>>,
    end: Option<oneshot::Receiver<i32>>,
    code: Option<i32>,
}

#[async_trait]
impl ExecControl for Control {
    async fn wait(&mut self) -> Result<i32, DriverError> {
        if let Some(end) = &mut self.end {
            let broken = |source| DriverError::Interrupted { action: "run a command".into(), source };
            self.code = Some(end.await.map_err(|gone| broken(Box::new(gone)))?);
            self.end = None;
        }
        Ok(self.code.unwrap_or_default())
    }

    async fn resize(&mut self, terminal: Terminal) -> Result<(), DriverError> {
        self.sizes.send_modify(|size| *size = size.map(|_| terminal));
        Ok(())
    }

    async fn signal(&mut self, signal: i32) -> Result<(), DriverError> {
        // One that has ended takes no signals.
        let _ = self.signals.send(signal).await;
        Ok(())
    }
}
