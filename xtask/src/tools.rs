//! Cargo's own tools that the gate needs and no package brings: used where they are, else built once below target/.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::gate::Log;
use crate::process;
use crate::workspace::Workspace;

/// The versions that are built; others that are found are used all the same.
const NEXTEST: &str = "0.9.143";
const DENY: &str = "0.20.2";

fn bin(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tools/bin")
}

/// A `cargo` that finds nextest.
pub(crate) fn nextest(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain([bin(workspace)]);
    if let Ok(path) = std::env::join_paths(dirs) {
        cargo.env("PATH", path);
    }
    cargo
}

/// Builds nextest where there is none.
pub(crate) fn install_nextest(workspace: &Workspace, log: &mut Log) -> Result<()> {
    if process::succeeds(nextest(workspace).args(["nextest", "--version"])) {
        return Ok(());
    }
    install(workspace, log, "cargo-nextest", NEXTEST)
}

/// The path of cargo-deny, built where there is none.
pub(crate) fn cargo_deny(workspace: &Workspace, log: &mut Log) -> Result<PathBuf> {
    if process::is_installed("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let built = bin(workspace).join("cargo-deny");
    if !built.is_file() {
        install(workspace, log, "cargo-deny", DENY)?;
    }
    Ok(built)
}

/// Unoptimised: it runs for a second and would compile for minutes. Its own target directory, so that it does not
/// wait for the workspace's build.
fn install(workspace: &Workspace, log: &mut Log, name: &str, version: &str) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .env("CARGO_TARGET_DIR", workspace.target.join("tools/build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .args(["install", "--debug", "--locked", "--version", version, "--root"])
        .arg(workspace.target.join("tools"))
        .arg(name);
    log.run(&mut cargo)
}
