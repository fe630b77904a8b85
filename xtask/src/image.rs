//! The controller's and the machines' images from Debian's packages and this tree: `cargo xtask image`.
//!
//! Steps, each kept under the hash of what it is made from, so that only what changed is made again:
//! download → unpack → fixture base → final archives. The same inputs give the same bytes: archives are written
//! sorted, with fixed times and owners, from trees no maintainer script has run in.

mod controller;
mod debs;
mod key;
mod machine;
mod tree;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use clap::ValueEnum;
use sha2::{Digest, Sha256};

use crate::process;
use crate::workspace::Workspace;
use key::Key;
use tree::Tree;

/// The target of the binary that runs inside containers; static by `crt-static`.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// How many earlier results of a step are kept, for a change that is taken back.
const KEPT: usize = 2;

/// The builtin nixpkgs that the controller carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Nixpkgs {
    /// tests/nixpkgs: systems out of Debian's packages, needs no network but Debian's archive
    Fixture,
}

/// Finished images.
#[derive(Debug)]
pub(crate) struct Images {
    /// The directory that holds them and their manifest.
    pub(crate) dir: PathBuf,
}

/// Makes the images, or finds that they are made, and puts them into `out`.
pub(crate) fn make(workspace: &Workspace, out: Option<PathBuf>, nixpkgs: Nixpkgs) -> Result<Images> {
    let cache = workspace.target.join("codchi-images");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let _lock = lock(&cache.join("lock"))?;
    let (binary, trees) = thread::scope(|scope| {
        let binary = scope.spawn(|| ctrl_serve(workspace));
        let trees = unpacked(workspace, &cache);
        (binary.join(), trees)
    });
    let binary = binary.map_err(|_| anyhow::anyhow!("the build of ctrl-serve panicked"))??;
    let (controller_raw, base) = trees?;

    let sources = controller::Sources {
        raw: &controller_raw,
        ctrl_serve: &binary,
        release: &workspace.path("nix"),
        fixture: &workspace.path("tests/nixpkgs"),
        base: &base,
    };
    let key = Key::new("final")
        .text(include_str!("image.rs"))
        .text(include_str!("image/controller.rs"))
        .text(include_str!("image/machine.rs"))
        .text(include_str!("image/tree.rs"))
        .text(env!("CARGO_PKG_VERSION"))
        .text(&controller_raw.to_string_lossy())
        .text(&base.to_string_lossy())
        .file(&binary)?
        .directory(&workspace.path("nix"))?
        .directory(&workspace.path("tests/nixpkgs"))?
        .name();
    let made = step(&cache, &key, |to| {
        fs::create_dir(to)?;
        let controller = pack(&controller::tree(&sources)?, &to.join("controller.tar"))?;
        let machine = pack(&machine::tree(&binary)?, &to.join("machine.tar"))?;
        let manifest = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "nixpkgs": nixpkgs.to_possible_value().map(|v| v.get_name().to_owned()),
            "images": {"controller": controller, "machine": machine},
        });
        fs::write(to.join("manifest.json"), format!("{manifest:#}\n"))?;
        Ok(())
    })?;
    let dir = out.unwrap_or_else(|| cache.join("out"));
    publish(&made, &dir)?;
    Ok(Images { dir })
}

/// Waits for an exclusive lock; it ends with the returned file.
fn lock(path: &Path) -> Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    if file.try_lock().is_err() {
        eprintln!("waiting for another `cargo xtask image`");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// The result of a step: `cache/key` if it exists, else what `make` puts there, complete or not at all. Only the
/// newest of the earlier results stay.
fn step(cache: &Path, key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let done = cache.join(key);
    if done.exists() {
        return Ok(done);
    }
    let (name, _) = key.rsplit_once('-').unwrap_or((key, ""));
    let new = cache.join(format!("{name}.new"));
    remove(&new)?;
    make(&new).with_context(|| format!("cannot make {name}"))?;
    fs::rename(&new, &done).with_context(|| format!("cannot keep {}", done.display()))?;
    let mut elders = Vec::new();
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let of_step = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.rsplit_once('-'));
        if path != done && of_step.is_some_and(|(step, _)| step == name) {
            elders.push((fs::symlink_metadata(&path)?.ctime(), path));
        }
    }
    elders.sort();
    let spare = elders.len().saturating_sub(KEPT);
    elders.iter().take(spare).try_for_each(|(_, path)| remove(path))?;
    Ok(done)
}

fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
    .with_context(|| format!("cannot remove {}", path.display()))
}

/// Downloads and unpacks the packages of both trees, and makes the fixture's base: (controller's tree, base).
fn unpacked(workspace: &Workspace, cache: &Path) -> Result<(PathBuf, PathBuf)> {
    let fixture = workspace.path("tests/nixpkgs/base");
    let list =
        fs::read_to_string(fixture.join("packages.txt")).context("cannot read the fixture's package list")?;
    let base_list = debs::parse_list(&list);
    let apt = debs::Apt::new(cache);
    let controller = apt.download("controller", controller::PACKAGES)?;
    let base = apt.download("base", &base_list.iter().map(String::as_str).collect::<Vec<_>>())?;
    let (controller, base) = thread::scope(|scope| {
        let controller = scope.spawn(|| debs::unpack(cache, "controller", &controller));
        let base = debs::unpack(cache, "base", &base).and_then(|raw| finish_base(cache, &fixture, &raw));
        (controller.join(), base)
    });
    let controller = controller.map_err(|_| anyhow::anyhow!("unpacking panicked"))??;
    Ok((controller, base?))
}

