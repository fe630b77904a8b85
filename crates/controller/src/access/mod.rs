//! The user's own access to servers, as far as one run in the controller may use it: tokens, git's credentials, the SSH agent, the
//! certificate authorities that this computer trusts, and its proxy.
//!
//! It is put together for one run and limited to the servers that the user named. What brings it into the controller is Nix' part,
//! where it is found is [`UserAccess`]'s. Nothing here is written to a file.

mod bring;
mod certificate;
mod gather;
mod proxy;
mod source;
mod status;
mod tokens;

use std::{fmt, sync::Arc};

use crate::secret::SecretValue;

pub(crate) use bring::HostSettings;
pub use certificate::{Certificate, CertificateOrigin, CertificateStatus};
pub(crate) use gather::Origins;
pub use proxy::{Proxy, ProxyStatus};
pub use source::{AgentStream, NoUserAccess, SshAgent, UserAccess};
pub use status::{AccessStatus, AgentStatus};
pub use tokens::TokenStatus;

/// What one run may use.
#[derive(Clone, Default)]
pub struct Access {
    /// For servers that are reached over HTTPS.
    pub credentials: Vec<Credential>,
    /// The SSH agent, where a server is reached over SSH.
    pub agent: Option<Arc<dyn SshAgent>>,
    /// The servers that are reached over SSH. The agent is for no others.
    pub ssh: Vec<SshPlace>,
    /// The host keys that the user's SSH knows, in the form of its `known_hosts`.
    pub known_hosts: String,
    /// The network's proxy.
    pub proxy: Proxy,
}

/// Nothing.
pub static NOTHING: Access = Access {
    credentials: Vec::new(),
    agent: None,
    ssh: Vec::new(),
    known_hosts: String::new(),
    proxy: Proxy::NONE,
};

impl Access {
    /// Whether there is nothing to use.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
            && self.agent.is_none()
            && self.known_hosts.is_empty()
            && self.proxy.is_empty()
    }

    /// What is used at a server.
    pub fn used_at(&self, server: &Server) -> Used {
        if server.transport == Transport::Ssh {
            return if self.agent.is_some() { Used::Agent } else { Used::NoAgent };
        }
        let credential = self.credentials.iter().find(|credential| credential.is_for(server));
        match credential.map(|credential| credential.origin) {
            Some(CredentialOrigin::Token) => Used::Token,
            Some(CredentialOrigin::Git) => Used::GitCredentials,
            None => Used::Nothing,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("credentials", &self.credentials)
            .field("agent", &self.agent.is_some())
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// A server that is reached over SSH, and what may be read there in the user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPlace {
    /// The server's name, with its port where that isn't the usual one.
    pub host: String,
    /// The first segments of the paths: the owners of the repositories.
    pub owners: Vec<String>,
}

/// A user's name and token for a server. `Debug` doesn't show the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Where it comes from.
    pub origin: CredentialOrigin,
    /// The server's name, with its port where that isn't the usual one.
    pub host: String,
    /// The first segments of the paths that it may be used for: the owners of the repositories.
    pub owners: Vec<String>,
    /// The forge that the server runs, where Nix fetches from it as from one.
    pub forge: Option<ForgeKind>,
    /// Whether an archive is fetched from there.
    pub archive: bool,
    /// The user's name there.
    pub user: String,
    /// The token or password.
    pub secret: SecretValue,
}

impl Credential {
    /// Whether it is meant for a server.
    pub fn is_for(&self, server: &Server) -> bool {
        server.transport == Transport::Https
            && self.host == server.host
            && self.owners.contains(&server.owner)
    }
}

/// Where a credential comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialOrigin {
    /// The user's token for the host, from the secret store.
    Token,
    /// A helper of the user's own git.
    Git,
}

/// Where a repository is, as far as access to it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// How it is reached.
    pub transport: Transport,
    /// Its name, with its port where that isn't the usual one.
    pub host: String,
    /// The first segment of the repository's path.
    pub owner: String,
    /// The repository's path without a slash in front.
    pub path: String,
    /// The forge that Nix takes it for.
    pub forge: Option<ForgeKind>,
    /// Whether it is an archive, not a repository.
    pub archive: bool,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Over TLS. Tokens go nowhere else.
    Https,
    /// In the clear.
    Plain,
    /// Over SSH.
    Ssh,
}

/// The forges for which Nix takes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// SourceHut.
    Sourcehut,
}

/// What was used at a server that refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// There was nothing to use.
    Nothing,
    /// The token that Codchi keeps for the host.
    Token,
    /// What git's helpers know.
    GitCredentials,
    /// The keys of the SSH agent.
    Agent,
    /// Nothing, because there is no SSH agent.
    NoAgent,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let credential = Credential {
            origin: CredentialOrigin::Token,
            host: "git.example.org:8443".into(),
            owners: vec!["acme".into()],
            forge: None,
            archive: false,
            user: "u".into(),
            secret: SecretValue::new("hunter2-hunter2").unwrap(),
        };
        let proxy = Proxy { http: Some("http://me:hunter2-hunter2@proxy:3128".into()), ..Proxy::default() };
        Access { credentials: vec![credential], proxy, ..Access::default() }
    }

    fn server(transport: Transport, host: &str, owner: &str) -> Server {
        let path = format!("{owner}/x");
        Server { transport, host: host.into(), owner: owner.into(), path, forge: None, archive: false }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let shown = format!("{:?} {:#?}", access(), access());
        assert!(!shown.contains("hunter2") && shown.contains("git.example.org"), "{shown}");
        assert!(NOTHING.is_empty() && !access().is_empty());
    }

    #[test]
    fn a_token_is_for_its_host_and_owner_over_tls_only() {
        let access = access();
        let used = |transport, host, owner| access.used_at(&server(transport, host, owner));
        assert_eq!(used(Transport::Https, "git.example.org:8443", "acme"), Used::Token);
        assert_eq!(used(Transport::Https, "git.example.org", "acme"), Used::Nothing);
        assert_eq!(used(Transport::Https, "git.example.org:8443", "other"), Used::Nothing);
        assert_eq!(used(Transport::Plain, "git.example.org:8443", "acme"), Used::Nothing);
        assert_eq!(used(Transport::Ssh, "git.example.org:8443", "acme"), Used::NoAgent);
    }
}
