//! `ssh-agent`: the socket of the user's SSH agent. Its keys never leave the agent.

use std::path::PathBuf;

use super::{Capability, Finding, Found, HostSocket, Missing, look, sockets};
use crate::host::Host;

pub(super) const CAPABILITY: Capability = Capability { name: "ssh-agent", title: "SSH agent", probe };

/// What its socket is called in a machine.
pub(super) const SOCKET: &str = "ssh-agent";

/// Where desktops and distributions put it below the session's directory.
const USUAL: &[&str] = &["gcr/ssh", "keyring/ssh", "openssh_agent", "ssh-agent.socket", "ssh-agent"];

fn probe(host: &dyn Host) -> Finding {
    match sockets::answering(host, &candidates(host)) {
        Some(at) => Ok(Found {
            evidence: at.display().to_string(),
            sockets: vec![HostSocket { name: SOCKET, at }],
            ..Found::default()
        }),
        None => {
            let evidence = match host.variable("SSH_AUTH_SOCK") {
                Some(path) => format!("nothing answers at SSH_AUTH_SOCK, {path}"),
                None => "SSH_AUTH_SOCK isn't set".into(),
            };
            Err(Missing::new(
                "no_agent",
                "No SSH agent runs in this session. Start one, such as `ssh-agent`, and add keys with `ssh-add`.",
                evidence,
            ))
        }
    }
}

/// Where it may be, the likeliest first.
pub(super) fn candidates(host: &dyn Host) -> Vec<PathBuf> {
    let runtime = look::runtime_directory(host);
    let named = host.variable("SSH_AUTH_SOCK").map(PathBuf::from);
    named.into_iter().chain(USUAL.iter().map(|name| runtime.join(name))).collect()
}
