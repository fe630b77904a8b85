//! Running commands: one websocket for each stream and one for control.
//!
//! Protocol (LXD's `doc/rest-api.md` and `lxd/instance_exec.go`): binary messages carry a stream, an empty text message ends it.
//! The command starts when all streams are connected. The engine closes the control connection when the command has ended, and
//! kills the command when the client closes it: so the tasks here keep their connections until the end, also when nobody reads.
//! The operation ends after that with the exit code in its metadata; five seconds later the engine forgets it.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use codchi_controller::driver::{
    DriverError, Exec, ExecControl, ExecSpec, ExecStdin, InstanceName, Terminal,
};
use futures::{SinkExt, Stream, StreamExt, stream::SplitSink};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, DuplexStream},
    sync::{mpsc, oneshot, watch},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::io::StreamReader;

use crate::{
    rest::{Purpose, Rest},
    websocket::{Socket, broken},
    wire::Operation,
};

/// The size of one message of stdin, and of the buffer before it.
const CHUNK: usize = 64 * 1024;
/// Messages of at most 128 KiB that may wait for their reader.
const WAITING: usize = 4;
/// How long, added up, a stream is still waited for when the command has ended. What the command wrote is there by then; a
/// background process that keeps the stream open (or writes to it) would keep it for ever.
const LINGER: Duration = Duration::from_secs(2);
/// How long the exit code is waited for when a stream was left so. LXD 5.0 withholds it as long as the stream is open.
const WITHHELD: Duration = Duration::from_secs(2);

/// Starts a command.
pub(crate) async fn start(
    rest: &Arc<Rest>,
    instance: &InstanceName,
    spec: ExecSpec,
    purpose: Purpose,
) -> Result<Exec, DriverError> {
    let interactive = spec.terminal.is_some();
    let url = rest.url(&["instances", instance.as_str(), "exec"], &[]);
    let reply = rest.send(Method::POST, url, Some(&request(&spec)), None, &purpose).await?;
    let operation = reply.ok(rest, &purpose)?.metadata::<Operation>(&purpose)?;

    // The control connection first: only with it the engine tells when the command has ended.
    let control = connect(rest, &operation, "control", &purpose).await?;
    let (stdin, stdout, stderr) = if interactive {
        let (sink, stream) = connect(rest, &operation, "0", &purpose).await?.split();
        (sink, stream.boxed(), None)
    } else {
        let connect = |fd| connect(rest, &operation, fd, &purpose);
        let (stdin, stdout, stderr) = tokio::try_join!(connect("0"), connect("1"), connect("2"))?;
        let (sink, stream) = stdin.split();
        // Answers pings.
        tokio::spawn(stream.for_each(|_| std::future::ready(())));
        (sink, stdout.boxed(), Some(stderr.boxed()))
    };

    let (ended_tx, ended) = watch::channel(false);
    let (left_tx, left) = watch::channel(false);
    let (commands_tx, commands) = mpsc::channel(16);
    let (result_tx, result) = oneshot::channel();
    tokio::spawn(run_control(control, commands, ended_tx));
    tokio::spawn({
        let (rest, purpose) = (rest.clone(), purpose.clone());
        async move { result_tx.send(rest.wait(&operation.id, &purpose).await) }
    });

    let piped = spec.stdin == ExecStdin::Piped;
    let (stdin_writer, stdin_reader) = tokio::io::duplex(CHUNK);
    tokio::spawn(run_stdin(stdin_reader, stdin, interactive, ended.clone()));
    let stdin_writer = piped.then(|| Box::new(stdin_writer) as Box<_>);
    let stdout = output(stdout, ended.clone(), left_tx.clone());
    let stderr = match stderr {
        Some(stderr) => output(stderr, ended, left_tx),
        None => Box::new(tokio::io::empty()),
    };
    let control = Control { commands: commands_tx, result: Some(result), left, code: None, purpose };
    Ok(Exec { stdin: stdin_writer, stdout, stderr, control: Box::new(control) })
}

/// The body of `POST /1.0/instances/NAME/exec`.
fn request(spec: &ExecSpec) -> Value {
    let mut body = json!({
        "command": spec.argv,
        "environment": spec.env,
        "wait-for-websocket": true,
        "record-output": false,
        "interactive": spec.terminal.is_some(),
    });
    if let Some(Terminal { columns, rows }) = spec.terminal {
        body["width"] = columns.into();
        body["height"] = rows.into();
    }
    if let Some((user, group)) = spec.user {
        body["user"] = user.into();
        body["group"] = group.into();
    }
    if let Some(cwd) = &spec.cwd {
        body["cwd"] = cwd.as_str().into();
    }
    body
}

async fn connect(
    rest: &Rest,
    operation: &Operation,
    fd: &str,
    purpose: &Purpose,
) -> Result<Socket, DriverError> {
    let secret = operation.metadata.get("fds").and_then(|fds| fds.get(fd)).and_then(Value::as_str);
    let Some(secret) = secret else {
        return Err(purpose.refused(format!("the engine offers no connection for '{fd}'")));
    };
    let url = rest.url(&["operations", &operation.id, "websocket"], &[("secret", secret)]);
    rest.websocket(url, purpose).await
}

type Sink = SplitSink<Socket, Message>;

