//! Putting together what one run may use: for the servers that the user named, and no others.
//!
//! A token that the user keeps for a host is used for every machine with modules from there. Git's own credentials and the keys of the
//! SSH agent are used as by `git clone`: for addresses that the user typed. A machine that was refused tokens or git's credentials has
//! its modules fetched without them.

use super::{Access, Credential, CredentialOrigin, Server, SshPlace, Transport};
use crate::{
    controller::Controller,
    error::Error,
    machine::{MachineName, MachineSpec},
    secret::{GivenAnswers, HostSecret, SecretId, SecretValue, hide},
};

/// Where credentials may come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origins {
    /// The tokens that are kept for hosts.
    pub(crate) tokens: bool,
    /// Git's helpers.
    pub(crate) git: bool,
}

impl Origins {
    /// All of them.
    pub(crate) const ALL: Self = Self { tokens: true, git: true };
}

impl Controller {
    /// For the modules of a machine. What its user answers with this command counts already.
    ///
    /// # Errors
    /// When a token is kept in a store that can't be used.
    pub(crate) async fn access_of(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        given: &GivenAnswers,
    ) -> Result<Access, Error> {
        let mut answers = self.machines.answers(machine)?.host_secrets;
        answers.extend(&given.host_secrets);
        let may = |secret| answers.get(&secret) != Some(&false);
        let origins =
            Origins { tokens: may(HostSecret::NixAccessTokens), git: may(HostSecret::GitCredentials) };
        self.access_to(spec.modules.iter().map(|module| module.url.as_str()), origins).await
    }

    /// For addresses.
    ///
    /// # Errors
    /// When a token is kept in a store that can't be used.
    pub(crate) async fn access_to(
        &self,
        urls: impl Iterator<Item = &str> + Send,
        origins: Origins,
    ) -> Result<Access, Error> {
        let servers: Vec<Server> = urls.filter_map(|url| self.nix.server(url)).collect();
        // Also for modules of this computer: their inputs may be elsewhere.
        let mut access = Access { proxy: self.user.proxy(), ..Access::default() };
        access.proxy.passwords().iter().for_each(hide);
        let tokens = if servers.is_empty() || !origins.tokens { Vec::new() } else { self.tokens()? };
        for server in &servers {
            match server.transport {
                Transport::Plain => {}
                Transport::Ssh => {
                    if access.ssh.is_empty() {
                        access.agent = self.user.agent();
                        // A line of its own: where there are no host keys, it is SSH that says so.
                        access.known_hosts =
                            format!("# host keys of this computer\n{}", self.user.known_hosts().await);
                    }
                    match access.ssh.iter_mut().find(|place| place.host == server.host) {
                        Some(place) => place.owners.push(server.owner.clone()),
                        None => access
                            .ssh
                            .push(SshPlace { host: server.host.clone(), owners: vec![server.owner.clone()] }),
                    }
                }
                Transport::Https => {
                    let known = access.credentials.iter_mut().find(|known| known.host == server.host);
                    if let Some(known) = known {
                        known.owners.push(server.owner.clone());
                        known.forge = known.forge.or(server.forge);
                        known.archive |= server.archive;
                    } else if tokens.iter().any(|token| token.host == server.host) {
                        access.credentials.extend(self.token(server).await?);
                    } else if origins.git
                        && let Some(login) = self.user.git_credential(&server.host, &server.path).await
                    {
                        access.credentials.push(credential(CredentialOrigin::Git, server, login));
                    }
                }
            }
        }
        Ok(access)
    }

    /// The token that is kept for a server.
    async fn token(&self, server: &Server) -> Result<Option<Credential>, Error> {
        let id = SecretId::Token { host: server.host.clone() };
        let Some(value) = self.read_value(&id).await? else { return Ok(None) };
        let login = split(&value);
        Ok(login.map(|login| credential(CredentialOrigin::Token, server, login)))
    }
}

/// `USER:TOKEN`.
fn split(value: &SecretValue) -> Option<(String, SecretValue)> {
    let bytes = value.expose();
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(bytes.get(..colon)?.to_vec()).ok()?;
    Some((user, SecretValue::new(bytes.get(colon + 1..)?).ok()?))
}

fn credential(
    origin: CredentialOrigin,
    server: &Server,
    (user, secret): (String, SecretValue),
) -> Credential {
    // The store knows it together with the name only.
    hide(&secret);
    Credential {
        origin,
        host: server.host.clone(),
        owners: vec![server.owner.clone()],
        forge: server.forge,
        archive: server.archive,
        user,
        secret,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_ends_the_name() {
        let parts = |text: &str| split(&SecretValue::new(text).unwrap());
        let (user, token) = parts("me:a:b").unwrap();
        assert_eq!((user.as_str(), token.expose()), ("me", &b"a:b"[..]));
        assert!(parts("me").is_none() && parts("me:").is_none());
    }
}
