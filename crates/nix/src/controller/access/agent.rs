//! The user's SSH agent in the controller: `ctrl-serve agent-bridge` listens there and hands every request over as a frame; here each
//! connection gets one of its own to the real agent. Keys never leave it.
//!
//! A frame is a connection's number and a length (32 bits each, big endian) and so many bytes: a message of the agent's protocol
//! (draft-ietf-sshm-ssh-agent) without its own length. One without bytes says that the connection is closed; the first frame of all is
//! connection 0 without bytes and says that the socket is there.

use std::{collections::HashMap, sync::Arc, time::Duration};

use codchi_controller::{
    access::{AgentStream, SshAgent},
    driver::{Driver, DriverError, Exec, ExecSpec},
    nix::NixError,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

use super::{super::ControllerNix, DIRECTORY};

/// What OpenSSH takes as the longest message of an agent.
const LONGEST: u32 = 256 << 10;
/// The only requests that are passed on: keys are listed and used, neither added nor removed.
const PASSED: [u8; 3] = [LIST, SIGN, EXTENSION];
const LIST: u8 = 11;
const SIGN: u8 = 13;
const EXTENSION: u8 = 27;
/// Of the extensions the one that binds a connection to a session, which restricted keys ask for.
const SESSION_BIND: &[u8] = b"\x00\x00\x00\x18session-bind@openssh.com";
/// What an agent answers to what it doesn't do.
const FAILURE: [u8; 1] = [5];
/// How long the socket may take to be there.
const BEGIN: Duration = Duration::from_secs(20);

/// The agent's socket in the controller, as long as this exists.
pub(super) struct Bridge {
    socket: String,
    _task: JoinSet<()>,
}

impl Bridge {
    /// Listens in the controller; `None` when the agent itself doesn't answer.
    pub(super) async fn open(
        driver: &dyn Driver,
        agent: Arc<dyn SshAgent>,
    ) -> Result<Option<Self>, NixError> {
        if agent.connect().await.is_err() {
            return Ok(None);
        }
        let name = uuid::Uuid::new_v4().simple().to_string();
        let spec = ExecSpec::new([ControllerNix::SERVE, "agent-bridge", &name]).piped();
        let mut exec = driver.exec(&ControllerNix::instance(), spec).await?;
        let broken = |reason: std::io::Error| {
            NixError::Driver(DriverError::Interrupted {
                action: "bring the SSH agent into the controller".into(),
                source: Box::new(reason),
            })
        };
        match timeout(BEGIN, frame(&mut exec.stdout)).await {
            Ok(Ok((0, message))) if message.is_empty() => {}
            Ok(Err(error)) => return Err(broken(error)),
            _ => return Err(broken(std::io::ErrorKind::InvalidData.into())),
        }
        let mut task = JoinSet::new();
        task.spawn(serve(exec, agent));
        Ok(Some(Self { socket: format!("{DIRECTORY}/{name}/agent"), _task: task }))
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> &str {
        &self.socket
    }
}

/// Passes requests on until the other end is gone.
async fn serve(mut exec: Exec, agent: Arc<dyn SshAgent>) {
    let Some(mut stdin) = exec.stdin.take() else { return };
    let (answers, mut to_write) = mpsc::channel::<(u32, Vec<u8>)>(16);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some((connection, message)) = to_write.recv().await {
            if write_frame(&mut stdin, connection, &message).await.is_err() {
                return;
            }
        }
    });
    let mut connections: HashMap<u32, mpsc::Sender<Vec<u8>>> = HashMap::new();
    while let Ok((connection, message)) = frame(&mut exec.stdout).await {
        if message.is_empty() {
            connections.remove(&connection);
            continue;
        }
        let requests = connections.entry(connection).or_insert_with(|| {
            let (requests, to_answer) = mpsc::channel(1);
            tasks.spawn(answer(connection, to_answer, Arc::clone(&agent), answers.clone()));
            requests
        });
        let _ = requests.send(message).await;
    }
}

