//! Repositories of this computer.

use codchi_controller::nix::{Nix, NixError};

use super::*;
use crate::{
    controller::{mirror::copy_of, view::cache_of},
    flake_ref,
};

impl World {
    /// Mirrors and returns the commit that the copy has for `reference`.
    async fn mirrored(&self, url: &str, reference: &str) -> Result<String, NixError> {
        let flake = flake_ref::parse(url).unwrap();
        let mut origins = Default::default();
        let mirrored = self.nix.mirror(&flake, &self.cancel, &mut origins).await?;
        assert!(mirrored.flake.url().starts_with("git+file:///config/repositories/"));
        let copy = copy_of(&flake.host_repository().unwrap());
        Ok(git(&self.controller(&copy), &["rev-parse", reference]))
    }
}

#[tokio::test]
async fn a_copy_follows_its_original() {
    let world = World::new().await;
    let dir = world.host("repo");
    repository(&dir);
    let url = dir.display().to_string();
    let first = git(&dir, &["rev-parse", "HEAD"]);
    assert_eq!(world.mirrored(&url, "HEAD").await.unwrap(), first);
    world.ran("git");

    // Nothing moved: one look, nothing else.
    assert_eq!(world.mirrored(&url, "HEAD").await.unwrap(), first);
    let ran = world.ran("git");
    assert_eq!(ran.len(), 1, "{ran:?}");
    assert_eq!(ran[0][1], "ls-remote");

    // A commit, an annotated tag, another branch that is checked out.
    let second = commit(&dir, "two");
    git(&dir, &["tag", "-a", "v1", "-m", "v1"]);
    git(&dir, &["checkout", "--quiet", "-b", "feature"]);
    let third = commit(&dir, "three");
    assert_eq!(world.mirrored(&url, "refs/heads/main").await.unwrap(), second);
    assert_eq!(world.mirrored(&url, "v1^{commit}").await.unwrap(), second);
    assert_eq!(world.mirrored(&url, "HEAD").await.unwrap(), third);
    let copy = world.controller(&copy_of(&dir));
    assert_eq!(git(&copy, &["symbolic-ref", "HEAD"]), "refs/heads/feature");

    // A branch makes room for others of its name; history is rewritten; a commit without a branch is checked out.
    git(&dir, &["checkout", "--quiet", "--detach"]);
    git(&dir, &["branch", "--quiet", "-D", "feature"]);
    git(&dir, &["branch", "feature/x"]);
    git(&dir, &["checkout", "--quiet", "main"]);
    git(&dir, &["commit", "--quiet", "--amend", "-m", "other"]);
    git(&dir, &["checkout", "--quiet", "--detach"]);
    let detached = commit(&dir, "four");
    assert_eq!(world.mirrored(&url, "feature/x").await.unwrap(), third);
    assert_eq!(world.mirrored(&url, "HEAD").await.unwrap(), detached);
    assert_eq!(world.mirrored(&url, "main").await.unwrap(), git(&dir, &["rev-parse", "main"]));
    world.ran("git");
    world.mirrored(&url, "HEAD").await.unwrap();
    assert_eq!(world.ran("git").len(), 1, "a detached checkout is recognised, too");
}

