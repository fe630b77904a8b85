//! The user's own access to servers, as this computer knows it: git's helpers, the SSH agent, certificate authorities, the proxy.

mod agent;
mod certificates;
mod git;
mod proxy;
mod trust_store;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use codchi_controller::{
    access::{Certificate, Proxy, SshAgent, UserAccess},
    secret::SecretValue,
};

use crate::Environment;

/// More than this is no list of host keys.
const MOST_KNOWN_HOSTS: usize = 1 << 20;

/// The access of the user who runs us.
#[derive(Clone, Debug)]
pub struct ThisUser {
    environment: Environment,
    git: PathBuf,
}

impl ThisUser {
    /// As `environment` says; `git` is the program that knows credentials, usually `git`.
    pub fn new(environment: Environment, git: impl Into<PathBuf>) -> Self {
        Self { environment, git: git.into() }
    }

    /// The user's home directory.
    fn home(&self) -> Option<PathBuf> {
        let named = self.environment.path(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        named.or_else(|| Some(directories::BaseDirs::new()?.home_dir().to_owned()))
    }
}

#[async_trait]
impl UserAccess for ThisUser {
    async fn certificates(&self) -> Vec<Certificate> {
        let environment = self.environment.clone();
        // Some hundred files are read and parsed.
        tokio::task::spawn_blocking(move || certificates::collect(&environment)).await.unwrap_or_default()
    }

    async fn trust_store(&self, certificates: &[Certificate]) -> Option<Vec<u8>> {
        let certificates = certificates.to_vec();
        let built = tokio::task::spawn_blocking(move || trust_store::build(&certificates)).await;
        match built {
            Ok(Ok(store)) => Some(store),
            Ok(Err(error)) => {
                tracing::warn!(%error, "no trust store for Java could be made");
                None
            }
            Err(_) => None,
        }
    }

    fn proxy(&self) -> Proxy {
        proxy::of(&self.environment)
    }

    async fn git_credential(&self, host: &str, path: &str) -> Option<(String, SecretValue)> {
        git::credential(&self.git, host, path).await
    }

    fn agent(&self) -> Option<Arc<dyn SshAgent>> {
        agent::of(&self.environment)
    }

    async fn known_hosts(&self) -> String {
        let mut files: Vec<PathBuf> = Vec::new();
        if let Some(home) = self.home() {
            files.extend(["known_hosts", "known_hosts2"].map(|name| home.join(".ssh").join(name)));
        }
        let system = match self.environment.path("PROGRAMDATA") {
            Some(data) if cfg!(windows) => data.join("ssh"),
            _ => PathBuf::from("/etc/ssh"),
        };
        files.extend(["ssh_known_hosts", "ssh_known_hosts2"].map(|name| system.join(name)));
        let mut lines = String::new();
        for file in files {
            let Ok(text) = tokio::fs::read_to_string(&file).await else { continue };
            if lines.len() + text.len() > MOST_KNOWN_HOSTS {
                tracing::warn!(file = %file.display(), "too many host keys; these are left out");
                continue;
            }
            lines.push_str(&text);
            lines.push('\n');
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn host_keys_come_from_the_users_files() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/known_hosts"), "h ssh-ed25519 AAAA").unwrap();
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let user = ThisUser::new(Environment::from([(variable, home.path().to_str().unwrap())]), "git");
        assert!(user.known_hosts().await.starts_with("h ssh-ed25519 AAAA\n"));
        assert!(user.agent().is_none() && user.proxy().is_empty());
    }
}
