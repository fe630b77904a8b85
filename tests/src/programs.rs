//! The programs of this source tree: the ones that the gate has built and names, else built now, in the profile of the program that asks.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::repo::source_tree;

/// `codchi`: the one that `CODCHI_CLI` names, else one that is built now.
///
/// # Panics
/// When it can't be built.
pub fn codchi() -> PathBuf {
    named("CODCHI_CLI").unwrap_or_else(|| build("codchi", &["--package", "codchi-cli"]))
}

/// The app with its pages in it: the one that `CODCHI_APP` names, else one that is built now.
///
/// # Panics
/// When it can't be built.
pub fn app() -> PathBuf {
    named("CODCHI_APP").unwrap_or_else(|| {
        let ui = source_tree().join("ui");
        if !is_fresh(&ui) {
            if !ui.join("node_modules").exists() {
                run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&ui));
            }
            run(Command::new("npm").args(["run", "build"]).current_dir(&ui));
        }
        of_the_app("codchi-app", "--bin")
    })
}

/// The empty window of `src-tauri/examples`, built now.
///
/// # Panics
/// When it can't be built.
pub fn empty_window() -> PathBuf {
    of_the_app("empty-window", "--example")
}

/// The developer command, where `cargo xtask test` and `bench` have put it: in the directory of programs, to which this one belongs or the
/// directory of test programs, which this one is in, belongs.
pub(crate) fn xtask() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let programs = this.ancestors().skip(1).find(|path| !path.ends_with("deps")).unwrap();
    let built = programs.join("xtask");
    if built.exists() { built } else { build("xtask", &["--package", "xtask"]) }
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

fn of_the_app(name: &str, kind: &str) -> PathBuf {
    build(name, &["--package", "codchi-app", "--features", "custom-protocol", kind, name])
}

/// Builds this program.
fn build(name: &str, args: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(args);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let messages = run(cargo.current_dir(source_tree()));
    let mut artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = artifacts.find(|it| it["target"]["name"] == name && it["executable"].is_string());
    PathBuf::from(built.expect("cargo names the program")["executable"].as_str().unwrap())
}

/// Whether the pages were built after the last change of what they are built from.
fn is_fresh(ui: &Path) -> bool {
    fn newest(path: &Path) -> Option<std::time::SystemTime> {
        let own = path.metadata().ok()?.modified().ok();
        let inner = std::fs::read_dir(path).into_iter().flatten().flatten();
        inner.filter_map(|entry| newest(&entry.path())).chain(own).max()
    }
    let sources = ["src", "public", "index.html", "package-lock.json", "vite.config.ts"];
    let changed = sources.iter().filter_map(|name| newest(&ui.join(name))).max();
    let built = ui.join("dist/index.html").metadata().and_then(|file| file.modified()).ok();
    built >= changed
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed with {}:\n{out}{error}", output.status);
    out.into_owned()
}
