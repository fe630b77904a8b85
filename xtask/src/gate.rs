//! The gate: `cargo xtask test` runs everything, `cargo xtask check` the fast part. CI calls exactly the former.
//!
//! This file says which stages there are and what each runs; how they are scheduled and reported is in the modules
//! below. A stage that cannot run fails, or is listed as not run with the reason; both fail the gate.

mod counts;
mod report;
mod schedule;
mod stage;

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::image::{self, Nixpkgs};
use crate::packages;
use crate::tools;
use crate::ui;
use crate::workspace::Workspace;
pub(crate) use stage::Log;
use stage::{Lane, Stage};

/// What everything is built with: one set of features, so that nothing is compiled twice. `ts` has the test of the bindings.
const WORKSPACE: &[&str] = &["--workspace", "--features", "codchi-app/custom-protocol,codchi-api/ts"];
/// The test programs of the tests crate that need neither an engine nor a display.
const PLAIN: &str = "not package(codchi-tests) or kind(lib) or binary(/^(dependencies|.*_fake)$/)";
/// The ones that drive the window and the tray.
const DESKTOP: &str = "package(codchi-tests) and binary(/^(window|tray|desktop)/)";
/// The stages of the fast path.
const FAST: &[&str] = &["fmt", "clippy", "ui-lint", "unit"];

