//! What Codchi needs of Nix: reading repositories, locking, evaluating, building, and generations.
//!
//! The trait is implemented by the `codchi-nix` crate, which runs Nix in the controller. What the answers mean for a machine is
//! decided in `build/pipeline`.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Access, Server, Used},
    activity::Observer,
    driver::DriverError,
    machine::{MachineName, MachineSpec},
};

/// The surroundings of one run of Nix.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Is told what happens.
    pub observer: &'a dyn Observer,
    /// When cancelled, the run is ended (its processes too) and returns [`NixError::Cancelled`].
    pub cancel: &'a CancellationToken,
    /// What it may use of the user's own access to servers.
    pub access: &'a Access,
}

/// Nix, as far as Codchi uses it. All paths are the controller's.
#[async_trait]
pub trait Nix: Send + Sync + 'static {
    /// Understands what a user typed or pasted as the address of a repository. Pure. `parameter` is a `ref` or `rev` that was said
    /// beside it; one that the address already has is an error.
    ///
    /// # Errors
    /// Says what is wrong with it, never repeating a password.
    fn parse_source(&self, input: &str, parameter: Option<(&str, String)>) -> Result<Source, SourceError>;

    /// The server behind a canonical address; `None` for what is on this computer. Pure.
    fn server(&self, url: &str) -> Option<Server>;

    /// Reads which modules the repository offers. Builds nothing, runs no import-from-derivation, honours no `nixConfig`.
    async fn modules(&self, source: &Source, run: Run<'_>) -> Result<Repository, NixError>;

    /// Whether every module's source is still at the revision that `lock` names. A cheap look (refs only, nothing is fetched);
    /// `false` when in doubt.
    async fn inputs_unchanged(&self, spec: &MachineSpec, lock: &str, access: &Access) -> bool;

    /// Writes the machine's flake into the controller, locks its inputs (all of them anew where `update`) and returns the lock.
    /// `lock` is the last known one. An unchanged lock is returned byte for byte.
    async fn resolve(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        lock: Option<&str>,
        update: bool,
        run: Run<'_>,
    ) -> Result<String, NixError>;

    /// Evaluates the flake that [`Nix::resolve`] wrote, once: what the modules ask for, and what is to be built. Builds nothing.
    async fn evaluate(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        run: Run<'_>,
    ) -> Result<Evaluation, NixError>;

    /// Builds the machine's system from its derivation and returns its store path.
    async fn build(
        &self,
        machine: &MachineName,
        derivation: &StorePath,
        run: Run<'_>,
    ) -> Result<StorePath, NixError>;

    /// Makes `system` the newest generation of the machine's profile (none is added when it already is the current one).
    async fn install(&self, machine: &MachineName, system: &StorePath) -> Result<Generation, NixError>;

    /// The machine's generations, oldest first. Empty when the profile doesn't exist.
    async fn generations(&self, machine: &MachineName) -> Result<Vec<Generation>, NixError>;

    /// Makes generation `number` the current one of the profile. Activating it is the caller's.
    async fn set_generation(&self, machine: &MachineName, number: u64) -> Result<(), NixError>;

    /// How the closures of two systems differ.
    async fn diff(&self, before: &StorePath, after: &StorePath) -> Result<ClosureDiff, NixError>;

    /// Gives a machine the generations of another one, with their numbers and times. Both keep them.
    async fn copy_generations(&self, from: &MachineName, to: &MachineName) -> Result<(), NixError>;

    /// No longer keeps what [`Nix::evaluate`] made for the machine: it is built, or won't be.
    async fn release(&self, machine: &MachineName) -> Result<(), NixError>;

    /// The same for all machines, while no operation uses the controller: those that were killed couldn't.
    async fn release_all(&self) -> Result<(), NixError>;

    /// Removes what the controller keeps for the machine (its generated flake, roots).
    async fn forget(&self, machine: &MachineName) -> Result<(), NixError>;

    /// The same for all but these machines, while no operation uses the controller: it may not have run when they were deleted.
    async fn forget_others(&self, machines: &BTreeSet<MachineName>) -> Result<(), NixError>;

    /// Removes what is kept of repositories that none of these machines is made of: copies of those of this computer, and what was fetched
    /// of others. No operation uses the controller meanwhile. [`Nix::resolve`] gets anew what is needed after all.
    async fn forget_repositories(&self, but: &[MachineSpec]) -> Result<(), NixError>;
}