/// The fixture's `boot` directory: `busybox`, `base.tar.gz` and its hash, which spares Nix from reading it again.
fn finish_base(cache: &Path, fixture: &Path, raw: &Path) -> Result<PathBuf> {
    let script = fixture.join("finish.sh");
    let key = Key::new("boot")
        .text("busybox base.tar.gz base.tar.gz.sha256")
        .text(include_str!("image/tree.rs"))
        .text(&raw.to_string_lossy())
        .file(&script)?
        .name();
    step(cache, &key, |to| {
        eprintln!("making the fixture's base");
        fs::create_dir(to)?;
        let tree = to.join("tree");
        process::run(Command::new("bash").arg(&script).arg(raw).arg(&tree))?;
        let tar = to.join("base.tar");
        Tree::of_directory(&tree, |_| true)?.write(&mut File::create(&tar)?)?;
        process::run(Command::new("gzip").arg("-n1").arg(&tar))?;
        let archive = fs::read(to.join("base.tar.gz"))?;
        fs::write(to.join("base.tar.gz.sha256"), hex(&Sha256::digest(&archive)) + "\n")?;
        fs::copy(tree.join("usr/bin/busybox"), to.join("busybox")).context("the base has no busybox")?;
        remove(&tree)
    })
}

/// Builds the static binary of the containers.
fn ctrl_serve(workspace: &Workspace) -> Result<PathBuf> {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|h| format!("{h}/.cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    // Nothing of this host's directories in the binary: the same bytes everywhere.
    let flags = [
        "-Ctarget-feature=+crt-static".to_owned(),
        format!("--remap-path-prefix={home}=/cargo"),
        format!("--remap-path-prefix={}=/codchi", workspace.root.display()),
    ];
    let mut cargo = workspace.cargo();
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")).args([
        "build",
        "--quiet",
        "-p",
        "codchi-ctrl-serve",
        "--profile",
        "image",
        "--target",
        TARGET,
    ]);
    process::run(&mut cargo)?;
    Ok(workspace.target.join(TARGET).join("image/ctrl-serve"))
}

/// Writes one archive with its checksum beside it; its entry in the manifest.
fn pack(tree: &Tree, to: &Path) -> Result<serde_json::Value> {
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    eprintln!("writing {name}");
    let mut out = Hashing { file: File::create(to)?, hash: Sha256::new(), size: 0 };
    tree.write(&mut out)?;
    out.file.sync_all()?;
    let digest = hex(&out.hash.finalize());
    fs::write(to.with_extension("tar.sha256"), format!("{digest}  {name}\n"))?;
    Ok(serde_json::json!({"file": name, "sha256": digest, "size": out.size}))
}

struct Hashing {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.file.write(buffer)?;
        self.hash.update(&buffer[..n]);
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Puts the files of `made` into `dir`, each replaced in one rename; what is already there stays.
fn publish(made: &Path, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for entry in fs::read_dir(made)? {
        let from = entry?.path();
        let Some(name) = from.file_name().and_then(|n| n.to_str()) else { continue };
        let (to, new) = (dir.join(name), dir.join(format!(".{name}.new")));
        if same_file(&from, &to) {
            continue;
        }
        remove(&new)?;
        if fs::hard_link(&from, &new).is_err() {
            fs::copy(&from, &new).with_context(|| format!("cannot copy to {}", new.display()))?;
        }
        fs::rename(&new, &to).with_context(|| format!("cannot replace {}", to.display()))?;
    }
    Ok(())
}

fn same_file(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (fs::metadata(a), fs::metadata(b)) else { return false };
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_made_once_per_key_and_replaces_its_elders() {
        let cache = tempfile::tempdir().unwrap();
        let mut made = 0;
        let mut go = |key: &str| {
            step(cache.path(), key, |to| {
                made += 1;
                Ok(fs::write(to, key)?)
            })
            .unwrap()
        };
        let first = go("raw-base-1");
        assert_eq!(go("raw-base-1"), first);
        go("raw-controller-1");
        let later: Vec<PathBuf> = (2..=4).map(|n| go(&format!("raw-base-{n}"))).collect();
        assert!(!first.exists() && later.iter().all(|p| p.exists()));
        assert!(cache.path().join("raw-controller-1").exists());
        assert_eq!(go("raw-base-2"), later[0]);
        assert_eq!(made, 5);
    }

    #[test]
    fn a_failed_step_leaves_nothing_that_looks_done() {
        let cache = tempfile::tempdir().unwrap();
        let failed = step(cache.path(), "x-1", |to| {
            fs::create_dir(to)?;
            anyhow::bail!("no")
        });
        assert!(failed.is_err() && !cache.path().join("x-1").exists());
        step(cache.path(), "x-1", |to| Ok(fs::create_dir(to)?)).unwrap();
    }

    #[test]
    fn published_files_are_complete_and_replaced() {
        let root = tempfile::tempdir().unwrap();
        let (made, out) = (root.path().join("made"), root.path().join("out"));
        fs::create_dir(&made).unwrap();
        fs::write(made.join("a"), "1").unwrap();
        publish(&made, &out).unwrap();
        fs::remove_file(made.join("a")).unwrap();
        fs::write(made.join("a"), "2").unwrap();
        publish(&made, &out).unwrap();
        assert_eq!(fs::read_to_string(out.join("a")).unwrap(), "2");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }
}
