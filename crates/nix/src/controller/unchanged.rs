//! Whether a machine's sources are still where its lock says. Only references are looked at, nothing is fetched; where that isn't
//! enough to know, the answer is no.

use std::time::Duration;

use codchi_controller::{access::Access, machine::MachineSpec};
use futures::future::join_all;
use tokio::time::timeout;

use super::{
    ControllerNix,
    exec::Input,
    host_git::HostRepository,
    lock::{self, Lock},
    mirror::in_controller,
};
use crate::{
    flake,
    flake_ref::{FlakeKind, FlakeRef},
};

/// How long it may take altogether.
const TIME: Duration = Duration::from_secs(10);

impl ControllerNix {
    pub(super) async fn are_inputs_unchanged(&self, spec: &MachineSpec, text: &str, access: &Access) -> bool {
        let (Some(lock), Ok(inputs)) = (Lock::parse(text), flake::inputs(spec)) else { return false };
        let checks = inputs.iter().map(|input| {
            let lock = &lock;
            async move {
                match lock.input(&input.name).filter(|node| node.is_for(&in_controller(&input.flake))) {
                    Some(node) => self.is_unchanged(&input.flake, node, access).await,
                    None => false,
                }
            }
        });
        timeout(TIME, join_all(checks)).await.is_ok_and(|all| all.into_iter().all(|unchanged| unchanged))
    }

    async fn is_unchanged(&self, flake: &FlakeRef, locked: &lock::Node, access: &Access) -> bool {
        if flake.nar_hash.is_some() {
            return flake.nar_hash.as_deref() == locked.nar_hash();
        }
        if flake.rev.is_some() {
            return flake.rev.as_deref() == locked.rev();
        }
        let Some(rev) = locked.rev() else { return false };
        let newest = match flake.host_repository() {
            Some(path) => match HostRepository::open(&self.git, path).await {
                Ok(repository) => repository.commits(flake.reference.as_deref()).await.unwrap_or_default(),
                Err(_) => Vec::new(),
            },
            None => self.newest(flake, access).await.unwrap_or_default(),
        };
        // Some versions of Nix lock an annotated tag at the tag, others at its commit.
        newest.iter().any(|newest| newest == rev)
    }

    /// What a reference means now, asked of its server: the commit, and the tag where it is an annotated one.
    async fn newest(&self, flake: &FlakeRef, access: &Access) -> Option<Vec<String>> {
        let url = lock::remote(flake)?;
        let names = names(flake);
        // With `^{}` the commit behind an annotated tag is told, too.
        let patterns: Vec<String> =
            names.iter().flat_map(|name| [name.clone(), format!("{name}^{{}}")]).collect();
        let argv = ["git", "ls-remote", "--quiet", "--", &url].into_iter().map(str::to_owned).chain(patterns);
        let granted = self.grant(Self::command(argv), access).await.ok()?;
        let stdin = granted.stdin.as_deref().map_or(Input::Nothing, |bytes| Input::Bytes(bytes));
        let output = self.try_ask("look for newer commits", granted.spec, stdin).await.ok()?;
        if output.code != 0 {
            return None;
        }
        let told = String::from_utf8_lossy(&output.stdout);
        let name = names.iter().find(|name| told.lines().any(|line| line.ends_with(&format!("\t{name}"))))?;
        let of_name = |line: &str| {
            let (rev, told) = line.split_once('\t')?;
            (told == *name || told.strip_suffix("^{}") == Some(name)).then(|| rev.to_owned())
        };
        Some(told.lines().filter_map(of_name).collect())
    }
}

/// The full names that a reference may have, the preferred one first.
fn names(flake: &FlakeRef) -> Vec<String> {
    match flake.reference.as_deref() {
        None | Some("HEAD") => vec!["HEAD".into()],
        Some(full) if full.starts_with("refs/") => vec![full.into()],
        // For Nix a plain name is a branch, unless a forge looks it up.
        Some(name) if matches!(flake.kind, FlakeKind::Forge { .. }) => {
            vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")]
        }
        Some(name) => vec![format!("refs/heads/{name}")],
    }
}
