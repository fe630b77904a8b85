//! The examples as git repositories: copies outside the source tree, one commit for each change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// Brings `to/NAME` to the state of `from/NAME`, for every example; `to`.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let example = entry?.path();
        let Some(name) = example.file_name().filter(|_| example.join("flake.nix").is_file()) else {
            continue;
        };
        publish_one(&example, &to.join(name))?;
    }
    Ok(to.to_owned())
}

fn publish_one(example: &Path, repository: &Path) -> Result<()> {
    if !repository.join(".git").is_dir() {
        process::run(Command::new("git").args(["init", "--quiet", "--initial-branch=main"]).arg(repository))?;
    }
    for entry in fs::read_dir(repository)? {
        let path = entry?.path();
        if path.ends_with(".git") {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    process::run(Command::new("cp").args(["-R", "--"]).arg(example.join(".")).arg(repository))?;
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(repository).args(["-c", "user.name=Codchi", "-c", "user.email=codchi@localhost"]);
        git.args(["-c", "commit.gpgSign=false"]).args(args);
        git
    };
    process::run(&mut git(&["add", "--all"]))?;
    if !process::succeeds(&mut git(&["diff", "--cached", "--quiet"])) {
        process::run(&mut git(&["commit", "--quiet", "--no-verify", "--message", "Import the example"]))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commits(repository: &Path) -> usize {
        let log = process::read(Command::new("git").arg("-C").arg(repository).args(["log", "--oneline"]));
        log.unwrap().lines().count()
    }

    #[test]
    fn examples_become_repositories_and_changes_become_commits() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("examples"), root.path().join("published"));
        fs::create_dir_all(from.join("hello/sub")).unwrap();
        fs::write(from.join("README.md"), "").unwrap();
        fs::write(from.join("hello/flake.nix"), "{ }").unwrap();
        fs::write(from.join("hello/sub/a.nix"), "1").unwrap();
        publish(&from, &to).unwrap();
        publish(&from, &to).unwrap();
        assert_eq!(commits(&to.join("hello")), 1, "nothing changed, nothing committed");
        fs::remove_dir_all(from.join("hello/sub")).unwrap();
        fs::write(from.join("hello/b.nix"), "2").unwrap();
        publish(&from, &to).unwrap();
        assert_eq!(commits(&to.join("hello")), 2);
        assert!(to.join("hello/b.nix").exists() && !to.join("hello/sub").exists());
        assert!(!to.join("README.md").exists());
    }
}
