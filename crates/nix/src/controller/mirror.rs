//! Repositories of this computer, copied to where the controller sees them: bare, below `/config/repositories`, only what is new, and
//! not at all while no branch or tag has moved.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use codchi_controller::nix::NixError;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::{
    ControllerNix,
    exec::{Command, Input, Limits, run},
    failure::{self, Origins},
    host_git::{HostRepository, Refs},
};
use crate::flake_ref::FlakeRef;

/// Where they are.
pub(super) const COPIES: &str = "/config/repositories";
/// A source as the controller finds it.
pub(super) struct Mirrored {
    /// The reference that Nix is given.
    pub(super) flake: FlakeRef,
    /// Whether the repository has changes that aren't committed, which the copy doesn't have.
    pub(super) uncommitted: bool,
}

/// Where the copy of a repository is; told by its path alone, so that it is the same for every machine.
pub(super) fn copy_of(path: &Path) -> String {
    let digest = Sha256::digest(path.to_string_lossy().as_bytes());
    let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{COPIES}/{id}.git")
}

/// The reference that Nix in the controller is given for `flake`.
pub(super) fn in_controller(flake: &FlakeRef) -> FlakeRef {
    match flake.host_repository() {
        Some(path) => flake.at_path(&copy_of(&path)),
        None => flake.clone(),
    }
}

impl ControllerNix {
    /// Brings a source to where the controller can read it; only repositories of this computer need that.
    pub(super) async fn mirror(
        &self,
        flake: &FlakeRef,
        cancel: &CancellationToken,
        origins: &mut Origins,
    ) -> Result<Mirrored, NixError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(NixError::Cancelled),
            mirrored = self.bring(flake, cancel, origins) => mirrored,
        }
    }

    async fn bring(
        &self,
        flake: &FlakeRef,
        cancel: &CancellationToken,
        origins: &mut Origins,
    ) -> Result<Mirrored, NixError> {
        let inside = in_controller(flake);
        let Some(path) = flake.host_repository() else {
            return Ok(Mirrored { flake: inside, uncommitted: false });
        };
        let copy = copy_of(&path);
        origins.add(format!("git+file://{copy}"), path.display().to_string());
        origins.add(format!("file://{copy}"), path.display().to_string());
        origins.add(copy.clone(), path.display().to_string());
        let repository = HostRepository::open(&self.git, path.clone()).await?;
        if flake.rev.is_none() && repository.commits(flake.reference.as_deref()).await?.is_empty() {
            // Refs first: a repository without any commit is explained better by that.
            repository.refs().await?;
            return Err(NixError::Repository {
                path: path.display().to_string(),
                reason: match &flake.reference {
                    Some(reference) => format!("it has no branch '{reference}'"),
                    None => "no commit is checked out".into(),
                },
            });
        }
        let (refs, there, uncommitted) =
            tokio::join!(repository.refs(), self.refs_of_copy(&copy), repository.has_uncommitted_changes());
        let (refs, there) = (refs?, there?);
        if there.as_ref() != Some(&refs) {
            self.update_copy(&repository, &copy, &refs, there, cancel).await?;
        }
        Ok(Mirrored { flake: inside, uncommitted })
    }

    /// What the copy has; `None` when there is no copy.
    async fn refs_of_copy(&self, copy: &str) -> Result<Option<Refs>, NixError> {
        let spec = Self::command(["git", "ls-remote", "--symref", "--", copy]);
        let output = self.try_ask("look at the copy of a repository", spec, Input::Nothing).await?;
        if output.code != 0 {
            return Ok(None);
        }
        let mut refs = Refs::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.split_once('\t') {
                Some((branch, "HEAD")) if branch.starts_with("ref: ") => {
                    refs.head = branch.strip_prefix("ref: ").map(str::to_owned);
                }
                Some((object, name)) if name.starts_with("refs/") && !name.ends_with("^{}") => {
                    refs.refs.push((name.to_owned(), object.to_owned()));
                }
                _ => {}
            }
        }
        refs.refs.sort_unstable();
        Ok(Some(refs))
    }

    async fn update_copy(
        &self,
        repository: &HostRepository<'_>,
        copy: &str,
        refs: &Refs,
        there: Option<Refs>,
        cancel: &CancellationToken,
    ) -> Result<(), NixError> {
        let action = "copy the repository into the controller";
        if there.is_none() {
            let init = ["git", "init", "--quiet", "--bare", "--initial-branch=main", "--", copy];
            self.ask(action, Self::command(init), Input::Nothing).await?;
        }
        let there = there.unwrap_or_default();
        let has: BTreeSet<&str> = there.refs.iter().map(|(_, object)| object.as_str()).collect();
        let wanted: BTreeSet<&str> = refs
            .refs
            .iter()
            .map(|(_, object)| object.as_str())
            .filter(|object| !has.contains(object))
            .collect();
        if !wanted.is_empty() {
            let known = if has.is_empty() {
                Vec::new()
            } else {
                repository.having(&has.iter().copied().collect::<Vec<_>>()).await?
            };
            self.send(action, repository, copy, &wanted.into_iter().collect::<Vec<_>>(), &known, cancel)
                .await?;
        }
        self.point(action, copy, refs, &there).await
    }

    /// Sends the missing objects, as one stream from git here to git there.
    async fn send(
        &self,
        action: &str,
        repository: &HostRepository<'_>,
        copy: &str,
        wanted: &[&str],
        known: &[String],
        cancel: &CancellationToken,
    ) -> Result<(), NixError> {
        let (packing, pack) = repository.pack(wanted, known).await?;
        let Some(pack) = pack else { return Ok(()) };
        let spec = Self::command(["git", "-C", copy, "index-pack", "--stdin", "--fix-thin"]);
        let limits = Limits { time: None, stdout: 1 << 20 };
        let command = Command { action, spec, limits, stdin: Input::Stream(Box::new(pack)) };
        let output = run(&*self.driver, command, Some(cancel), &mut |_| {}).await?;
        // A broken pack is explained by the git that made it.
        repository.packed(packing).await?;
        if output.code == 0 { Ok(()) } else { Err(failure::of_program(action, &output)) }
    }

    /// Makes branches, tags and HEAD of the copy point to where the original's do.
    async fn point(&self, action: &str, copy: &str, refs: &Refs, there: &Refs) -> Result<(), NixError> {
        let new: BTreeMap<&str, &str> =
            refs.refs.iter().map(|(name, object)| (name.as_str(), object.as_str())).collect();
        let old: BTreeMap<&str, &str> =
            there.refs.iter().map(|(name, object)| (name.as_str(), object.as_str())).collect();
        // First what is gone: a branch `a` may have made room for `a/b`.
        let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("delete {name}\n"));
        let moved = new
            .iter()
            .filter(|(name, object)| old.get(*name) != Some(object))
            .map(|(name, object)| format!("update {name} {object}\n"));
        for changes in [gone.collect::<String>(), moved.collect::<String>()] {
            if !changes.is_empty() {
                let spec = Self::command(["git", "-C", copy, "update-ref", "--stdin"]);
                self.ask(action, spec, Input::Bytes(changes.as_bytes())).await?;
            }
        }
        match &refs.head {
            Some(head) if there.head.as_ref() != Some(head) => {
                let spec = Self::command(["git", "-C", copy, "symbolic-ref", "HEAD", head]);
                self.ask(action, spec, Input::Nothing).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}
