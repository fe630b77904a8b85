//! Where the user's own access is found on this computer: the trait that the domain needs. `codchi-host` implements it.

use std::{io, sync::Arc};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Certificate, Proxy};
use crate::secret::SecretValue;

/// This computer's knowledge of servers. Nothing here raises a prompt.
#[async_trait]
pub trait UserAccess: Send + Sync + 'static {
    /// The certificate authorities that this computer trusts beyond the usual ones.
    async fn certificates(&self) -> Vec<Certificate>;

    /// A trust store for Java with these authorities beside the usual ones; `None` when it can't be made. PKCS#12, with the password
    /// `changeit`.
    async fn trust_store(&self, certificates: &[Certificate]) -> Option<Vec<u8>>;

    /// The proxy that the environment names.
    fn proxy(&self) -> Proxy;

    /// Name and token that git's helpers have for a repository over HTTPS.
    async fn git_credential(&self, host: &str, path: &str) -> Option<(String, SecretValue)>;

    /// The SSH agent, where one is named; it may not answer.
    fn agent(&self) -> Option<Arc<dyn SshAgent>>;

    /// The lines of `known_hosts` of the user and of the system.
    async fn known_hosts(&self) -> String;
}

/// An SSH agent (draft-ietf-sshm-ssh-agent).
#[async_trait]
pub trait SshAgent: Send + Sync + 'static {
    /// A connection of its own.
    ///
    /// # Errors
    /// When nobody listens.
    async fn connect(&self) -> io::Result<Box<dyn AgentStream>>;
}

/// A connection to an agent.
pub trait AgentStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> AgentStream for T {}

/// A computer without any access of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUserAccess;

#[async_trait]
impl UserAccess for NoUserAccess {
    async fn certificates(&self) -> Vec<Certificate> {
        Vec::new()
    }

    async fn trust_store(&self, _: &[Certificate]) -> Option<Vec<u8>> {
        None
    }

    fn proxy(&self) -> Proxy {
        Proxy::NONE
    }

    async fn git_credential(&self, _: &str, _: &str) -> Option<(String, SecretValue)> {
        None
    }

    fn agent(&self) -> Option<Arc<dyn SshAgent>> {
        None
    }

    async fn known_hosts(&self) -> String {
        String::new()
    }
}
