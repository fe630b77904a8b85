//! `cargo xtask run`: from a fresh Debian to the window with the examples in it, or, where no display is, the same job
//! through the command line.
//!
//! The machines live in an engine that this host already has and has set up, else in one of our own below
//! [`ENGINES`]; nothing of the host is reconfigured.

mod engines;
mod examples;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::image::{self, Nixpkgs};
use crate::packages;
use crate::process;
use crate::ui;
use crate::workspace::Workspace;
use crate::world;

/// Where the session's bus is.
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// The machine that is made where there is no window.
const MACHINE: &str = "hello";

/// Where our own engine's directory is, one for each user. Not in the home: containers must be able to reach it.
const ENGINES: &str = "/var/lib/codchi-run";

/// What `cargo xtask run` takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Use the command line even where there is a display
    #[arg(long)]
    cli: bool,
    /// Stop and remove what earlier runs made: engine, machines, settings
    #[arg(long)]
    down: bool,
}

/// Prepares everything and opens the window, or does the job without one.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let user = process::read(Command::new("id").arg("-un"))?.trim().to_owned();
    let own = Path::new(ENGINES).join(&user);
    let session = world::Session::new(data()?.join("session"), None);
    if options.down {
        session.end()?;
        world::as_root(workspace, &own, &["--down"])?;
        // The examples' repositories as well.
        let data = data()?;
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let has_display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some_and(|v| !v.is_empty()));
    packages::install(packages::FOR_RUN)?;
    say("images");
    let images = image::make(workspace, None, Nixpkgs::Fixture)?;
    build(workspace)?;
    let samples = examples::publish(&workspace.path("examples"), &data()?.join("examples"))?;
    let mut environment = engine(workspace, &own, &user, &images.dir)?;
    environment.push(("CODCHI_SAMPLES".into(), samples.display().to_string()));
    if world::users_own_session() {
        environment.retain(|(name, _)| name != BUS);
    } else if !environment.iter().any(|(name, _)| name == BUS) {
        say("no session bus is here; our own, with a keyring");
        session.start()?;
        environment.push((BUS.into(), session.address()));
    }
    let program = |name: &str| {
        let mut command = Command::new(workspace.target.join("debug").join(name));
        command.envs(environment.iter().map(|(k, v)| (k, v)));
        command
    };
    if has_display && !options.cli {
        by_hand(workspace, &environment);
        say("opening the window; New machine offers the examples");
        return Err(program("codchi-app").exec()).context("cannot start codchi-app");
    }
    if !has_display {
        eprintln!(
            "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set): the same job on the command line"
        );
    }
    job(&program, &samples.join(MACHINE))?;
    by_hand(workspace, &environment);
    Ok(ExitCode::SUCCESS)
}

/// Says how the command line finds the same machines.
fn by_hand(workspace: &Workspace, environment: &[(String, String)]) {
    eprintln!("\nby hand, in another terminal:");
    for (name, value) in environment {
        eprintln!("  export {name}={}", world::quoted(value));
    }
    eprintln!("  {} status\n", workspace.target.join("debug/codchi").display());
}

/// Our directory below the user's data.
fn data() -> Result<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    Ok(data.context("neither XDG_DATA_HOME nor HOME is set")?.join("codchi-run"))
}

fn build(workspace: &Workspace) -> Result<()> {
    say("window");
    if !ui::is_installed(workspace) {
        process::show(&mut ui::npm(workspace, &["ci", "--no-audit", "--no-fund"]))?;
        ui::mark_installed(workspace)?;
    }
    process::run(&mut ui::npm(workspace, &["run", "build"]))?;
    say("programs; the first time takes minutes");
    let packages = ["-p", "codchi-cli", "-p", "codchi-app", "--features", "codchi-app/custom-protocol"];
    process::show(workspace.cargo().args(["build", "--locked"]).args(packages))
}

/// The variables that name the engine to use: one that is set up already, or our own.
fn engine(workspace: &Workspace, own: &Path, user: &str, images: &Path) -> Result<Vec<(String, String)>> {
    if let Some((name, variable, socket)) = engines::prepared() {
        say(&format!("{name} runs here already and is used ({})", socket.display()));
        let variables = [(variable, socket), ("CODCHI_IMAGE_DIR", images.to_owned())];
        let named = variables.into_iter().map(|(k, v)| (k.to_owned(), v.display().to_string()));
        return Ok(named.chain([("CODCHI_DRIVER".to_owned(), name.to_owned())]).collect());
    }
    say(&format!("no engine is set up here; our own LXD in {}", own.display()));
    let group = process::read(Command::new("id").arg("-gn"))?;
    let images = images.display().to_string();
    let args = ["--no-build", "--images", &images, "--group", group.trim(), "--user", user];
    let exports = world::as_root(workspace, own, &args)?;
    // What the lines mean is the shell's to say.
    let script = format!("{exports}\nenv -0");
    let text = process::read(Command::new("env").args(["-i", "sh", "-c", &script]))?;
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    let ours = pairs.filter(|(name, _)| name.contains("LXD_") || name.starts_with("CODCHI_") || *name == BUS);
    Ok(ours.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}

/// The main job, every command shown before it runs.
fn job(program: &dyn Fn(&str) -> Command, example: &Path) -> Result<()> {
    let codchi = |args: &[&str]| {
        eprintln!("\n$ codchi {}", args.join(" "));
        process::show(program("codchi").args(args))
    };
    let url = format!("git+file://{}", example.display());
    if exists(&mut program("codchi"))? {
        codchi(&["rebuild", MACHINE])?;
        codchi(&["start", MACHINE])?;
    } else {
        codchi(&["init", MACHINE, &url])?;
    }
    codchi(&["exec", MACHINE, "--", "hello"])?;
    codchi(&["exec", MACHINE, "--", "systemctl", "is-system-running"])?;
    codchi(&["status"])
}

fn exists(codchi: &mut Command) -> Result<bool> {
    let status: Value = serde_json::from_str(&process::read(codchi.args(["status", "--json"]))?)?;
    let machines = status["machines"].as_array().context("`codchi status --json` lists no machines")?;
    ensure!(machines.iter().all(|m| m["name"].is_string()), "`codchi status --json` names no machines");
    Ok(machines.iter().any(|m| m["name"] == MACHINE))
}

fn say(what: &str) {
    eprintln!("==> {what}");
}
