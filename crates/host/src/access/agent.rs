//! The SSH agent of this session.

use std::sync::Arc;

use codchi_controller::access::SshAgent;

use crate::Environment;

/// The agent that the environment names.
#[cfg(unix)]
pub(super) fn of(environment: &Environment) -> Option<Arc<dyn SshAgent>> {
    Some(Arc::new(unix::Socket(environment.path("SSH_AUTH_SOCK")?)))
}

/// The agent of Windows' own OpenSSH, which listens at one place for all.
#[cfg(windows)]
pub(super) fn of(_: &Environment) -> Option<Arc<dyn SshAgent>> {
    Some(Arc::new(windows::Pipe))
}

#[cfg(unix)]
mod unix {
    use std::{io, path::PathBuf};

    use async_trait::async_trait;
    use codchi_controller::access::{AgentStream, SshAgent};
    use tokio::net::UnixStream;

    pub(super) struct Socket(pub(super) PathBuf);

    #[async_trait]
    impl SshAgent for Socket {
        async fn connect(&self) -> io::Result<Box<dyn AgentStream>> {
            Ok(Box::new(UnixStream::connect(&self.0).await?))
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use async_trait::async_trait;
    use codchi_controller::access::{AgentStream, SshAgent};
    use tokio::net::windows::named_pipe::ClientOptions;

    const PIPE: &str = r"\\.\pipe\openssh-ssh-agent";

    pub(super) struct Pipe;

    #[async_trait]
    impl SshAgent for Pipe {
        async fn connect(&self) -> io::Result<Box<dyn AgentStream>> {
            Ok(Box::new(ClientOptions::new().open(PIPE)?))
        }
    }
}
