//! Between this process and a program in a machine: bytes, signals, the terminal's size, and in the end its exit code.

use std::io;

use codchi_controller::{
    driver::{DriverError, Exec},
    error::Error,
    failure::{Failure, FailureCode},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::Notify,
};

use crate::{
    exit::failure,
    keys::Keys,
    signals::{BROKEN_PIPE, EndSignals, Resizes},
    terminal,
};

/// Bytes that are handed on at once.
const CHUNK: usize = 32 * 1024;

/// What the program is connected to.
pub(crate) struct Streams<I, O, E> {
    /// What it reads.
    pub(crate) stdin: I,
    /// Where it writes.
    pub(crate) stdout: O,
    /// Where it writes its errors.
    pub(crate) stderr: E,
}

impl Streams<Keys, tokio::io::Stdout, tokio::io::Stderr> {
    /// This process' own.
    pub(crate) fn of_process(stdin: Keys) -> Self {
        Self { stdin, stdout: tokio::io::stdout(), stderr: tokio::io::stderr() }
    }
}

/// What a relay waits for.
enum Happened {
    Written(Result<(), Failure>),
    Unread,
    Signal(i32),
    Resized,
}

/// Connects the program until it ends and gives its exit code.
///
/// When nobody reads its output any more it gets the signal that it would get here. A signal that asks this process to end is handed
/// on to it; the second one, and the first where there is a terminal (keys have come to the program all along), ends this process,
/// and the engine then ends the program.
///
/// # Errors
/// When the connection to the engine breaks, or the output can't be written.
pub(crate) async fn relay<I, O, E>(
    exec: Exec,
    streams: Streams<I, O, E>,
    terminal: bool,
) -> Result<i32, Failure>
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let Exec { stdin, stdout, stderr, mut control } = exec;
    let mut signals = EndSignals::listen().map_err(|error| local("can't listen for signals", &error))?;
    let mut resizes = Resizes::listen().map_err(|error| local("can't listen for signals", &error))?;
    let unread = Notify::new();
    let input = stdin.map(|writer| AbortOnDrop(tokio::spawn(send(streams.stdin, writer))));
    let mut writing = std::pin::pin!(async {
        tokio::try_join!(receive(stdout, streams.stdout, &unread), receive(stderr, streams.stderr, &unread))
            .map(drop)
    });
    let mut written = false;
    let mut leaves = terminal;
    let code = loop {
        let happened = tokio::select! {
            ended = &mut writing, if !written => Happened::Written(ended),
            () = unread.notified() => Happened::Unread,
            signal = signals.next() => Happened::Signal(signal),
            () = resizes.next() => Happened::Resized,
            code = control.wait(), if written => break code,
        };
        match happened {
            Happened::Written(ended) => {
                ended?;
                written = true;
            }
            Happened::Unread => control.signal(BROKEN_PIPE).await.map_err(Error::from)?,
            Happened::Signal(signal) if leaves => return Ok(128 + signal),
            Happened::Signal(signal) => {
                leaves = true;
                control.signal(signal).await.map_err(Error::from)?;
            }
            Happened::Resized => control.resize(terminal::size()).await.map_err(Error::from)?,
        }
    };
    drop(input);
    Ok(code.map_err(Error::from)?)
}

/// A task that ends with what started it.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hands on what is typed until its end; then the program's stdin ends. One that doesn't read any more is no error.
async fn send(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        if to.write_all(&chunk[..length]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Hands on what the program writes until its end, each chunk at once. When nobody reads it any more, `unread` is told and the rest
/// thrown away.
async fn receive(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    unread: &Notify,
) -> Result<(), Failure> {
    let mut chunk = vec![0; CHUNK];
    let mut reader_left = false;
    loop {
        let length = from.read(&mut chunk).await.map_err(interrupted)?;
        if length == 0 {
            return Ok(());
        }
        if reader_left {
            continue;
        }
        let written = async {
            to.write_all(&chunk[..length]).await?;
            to.flush().await
        };
        match written.await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                reader_left = true;
                unread.notify_one();
            }
            Err(error) => return Err(local("can't write what the command prints", &error)),
        }
    }
}

fn interrupted(error: io::Error) -> Failure {
    let action = "run a command in the machine".into();
    Error::from(DriverError::Interrupted { action, source: Box::new(error) }).into()
}

fn local(message: &str, error: &io::Error) -> Failure {
    let mut why = failure(FailureCode::Failed, message, None);
    why.causes.push(error.to_string());
    why
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use codchi_controller::driver::{ExecControl, Terminal};
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// A program in a machine, seen from its own side.
    struct Program {
        stdin: DuplexStream,
        stdout: DuplexStream,
        stderr: DuplexStream,
        signals: Arc<Mutex<Vec<i32>>>,
    }

    struct Control(i32, Arc<Mutex<Vec<i32>>>, Arc<Notify>);

    #[async_trait::async_trait]
    impl ExecControl for Control {
        async fn wait(&mut self) -> Result<i32, DriverError> {
            Ok(self.0)
        }
        async fn resize(&mut self, _: Terminal) -> Result<(), DriverError> {
            Ok(())
        }
        async fn signal(&mut self, signal: i32) -> Result<(), DriverError> {
            self.1.lock().unwrap().push(signal);
            self.2.notify_one();
            Ok(())
        }
    }

    fn program(code: i32) -> (Program, Exec, Arc<Notify>) {
        let ((stdin, in_), (stdout, out), (stderr, err)) = (duplex(64), duplex(64), duplex(64));
        let (signals, signalled) = (Arc::<Mutex<Vec<i32>>>::default(), Arc::<Notify>::default());
        let control = Control(code, Arc::clone(&signals), Arc::clone(&signalled));
        let exec = Exec {
            stdin: Some(Box::new(in_)),
            stdout: Box::new(out),
            stderr: Box::new(err),
            control: Box::new(control),
        };
        (Program { stdin, stdout, stderr, signals }, exec, signalled)
    }

    #[tokio::test]
    async fn bytes_and_the_exit_code_pass_through() {
        let (mut program, exec, _) = program(42);
        let input: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let streams =
            Streams { stdin: std::io::Cursor::new(input.clone()), stdout: &mut stdout, stderr: &mut stderr };
        let cat = async move {
            program.stderr.write_all(b"to stderr").await.unwrap();
            drop(program.stderr);
            tokio::io::copy(&mut program.stdin, &mut program.stdout).await.unwrap();
        };
        let (code, ()) = tokio::join!(relay(exec, streams, false), cat);
        assert_eq!(code, Ok(42));
        assert!(stdout == input, "every byte comes back");
        assert_eq!(stderr, b"to stderr");
    }

    #[tokio::test]
    async fn a_program_that_nobody_reads_is_told_while_it_writes() {
        let (mut program, exec, signalled) = program(141);
        let (stdout, reader) = duplex(64);
        drop(reader);
        let streams = Streams { stdin: tokio::io::empty(), stdout, stderr: tokio::io::sink() };
        let yes = async move {
            drop((program.stdin, program.stderr));
            tokio::select! {
                () = signalled.notified() => {}
                _ = async { loop { program.stdout.write_all(b"y\n").await.unwrap() } } => {}
            }
            drop(program.stdout);
            program.signals.lock().unwrap().clone()
        };
        let (code, signals) = tokio::join!(relay(exec, streams, false), yes);
        assert_eq!(code, Ok(141));
        assert_eq!(signals, [BROKEN_PIPE]);
    }
}