/// Passes commands on until the engine closes the connection: then the command has ended.
async fn run_control(mut socket: Socket, mut commands: mpsc::Receiver<Value>, ended: watch::Sender<bool>) {
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            Some(command) = commands.recv() => {
                if socket.send(Message::text(command.to_string())).await.is_err() {
                    break;
                }
            }
        }
    }
    ended.send_replace(true);
}

/// Sends what is written to stdin, then its end. On a terminal there is no end: programs on it read until they are told `^D`.
async fn run_stdin(
    mut reader: DuplexStream,
    mut sink: Sink,
    interactive: bool,
    mut ended: watch::Receiver<bool>,
) {
    let send = async {
        let mut buffer = bytes::BytesMut::with_capacity(CHUNK);
        while let Ok(1..) = reader.read_buf(&mut buffer).await {
            sink.send(Message::Binary(buffer.split().freeze())).await?;
            buffer.reserve(CHUNK);
        }
        if !interactive {
            sink.send(Message::text("")).await?;
        }
        // Dropped, the sink would leave the connection to its other half, which is what is wanted.
        Ok::<_, tungstenite::Error>(())
    };
    tokio::select! {
        _ = send => {}
        // A command may end without having read its stdin.
        _ = ended.wait_for(|ended| *ended) => {}
    }
}

/// Reads one stream of the command, to its end or until the command has ended and nothing comes any more.
fn output(
    socket: impl Stream<Item = tungstenite::Result<Message>> + Send + Unpin + 'static,
    ended: watch::Receiver<bool>,
    left: watch::Sender<bool>,
) -> Box<dyn tokio::io::AsyncRead + Send + Unpin> {
    let (chunks, receiver) = mpsc::channel(WAITING);
    tokio::spawn(run_output(socket, chunks, ended, left));
    Box::new(StreamReader::new(ReceiverStream::new(receiver)))
}

async fn run_output(
    mut socket: impl Stream<Item = tungstenite::Result<Message>> + Send + Unpin,
    chunks: mpsc::Sender<io::Result<Bytes>>,
    mut ended: watch::Receiver<bool>,
    left: watch::Sender<bool>,
) {
    let mut patience = LINGER;
    loop {
        let waiting = Instant::now();
        let is_over = *ended.borrow();
        let message = tokio::select! {
            biased;
            message = socket.next() => message,
            () = tokio::time::sleep(patience), if is_over => {
                left.send_replace(true);
                return;
            }
            _ = ended.changed(), if !is_over => continue,
        };
        if is_over {
            // At least a little for each message, so that a background process that never stops writing comes to an end too.
            patience = patience.saturating_sub(waiting.elapsed().max(Duration::from_micros(500)));
        }
        match message {
            // Nobody reads any more: read on all the same, the command must not block.
            Some(Ok(Message::Binary(chunk))) => drop(chunks.send(Ok(chunk)).await),
            Some(Ok(Message::Text(_) | Message::Close(_))) => return,
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let _ = chunks.send(Err(broken(error))).await;
                return;
            }
            None => {
                let _ = chunks.send(Err(io::ErrorKind::UnexpectedEof.into())).await;
                return;
            }
        }
    }
}

/// The command's end and its control connection.
struct Control {
    commands: mpsc::Sender<Value>,
    result: Option<oneshot::Receiver<Result<Operation, DriverError>>>,
    /// Whether a stream was left to a background process.
    left: watch::Receiver<bool>,
    code: Option<i32>,
    purpose: Purpose,
}

#[async_trait]
impl ExecControl for Control {
    async fn wait(&mut self) -> Result<i32, DriverError> {
        if let Some(code) = self.code {
            return Ok(code);
        }
        let gone = || self.purpose.interrupted(io::Error::from(io::ErrorKind::UnexpectedEof));
        let result = self.result.as_mut().ok_or_else(gone)?;
        let withheld = async {
            if self.left.wait_for(|left| *left).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(WITHHELD).await;
        };
        let operation = tokio::select! {
            operation = result => operation.map_err(|_| gone())?,
            () = withheld => return Err(self.purpose.refused(
                "the command has ended, but a background process keeps its output open and the engine doesn't tell \
                 the exit code before that ends; let it write elsewhere, for example to /dev/null",
            )),
        };
        self.result = None;
        let code = exit_code(&operation?, &self.purpose)?;
        self.code = Some(code);
        Ok(code)
    }

    async fn resize(&mut self, terminal: Terminal) -> Result<(), DriverError> {
        let Terminal { columns, rows } = terminal;
        let size = json!({ "width": columns.to_string(), "height": rows.to_string() });
        self.tell(json!({ "command": "window-resize", "args": size })).await;
        Ok(())
    }

    async fn signal(&mut self, signal: i32) -> Result<(), DriverError> {
        self.tell(json!({ "command": "signal", "signal": signal })).await;
        Ok(())
    }
}

impl Control {
    /// Sends a command; when the program has ended there is nobody to tell it to, which is fine.
    async fn tell(&self, command: Value) {
        let _ = self.commands.send(command).await;
    }
}

/// The exit code. A program that isn't there (127) or isn't one (126) fails the operation, with the code in its metadata.
fn exit_code(operation: &Operation, purpose: &Purpose) -> Result<i32, DriverError> {
    let code =
        operation.metadata.get("return").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
    match code {
        Some(code) if operation.succeeded() || code > 0 => Ok(code),
        _ => Err(purpose.refused(operation.err.clone())),
    }
}
