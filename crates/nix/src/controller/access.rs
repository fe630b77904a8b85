//! Bringing the user's access to servers into the controller for one run: a program is put behind `ctrl-serve with-access`, which reads
//! what it may use from stdin and keeps it in a tmpfs while the program runs.
//!
//! What the files hold is decided here; how they get there is in `crates/ctrl-serve/src/access.rs`. Nothing of it is ever an argument
//! or a variable: those are paths only.

mod agent;
mod files;

use std::collections::BTreeMap;

use codchi_controller::{
    access::{Access, ForgeKind, Server, Transport},
    driver::ExecSpec,
    nix::NixError,
};
use serde::Serialize;
use zeroize::Zeroizing;

use super::ControllerNix;
use crate::flake_ref::{self, FlakeKind, Forge, Transport as GitTransport};
use agent::Bridge;

/// Where `ctrl-serve` keeps what a run may use.
const DIRECTORY: &str = "/run/codchi/access";

/// A program with what it may use.
pub(super) struct Granted {
    pub(super) spec: ExecSpec,
    /// What its stdin is; `None` where it is granted nothing.
    pub(super) stdin: Option<Zeroizing<Vec<u8>>>,
    /// Held while it runs.
    _agent: Option<Bridge>,
}

/// What `ctrl-serve with-access` reads: the length of the JSON text (32 bits, big endian), and the text.
#[derive(Serialize)]
struct Header<'a> {
    files: Vec<(&'static str, &'a str)>,
    variables: BTreeMap<String, String>,
}

impl ControllerNix {
    /// Lets a program use the access.
    pub(super) async fn grant(&self, mut spec: ExecSpec, access: &Access) -> Result<Granted, NixError> {
        if access.is_empty() {
            return Ok(Granted { spec, stdin: None, _agent: None });
        }
        let agent = match &access.agent {
            // An agent that doesn't answer is none: SSH says then that it has no key.
            Some(agent) => Bridge::open(&*self.driver, agent.clone()).await?,
            None => None,
        };
        let name = uuid::Uuid::new_v4().simple().to_string();
        let directory = format!("{DIRECTORY}/{name}");
        let files = files::render(access, &directory, agent.as_ref().map(Bridge::socket));
        let header = Header {
            files: files.files.iter().map(|(name, text)| (*name, text.as_str())).collect(),
            variables: files.variables.into_iter().collect(),
        };
        let failed =
            |message: String| NixError::Failed { action: "hand over access to servers".into(), message };
        let json = Zeroizing::new(serde_json::to_vec(&header).map_err(|error| failed(error.to_string()))?);
        let length = u32::try_from(json.len()).map_err(|error| failed(error.to_string()))?;
        let mut stdin = Zeroizing::new(Vec::with_capacity(json.len() + 4));
        stdin.extend_from_slice(&length.to_be_bytes());
        stdin.extend_from_slice(&json);
        let wrapper = [Self::SERVE, "with-access", &name, "--"].map(str::to_owned);
        spec.argv.splice(..0, wrapper);
        Ok(Granted { spec, stdin: Some(stdin), _agent: agent })
    }
}

/// The server behind a canonical address.
pub(super) fn server(url: &str) -> Option<Server> {
    let flake = flake_ref::parse(url).ok()?;
    let archive = matches!(flake.kind, FlakeKind::Tarball { .. });
    let (transport, host, path, forge) = match flake.kind {
        FlakeKind::Forge { forge, host, owner, repo } => {
            let host = host.unwrap_or_else(|| forge.host().to_owned());
            let kind = match forge {
                Forge::Github => ForgeKind::Github,
                Forge::Gitlab => ForgeKind::Gitlab,
                Forge::Sourcehut => ForgeKind::Sourcehut,
            };
            (Transport::Https, host, format!("{owner}/{repo}"), Some(kind))
        }
        FlakeKind::Git { transport, authority, path, .. } => {
            let transport = match transport {
                GitTransport::Https => Transport::Https,
                GitTransport::Http | GitTransport::Git => Transport::Plain,
                GitTransport::Ssh => Transport::Ssh,
                GitTransport::File => return None,
            };
            (transport, host_of(&authority?), path, None)
        }
        FlakeKind::Tarball { scheme, authority, path, .. } => {
            let transport = if scheme == "https" { Transport::Https } else { Transport::Plain };
            (transport, host_of(&authority), path, None)
        }
        FlakeKind::Path { .. } => return None,
    };
    let path = path.trim_start_matches('/').to_owned();
    let owner = path.split('/').next().unwrap_or_default().to_owned();
    Some(Server { transport, host, owner, path, forge, archive })
}

fn host_of(authority: &flake_ref::Authority) -> String {
    match authority.port {
        Some(port) => format!("{}:{port}", authority.host),
        None => authority.host.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_their_addresses() {
        let of = |url: &str| server(url).map(|s| (s.transport, s.host, s.owner, s.path));
        let expected = |transport, host: &str, owner: &str, path: &str| {
            Some((transport, host.to_owned(), owner.to_owned(), path.to_owned()))
        };
        assert_eq!(of("github:acme/web/main"), expected(Transport::Https, "github.com", "acme", "acme/web"));
        assert_eq!(
            of("gitlab:group%2Fsub/web?host=git.example.org"),
            expected(Transport::Https, "git.example.org", "group", "group/sub/web")
        );
        assert_eq!(
            of("git+https://10.0.0.1:8443/acme/x.git?ref=main"),
            expected(Transport::Https, "10.0.0.1:8443", "acme", "acme/x.git")
        );
        assert_eq!(
            of("git+ssh://git@host:2222/acme/x"),
            expected(Transport::Ssh, "host:2222", "acme", "acme/x")
        );
        assert_eq!(of("git+http://h/a/b").unwrap().0, Transport::Plain);
        assert_eq!(of("https://h/a/b.tar.gz").unwrap().3, "a/b.tar.gz");
        assert_eq!((of("git+file:///a"), of("path:/a"), of("not an address")), (None, None, None));
    }
}
