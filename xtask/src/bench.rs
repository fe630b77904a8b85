//! `cargo xtask bench`: how fast Codchi is, as ratios against the same thing done by hand. The measuring is in `tests/src/bin/bench`.

use anyhow::Result;

use crate::image::{self, Nixpkgs};
use crate::packages;
use crate::process;
use crate::workspace::Workspace;

/// Prepares everything and measures what is named; everything when nothing is. The log's ingestion is measured in a release build,
/// what waits for an engine is not slower in a debug build.
pub(crate) fn bench(workspace: &Workspace, names: &[String]) -> Result<()> {
    packages::install(packages::EVERYTHING)?;
    image::make(workspace, None, Nixpkgs::Fixture)?;
    let (ingestion, others): (Vec<&str>, Vec<&str>) = if names.is_empty() {
        (vec!["ingestion"], vec!["create", "start", "rebuild", "doctor", "window", "status"])
    } else {
        names.iter().map(String::as_str).partition(|name| *name == "ingestion")
    };
    process::show(workspace.cargo().args(["build", "--package", "codchi-cli", "--package", "xtask"]))?;
    let program = ["run", "--package", "codchi-tests", "--bin", "bench"];
    if !ingestion.is_empty() {
        process::show(workspace.cargo().args(program).args(["--release", "--"]).args(ingestion))?;
    }
    if !others.is_empty() {
        process::show(workspace.cargo().args(program).arg("--").args(others))?;
    }
    Ok(())
}