/// A path below `/nix/store`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct StorePath(pub String);

/// Where modules come from: a flake reference in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The canonical address as shown and stored, without credentials and fragment: `github:acme/webshop`, `git+https://…?ref=main`.
    pub url: String,
    /// A module named in the address' fragment, as an attribute path.
    pub attr: Option<Vec<String>>,
    /// Whether the address as typed contained a password or token. It is not in any field.
    pub had_credentials: bool,
}

/// What is wrong with the address of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SourceError {
    /// A short, stable word for scripts, such as `unknown_scheme`.
    pub code: &'static str,
    /// What is wrong, for people; shows the input only in a harmless form.
    pub reason: String,
}

/// What a repository offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// The canonical address.
    pub url: String,
    /// The revision that was read, where the kind of source has one.
    pub rev: Option<String>,
    /// The modules, in the flake's order of attributes.
    pub modules: Vec<OfferedModule>,
    /// Whether its nixpkgs can be used for a machine.
    pub nixpkgs: OfferedNixpkgs,
    /// What is noteworthy about the repository without preventing its use.
    pub problems: Vec<Problem>,
}

/// A module of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OfferedModule {
    /// The attribute path as one would write it in Nix, such as `nixosModules."a b"`.
    pub attr: String,
    /// The same as a list of names.
    pub path: Vec<String>,
    /// The last name.
    pub name: String,
    /// What its author says it is.
    pub description: Option<String>,
    /// Why it can't be used.
    pub error: Option<String>,
}

/// A repository's own nixpkgs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OfferedNixpkgs {
    /// Whether the flake has a direct input of that name (an input of its root, not of one of its inputs).
    pub direct: bool,
}

/// Something noteworthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Problem {
    /// A short, stable word.
    pub code: String,
    /// What it is, for people.
    pub message: String,
}

/// A machine's configuration, evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What its modules ask for.
    pub requirements: Requirements,
    /// The derivation of its system.
    pub derivation: StorePath,
}

/// What the modules of a machine ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Requirements {
    /// User secrets, by name.
    pub secrets: BTreeMap<String, SecretRequest>,
    /// Host secrets.
    pub host_secrets: HostSecretRequests,
    /// What the host must offer.
    pub capabilities: Vec<String>,
    /// What the host may offer.
    pub optional_capabilities: Vec<String>,
    /// Whether a script runs once after the first start.
    pub init_script: bool,
}

/// A user secret that a module asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct SecretRequest {
    /// What it is and where to get it, in a subset of Markdown.
    pub description: String,
    /// `env` or `file`.
    pub kind: String,
    /// The environment variable, for `env`.
    pub env: Option<String>,
    /// The file, for `file`.
    pub path: Option<String>,
    /// The file's owner.
    pub owner: Option<String>,
    /// The file's group.
    pub group: Option<String>,
    /// The file's mode, octal.
    pub mode: Option<String>,
    /// Whether the machine works without it.
    pub optional: bool,
    /// A regular expression that the value must match.
    pub pattern: Option<String>,
    /// Which of the machine's modules asks for it, counted from 0, where that is known.
    #[serde(default)]
    pub module: Option<u32>,
}

/// Which of the user's own secrets the modules ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct HostSecretRequests {
    /// Extra certificate authorities.
    pub ca_certificates: bool,
    /// The SSH agent's socket.
    pub ssh_agent: bool,
    /// Credentials for git.
    pub git_credentials: bool,
    /// Access tokens for Nix.
    pub nix_access_tokens: bool,
}

