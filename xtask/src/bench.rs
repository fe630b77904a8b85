//! `cargo xtask bench`: how fast Codchi is, as ratios against the same thing done by hand. The measuring is in `tests/src/bin/bench`.

use anyhow::Result;

use crate::image::{self, Nixpkgs};
use crate::packages;
use crate::process;
use crate::workspace::Workspace;

/// Prepares everything and measures what is named; everything when nothing is. What is measured are release builds: what users run.
pub(crate) fn bench(workspace: &Workspace, names: &[String]) -> Result<()> {
    packages::install(packages::EVERYTHING)?;
    image::make(workspace, None, Nixpkgs::Fixture)?;
    // Its worlds are made by the one beside it.
    process::show(workspace.cargo().args(["build", "--release", "--package", "xtask"]))?;
    let run = ["run", "--release", "--package", "codchi-tests", "--bin", "bench", "--"];
    process::show(workspace.cargo().args(run).args(names))
}
