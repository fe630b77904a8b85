//! npm in `ui/`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// `npm ARGS` in `ui/`.
pub(crate) fn npm(workspace: &Workspace, args: &[&str]) -> Command {
    let mut npm = Command::new("npm");
    npm.args(args).current_dir(workspace.path("ui"));
    npm
}

/// Whether the installed packages are the lock file's.
pub(crate) fn is_installed(workspace: &Workspace) -> bool {
    let wanted = fs::read(workspace.path("ui/package-lock.json"));
    matches!((wanted, fs::read(mark(workspace))), (Ok(a), Ok(b)) if a == b)
}

/// Remembers which lock file was installed.
pub(crate) fn mark_installed(workspace: &Workspace) -> Result<()> {
    fs::copy(workspace.path("ui/package-lock.json"), mark(workspace))
        .context("cannot mark ui/node_modules")?;
    Ok(())
}

fn mark(workspace: &Workspace) -> PathBuf {
    workspace.path("ui/node_modules/.installed-lock.json")
}