/// A generation of a machine's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// Its number, from 1.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub number: u64,
    /// Its system.
    pub system: StorePath,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub created: OffsetDateTime,
    /// Whether the profile points to it.
    pub current: bool,
}

/// How one closure differs from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ClosureDiff {
    /// The packages that differ, by name.
    pub packages: Vec<PackageChange>,
    /// Bytes more (or less) on disk.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: i64,
}

/// How one package differs between two closures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct PackageChange {
    /// The package's name.
    pub name: String,
    /// Its versions before; empty when it is new.
    pub before: Vec<String>,
    /// Its versions after; empty when it is gone.
    pub after: Vec<String>,
    /// Bytes more (or less).
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: i64,
}

/// What went wrong with Nix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NixError {
    /// A source couldn't be fetched.
    #[error("can't fetch {url}: {reason}")]
    Fetch {
        /// Which, without credentials.
        url: String,
        /// Why, in one line.
        reason: String,
        /// Whether it doesn't exist or isn't visible to this user (else: network, certificate, …).
        missing: bool,
    },
    /// A server wants to know who asks, or refused who did.
    #[error("{}", denied(url, host, *used))]
    AccessDenied {
        /// What was to be fetched, without credentials.
        url: String,
        /// The server.
        host: String,
        /// What was used.
        used: Used,
        /// What the server said, in one line.
        reason: String,
    },
    /// A server's certificate isn't trusted.
    #[error("the certificate of {host} is not trusted by this computer")]
    Certificate {
        /// What was to be fetched, without credentials.
        url: String,
        /// The server.
        host: String,
        /// What the program said, in one line.
        reason: String,
    },
    /// An SSH server's host key isn't known, or isn't the known one.
    #[error("the SSH server {host} {}", if *changed { "has another host key than the one that is known" } else { "is not known to this computer" })]
    HostKey {
        /// The server.
        host: String,
        /// Whether another key is known.
        changed: bool,
    },
    /// The repository has no `flake.nix`.
    #[error("{url} has no flake.nix")]
    NoFlake {
        /// Which, without credentials.
        url: String,
    },
    /// Nix code doesn't evaluate.
    #[error("{what} doesn't evaluate: {cause}")]
    Evaluation {
        /// What was evaluated, such as `the machine's configuration`.
        what: String,
        /// Nix' own error in one line.
        cause: String,
        /// Nix' whole message with its trace, made safe.
        trace: String,
    },
    /// A derivation failed.
    #[error("{derivation} did not build: {cause}")]
    Build {
        /// Its name without hash and `.drv`.
        derivation: String,
        /// The likely cause in one line.
        cause: String,
        /// The last lines that it printed, made safe.
        last_lines: Vec<String>,
    },
    /// Nix failed in another way.
    #[error("{action}: {message}")]
    Failed {
        /// What was asked.
        action: String,
        /// Nix' own words, made safe.
        message: String,
    },
    /// It took longer or said more than is allowed.
    #[error("{action} was stopped: {limit}")]
    Limit {
        /// What was asked.
        action: String,
        /// Which limit, such as `more than 60 s`.
        limit: String,
    },
    /// A repository of this computer can't be read.
    #[error("can't read the repository {path}: {reason}")]
    Repository {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The engine failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// What is said where a server refused.
fn denied(url: &str, host: &str, used: Used) -> String {
    match used {
        Used::Nothing => {
            format!("{host} lets only users see {url} whom it knows, and there is no access to it")
        }
        Used::Token => format!("the token for {host} was refused when {url} was read"),
        Used::GitCredentials => format!("what git knows for {host} was refused when {url} was read"),
        Used::Agent => format!("{host} accepted no key of the SSH agent when {url} was read"),
        Used::NoAgent => format!("{host} wants an SSH key for {url}, and there is no SSH agent"),
    }
}