#[tokio::test]
async fn says_what_is_wrong_with_a_directory() {
    let world = World::new().await;
    let reason =
        async |name: &str| match world.mirrored(&world.host(name).display().to_string(), "HEAD").await {
            Err(NixError::Repository { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
    assert_eq!(reason("nothing").await, "there is no such directory");
    std::fs::write(world.host("file"), "").unwrap();
    assert_eq!(reason("file").await, "it is a file, not a directory");
    std::fs::create_dir(world.host("plain")).unwrap();
    assert!(reason("plain").await.starts_with("it is not a git repository"));
    std::fs::create_dir(world.host("empty")).unwrap();
    git(&world.host("empty"), &["init", "--quiet"]);
    assert!(reason("empty").await.starts_with("it has no commits yet"));
    repository(&world.host("repo"));
    assert_eq!(reason("repo?ref=none").await, "it has no branch 'none'");
    std::fs::create_dir(world.host("repo/sub")).unwrap();
    assert!(reason("repo/sub").await.contains("repo?dir=sub"));
    commit(&world.host("repo"), "two");
    let from = format!("file://{}", world.host("repo").display());
    git(world.dir.path(), &["clone", "--quiet", "--depth", "1", &from, "shallow"]);
    assert!(reason("shallow").await.starts_with("it is a shallow clone"));
}

#[tokio::test]
async fn runs_nothing_that_a_repository_configures() {
    let world = World::new().await;
    let (dir, marker) = (world.host("evil"), world.host("PWNED"));
    repository(&dir);
    let touch = format!("touch {}; cat", marker.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.alternateRefsCommand",
        "uploadpack.packObjectsHook",
        "filter.x.clean",
        "filter.x.process",
        "filter.x.smudge",
        "diff.external",
        "gpg.program",
        "core.editor",
    ] {
        git(&dir, &["config", key, &touch]);
    }
    git(&dir, &["config", "filter.x.required", "true"]);
    std::fs::write(dir.join(".git/info/attributes"), "* filter=x\n").unwrap();
    for hook in ["post-index-change", "reference-transaction", "pre-auto-gc"] {
        let path = dir.join(".git/hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{touch}\n")).unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&path, permissions).unwrap();
    }
    // Same size and a new time: git must look at the content.
    std::fs::write(dir.join("flake.nix"), "ONE").unwrap();
    let flake = flake_ref::parse(&dir.display().to_string()).unwrap();
    let mirrored = world.nix.mirror(&flake, &world.cancel, &mut Default::default()).await.unwrap();
    assert!(mirrored.uncommitted);
    assert!(!marker.exists());
}

#[tokio::test]
async fn tells_whether_a_host_repository_moved() {
    let world = World::new().await;
    let dir = world.host("repo");
    repository(&dir);
    let (rev, url) = (git(&dir, &["rev-parse", "HEAD"]), format!("git+file://{}", dir.display()));
    let lock = |rev: &str, reference: &str| {
        let copy = copy_of(&dir);
        let original = format!(r#""type": "git", "url": "file://{copy}"{reference}"#);
        format!(
            r#"{{"nodes": {{"m0": {{"locked": {{"rev": "{rev}", {original}}}, "original": {{{original}}}}},
               "root": {{"inputs": {{"m0": "m0"}}}}}}, "root": "root", "version": 7}}"#
        )
    };
    let unchanged = async |url: &str, lock: &str| {
        world.nix.inputs_unchanged(&spec(&[(url, "web")]), lock, &NOTHING).await
    };
    assert!(unchanged(&url, &lock(&rev, "")).await);
    assert!(unchanged(&format!("{url}?ref=main"), &lock(&rev, r#", "ref": "main""#)).await);
    assert!(!unchanged(&format!("{url}?ref=main"), &lock(&rev, "")).await, "locked for another address");
    assert!(!unchanged(&url, "no lock").await);
    commit(&dir, "two");
    assert!(!unchanged(&url, &lock(&rev, "")).await);
    let pinned = format!("{url}?rev={rev}");
    assert!(unchanged(&pinned, &lock(&rev, &format!(r#", "rev": "{rev}""#))).await);
}

#[cfg(unix)]
#[tokio::test]
async fn reading_a_repository_can_be_cancelled() {
    let world = World::new().await;
    let dir = world.host("repo");
    repository(&dir);
    let pipe = dir.join(".git/packed-refs");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Opened for writing when git opens it for reading, and held: git waits.
    let opened =
        tokio::task::spawn_blocking(move || std::fs::File::options().write(true).open(pipe).unwrap());
    let cancel = world.cancel.clone();
    let url = dir.display().to_string();
    let (result, held) = tokio::join!(world.mirrored(&url, "HEAD"), async {
        let held = opened.await.unwrap();
        cancel.cancel();
        held
    });
    assert!(matches!(result, Err(NixError::Cancelled)), "{result:?}");
    drop(held);
}

#[tokio::test]
async fn what_no_machine_is_made_of_is_removed() {
    let world = World::new().await;
    let (kept, dropped) = (world.host("kept"), world.host("dropped"));
    let left = format!("{}.gone", copy_of(&world.host("left")));
    let web = ["github:acme/web", "not a source"];
    let fetched = cache_of(["github:acme/other"]);
    let there =
        [copy_of(&kept), left.clone(), copy_of(&dropped), cache_of(web), cache_of([web[0]]), fetched.clone()];
    world.on(&["find", "/config"], Answer::stdout(there.join("\n")));
    world.on(&["mv"], Answer::default());
    let machines =
        [spec(&web.map(|url| (url, "a"))), spec(&[(&format!("git+file://{}?ref=dev", kept.display()), "c")])];
    world.nix.forget_repositories(&machines).await.unwrap();
    let gone = [copy_of(&dropped), fetched].map(|path| (path.clone(), format!("{path}.gone")));
    let renamed: Vec<_> =
        world.ran("mv").into_iter().map(|argv| (argv[3].clone(), argv[4].clone())).collect();
    assert_eq!(renamed, gone);
    let removed: Vec<_> = world.ran("rm").into_iter().map(|argv| argv[3].clone()).collect();
    let [(_, copy), (_, cache)] = gone;
    assert_eq!(removed, [left, copy, cache], "never what may be taken for something whole");
}
