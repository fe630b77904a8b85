//! What an operation asks its user: which of the modules' requests are still open. Pure.

use serde::{Deserialize, Serialize};

use super::{Answers, HostSecret, SecretAnswer, StoreKind};
use crate::{
    capability::SSH_AGENT,
    doctor::Check,
    machine::MachineSpec,
    nix::{HostSecretRequests, Requirements, SecretRequest},
};

/// Which open requests an operation waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AskFor {
    /// Those without which the machine can't work: nobody may be there to answer.
    #[default]
    Required,
    /// Every one that was never answered: somebody is there.
    Everything,
}

/// What an operation waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Asks {
    /// Secrets without a value.
    pub secrets: Vec<AskedSecret>,
    /// Secrets of the user's own that the machine wants to use.
    pub host_secrets: Vec<HostSecret>,
    /// Capabilities that this computer lacks, with the reason and what mends it.
    pub capabilities: Vec<Check>,
    /// The store of secrets that must be unlocked.
    pub unlock: Option<StoreKind>,
}

/// A secret without a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct AskedSecret {
    /// Its name among `codchi.secrets`.
    pub name: String,
    /// The machine's module that asks for it, where that is known.
    pub module: Option<String>,
    /// What its module says of it.
    pub request: SecretRequest,
}

impl Asks {
    /// Whether nothing is open.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The modules' requests that have no answer yet and are waited for. Optional secrets come along when something is waited for
    /// anyway: whoever answers sees everything at once.
    pub(crate) fn open(
        spec: &MachineSpec,
        requirements: &Requirements,
        answers: &Answers,
        ask_for: AskFor,
    ) -> Self {
        let unanswered = |(name, request): (&String, &SecretRequest)| {
            let answered = match answers.secrets.get(name) {
                Some(SecretAnswer::Set { .. }) => true,
                Some(SecretAnswer::Later) => request.optional,
                None => false,
            };
            (!answered).then(|| AskedSecret {
                name: name.clone(),
                module: module_of(spec, request),
                request: request.clone(),
            })
        };
        let mut secrets: Vec<AskedSecret> = requirements.secrets.iter().filter_map(unanswered).collect();
        // First what is needed.
        secrets.sort_by_key(|secret| secret.request.optional);
        let needed = secrets.iter().any(|secret| !secret.request.optional);
        if ask_for == AskFor::Required && !needed {
            return Self::default();
        }
        let wanted = requirements.wanted_host_secrets();
        let host_secrets = match ask_for {
            AskFor::Required => vec![],
            AskFor::Everything => {
                wanted.into_iter().filter(|secret| !answers.host_secrets.contains_key(secret)).collect()
            }
        };
        Self { secrets, host_secrets, ..Self::default() }
    }
}

/// The name of the machine's module that asks for a secret.
pub(crate) fn module_of(spec: &MachineSpec, request: &SecretRequest) -> Option<String> {
    let at = usize::try_from(request.module?).ok()?;
    spec.modules.get(at).map(|module| module.name.clone())
}

impl Requirements {
    /// Which of the user's own secrets the modules want. The agent's socket is one, also where it is asked for as a capability.
    pub(crate) fn wanted_host_secrets(&self) -> Vec<HostSecret> {
        let HostSecretRequests { ca_certificates, ssh_agent, git_credentials, nix_access_tokens } =
            self.host_secrets;
        let mut capabilities = self.capabilities.iter().chain(&self.optional_capabilities);
        let agent = ssh_agent || capabilities.any(|name| name == SSH_AGENT);
        [
            (ca_certificates, HostSecret::CaCertificates),
            (agent, HostSecret::SshAgent),
            (git_credentials, HostSecret::GitCredentials),
            (nix_access_tokens, HostSecret::NixAccessTokens),
        ]
        .into_iter()
        .filter_map(|(wanted, secret)| wanted.then_some(secret))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::{driver::DriverKind, machine::NixpkgsChoice};

    fn request(optional: bool) -> SecretRequest {
        SecretRequest {
            description: String::new(),
            kind: "env".into(),
            env: None,
            path: None,
            owner: None,
            group: None,
            mode: None,
            optional,
            pattern: None,
            module: None,
        }
    }

    fn open(secrets: &[(&str, bool)], answers: &Answers, ask_for: AskFor) -> (Vec<String>, Vec<HostSecret>) {
        let requirements = Requirements {
            secrets: secrets
                .iter()
                .map(|(name, optional)| ((*name).to_owned(), request(*optional)))
                .collect(),
            host_secrets: HostSecretRequests { ssh_agent: true, ..HostSecretRequests::default() },
            ..Requirements::default()
        };
        let spec = MachineSpec { driver: DriverKind::Fake, nixpkgs: NixpkgsChoice::Builtin, modules: vec![] };
        let asks = Asks::open(&spec, &requirements, answers, ask_for);
        (asks.secrets.into_iter().map(|secret| secret.name).collect(), asks.host_secrets)
    }

    #[test]
    fn nobody_is_waited_for_because_of_what_is_optional() {
        let none = Answers::default();
        assert_eq!(open(&[("a", true)], &none, AskFor::Required), (vec![], vec![]));
        let (secrets, host) = open(&[("a", true)], &none, AskFor::Everything);
        assert_eq!((secrets, host), (vec!["a".to_owned()], vec![HostSecret::SshAgent]));
        let (secrets, _) = open(&[("a", true), ("b", false)], &none, AskFor::Required);
        assert_eq!(secrets, ["b", "a"], "who is asked for one sees the other, after what is needed");
    }

    #[test]
    fn the_agent_is_asked_for_also_as_a_capability() {
        let spec = MachineSpec { driver: DriverKind::Fake, nixpkgs: NixpkgsChoice::Builtin, modules: vec![] };
        let names = || vec!["ssh-agent".to_owned()];
        for requirements in [
            Requirements { capabilities: names(), ..Requirements::default() },
            Requirements { optional_capabilities: names(), ..Requirements::default() },
        ] {
            let asks = Asks::open(&spec, &requirements, &Answers::default(), AskFor::Everything);
            assert_eq!(asks.host_secrets, [HostSecret::SshAgent]);
        }
    }

    #[test]
    fn answers_close_requests() {
        let mut answers = Answers::default();
        answers.secrets.insert("a".into(), SecretAnswer::Later);
        answers.secrets.insert("b".into(), SecretAnswer::Set { changed: OffsetDateTime::UNIX_EPOCH });
        answers.host_secrets.insert(HostSecret::SshAgent, false);
        assert_eq!(open(&[("a", true), ("b", false)], &answers, AskFor::Everything), (vec![], vec![]));
        let (secrets, _) = open(&[("a", false)], &answers, AskFor::Required);
        assert_eq!(secrets, ["a"], "later is no answer to what is needed");
    }
}