/// Runs the whole gate, or the named stages of it and what they need.
pub(crate) fn test(workspace: &Workspace, only: &[String]) -> Result<ExitCode> {
    let stages = stage::select(all(workspace), only)?;
    let logs = workspace.target.join("test-logs");
    let outcomes = schedule::run(stages, &logs)?;
    Ok(if report::print(&outcomes, &logs) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The fast path: formatting, lints, types, unit tests of the crates. Those of the UI take too long for it.
pub(crate) fn check(workspace: &Workspace) -> Result<ExitCode> {
    test(workspace, &FAST.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>())
}

/// Every stage, in the order in which they are started when several can be.
fn all(workspace: &Workspace) -> Vec<Stage> {
    let with = |run: fn(&Workspace, &mut Log) -> Result<()>| {
        let workspace = workspace.clone();
        Box::new(move |log: &mut Log| run(&workspace, log))
    };
    vec![
        Stage::new("setup", Lane::Own, &[], with(|_, log| log.note(packages::install(packages::EVERYTHING)))),
        Stage::new("fmt", Lane::Cargo, &[], with(fmt)),
        Stage::new("ui-install", Lane::Npm, &[], with(ui_install)),
        Stage::new(
            "ui-build",
            Lane::Npm,
            &["ui-install"],
            with(|w, log| log.run(&mut ui::npm(w, &["run", "build"]))),
        ),
        Stage::new("clippy", Lane::Cargo, &["setup"], with(clippy)),
        Stage::new("images", Lane::Own, &["setup"], with(images)),
        Stage::new("ui-lint", Lane::Npm, &["ui-install"], with(ui_lint)),
        Stage::new("ui-test", Lane::Npm, &["ui-install"], with(ui_test)),
        Stage::new("nix", Lane::Own, &["setup"], with(nix_options)),
        Stage::new("deny", Lane::Own, &["setup"], with(deny)),
        Stage::new("build", Lane::Cargo, &["setup", "ui-build"], with(build)),
        Stage::new("unit", Lane::Cargo, &["build"], with(|w, log| nextest(w, log, PLAIN, None))),
        Stage::new("lxd", Lane::Cargo, &["build", "images"], with(|w, log| engine(w, log, "lxd"))),
        Stage::new("incus", Lane::Cargo, &["build", "images"], with(|w, log| engine(w, log, "incus"))),
        Stage::new(
            "desktop",
            Lane::Cargo,
            &["build", "images"],
            with(|w, log| nextest(w, log, DESKTOP, Some("lxd"))),
        ),
    ]
}

fn fmt(workspace: &Workspace, log: &mut Log) -> Result<()> {
    log.run(workspace.cargo().args(["fmt", "--all", "--", "--check", "--color", "never"]))
}

fn clippy(workspace: &Workspace, log: &mut Log) -> Result<()> {
    log.run(workspace.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

fn build(workspace: &Workspace, log: &mut Log) -> Result<()> {
    log.run(workspace.cargo().args(["build", "--all-targets", "--locked"]).args(WORKSPACE))
}

fn images(workspace: &Workspace, log: &mut Log) -> Result<()> {
    log.note(image::make(workspace, None, Nixpkgs::Fixture).map(drop))
}

fn nix_options(workspace: &Workspace, log: &mut Log) -> Result<()> {
    let text = log.read(&mut Command::new(workspace.path("tests/nix-options/run.sh")))?;
    log.count(counts::of_summary(&text).context("the option tests printed no summary")?)
}

/// Licences, sources and duplicates. Advisories need a database from the network: `cargo deny check advisories`.
fn deny(workspace: &Workspace, log: &mut Log) -> Result<()> {
    let deny = tools::cargo_deny(workspace, log)?;
    // Also the crates of other platforms, which nothing here builds: their licences count too.
    log.run(workspace.cargo().args(["fetch", "--locked"]))?;
    let mut command = Command::new(deny);
    command.current_dir(&workspace.root).args(["--offline", "check", "bans", "licenses", "sources"]);
    log.run(&mut command)
}

fn ui_install(workspace: &Workspace, log: &mut Log) -> Result<()> {
    if ui::is_installed(workspace) {
        return Ok(());
    }
    log.run(&mut ui::npm(workspace, &["ci", "--no-audit", "--no-fund"]))?;
    ui::mark_installed(workspace)
}

fn ui_lint(workspace: &Workspace, log: &mut Log) -> Result<()> {
    log.run(&mut ui::npm(workspace, &["run", "typecheck"]))?;
    log.run(&mut ui::npm(workspace, &["run", "lint"]))
}

fn ui_test(workspace: &Workspace, log: &mut Log) -> Result<()> {
    let ran = log.read(&mut ui::npm(workspace, &["run", "test"]));
    let counted = counts::of_vitest(log.text()).map(|c| log.count(c));
    ran?;
    counted.context("vitest printed no summary")?
}

/// The suites that run on both engines, and the ones named after this engine.
fn engine(workspace: &Workspace, log: &mut Log, engine: &str) -> Result<()> {
    let other = if engine == "lxd" { "incus" } else { "lxd" };
    let filter =
        format!("package(codchi-tests) and not ({PLAIN}) and not ({DESKTOP}) and not binary(/_{other}$/)");
    nextest(workspace, log, &filter, Some(engine))
}

fn nextest(workspace: &Workspace, log: &mut Log, filter: &str, engine: Option<&str>) -> Result<()> {
    let command = |verb: &str| {
        let mut cargo = tools::nextest(workspace);
        cargo.args(["nextest", verb, "--locked"]).args(WORKSPACE).args(["-E", filter]);
        // A snapshot that differs is a failure, not a new file in the tree.
        cargo.env("INSTA_UPDATE", "no");
        if let Some(engine) = engine {
            // What was built is tested: nobody builds it again with other features.
            let programs = workspace.target.join("debug");
            cargo.env("CODCHI_TEST_ENGINE", engine);
            cargo.env("CODCHI_CLI", programs.join("codchi")).env("CODCHI_APP", programs.join("codchi-app"));
        }
        cargo
    };
    tools::install_nextest(workspace, log)?;
    let list = log.read(command("list").args(["--message-format", "json"]))?;
    let mut run = command("run");
    run.args(["--no-tests", "fail"]);
    if engine.is_some() {
        // Suites say what their cases were.
        run.args(["--success-output", "immediate"]);
    }
    let ran = log.run(&mut run);
    let mut counts = counts::of_nextest(log.text()).unwrap_or_default();
    if engine.is_some() {
        counts = counts.plus(counts::of_suites(log.text()));
    }
    counts.skipped = counts::ignored(&list)?;
    log.count(counts)?;
    ran
}