/// Answers the requests of one connection, in their order.
async fn answer(
    connection: u32,
    mut requests: mpsc::Receiver<Vec<u8>>,
    agent: Arc<dyn SshAgent>,
    answers: mpsc::Sender<(u32, Vec<u8>)>,
) {
    let mut stream = agent.connect().await.ok();
    while let Some(request) = requests.recv().await {
        let answer = match &mut stream {
            Some(stream) if is_passed(&request) => ask(&mut **stream, &request).await,
            _ => Ok(FAILURE.to_vec()),
        };
        // Without an answer the connection is closed.
        let answer = answer.unwrap_or_default();
        let over = answer.is_empty();
        if answers.send((connection, answer)).await.is_err() || over {
            return;
        }
    }
}

fn is_passed(request: &[u8]) -> bool {
    match request {
        [EXTENSION, rest @ ..] => rest.starts_with(SESSION_BIND),
        [kind, ..] => PASSED.contains(kind),
        [] => false,
    }
}

async fn ask(stream: &mut dyn AgentStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = u32::try_from(request.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], request].concat()).await?;
    let length = stream.read_u32().await?;
    read_exactly(stream, length).await
}

async fn frame(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u32, Vec<u8>)> {
    let connection = stream.read_u32().await?;
    let length = stream.read_u32().await?;
    Ok((connection, read_exactly(stream, length).await?))
}

async fn read_exactly(
    stream: &mut (impl AsyncRead + Unpin + ?Sized),
    length: u32,
) -> std::io::Result<Vec<u8>> {
    if length > LONGEST {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_frame(
    stream: &mut (impl AsyncWrite + Unpin),
    connection: u32,
    message: &[u8],
) -> std::io::Result<()> {
    let length = u32::try_from(message.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&connection.to_be_bytes()[..], &length.to_be_bytes(), message].concat()).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_used_and_not_changed() {
        let bind = [&[EXTENSION][..], SESSION_BIND, b"rest"].concat();
        for (request, passed) in [
            (&[LIST][..], true),
            (&[SIGN, 1, 2], true),
            (&bind, true),
            (b"\x1b\x00\x00\x00\x05query", false),
            (&[17, 1], false),
            (&[18], false),
            (&[19], false),
            (&[22], false),
            (&[], false),
        ] {
            assert_eq!(is_passed(request), passed, "{request:?}");
        }
    }

    /// An agent that answers each request with its bytes reversed.
    struct Reversing;

    #[async_trait::async_trait]
    impl SshAgent for Reversing {
        async fn connect(&self) -> std::io::Result<Box<dyn AgentStream>> {
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(async move {
                while let Ok(length) = theirs.read_u32().await {
                    let mut message = read_exactly(&mut theirs, length).await.unwrap();
                    message.reverse();
                    theirs.write_all(&length.to_be_bytes()).await.unwrap();
                    theirs.write_all(&message).await.unwrap();
                }
            });
            Ok(Box::new(ours))
        }
    }

    #[tokio::test]
    async fn connections_are_kept_apart() {
        let (mut bridge, stdin) = tokio::io::duplex(1 << 16);
        let (mut requests, stdout) = tokio::io::duplex(1 << 16);
        let exec = Exec {
            stdin: Some(Box::new(stdin)),
            stdout: Box::new(stdout),
            stderr: Box::new(tokio::io::empty()),
            control: Box::new(NoControl),
        };
        let serving = tokio::spawn(serve(exec, Arc::new(Reversing)));
        write_frame(&mut requests, 1, &[SIGN, 1, 2]).await.unwrap();
        assert_eq!(frame(&mut bridge).await.unwrap(), (1, vec![2, 1, SIGN]));
        write_frame(&mut requests, 2, &[17, 9]).await.unwrap();
        assert_eq!(frame(&mut bridge).await.unwrap(), (2, FAILURE.to_vec()));
        write_frame(&mut requests, 1, &[LIST]).await.unwrap();
        assert_eq!(frame(&mut bridge).await.unwrap(), (1, vec![LIST]));
        drop(requests);
        serving.await.unwrap();
    }

    struct NoControl;

    #[async_trait::async_trait]
    impl codchi_controller::driver::ExecControl for NoControl {
        async fn wait(&mut self) -> Result<i32, DriverError> {
            Ok(0)
        }
        async fn resize(&mut self, _: codchi_controller::driver::Terminal) -> Result<(), DriverError> {
            Ok(())
        }
        async fn signal(&mut self, _: i32) -> Result<(), DriverError> {
            Ok(())
        }
    }
}
