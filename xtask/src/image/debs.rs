//! Debian packages without installing them: an apt of our own downloads a list with its dependencies, and the
//! packages are unpacked into one tree. The host's package state is neither read nor changed; only the address of
//! its archive and its keyring are used. No maintainer script runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::key::Key;
use super::{remove, step};
use crate::packages;
use crate::process;

/// The Debian release the images are made from: the first with a new enough nix.
const SUITE: &str = "trixie";

/// The package names of a list file: one a line, `#` begins a comment.
pub(crate) fn parse_list(text: &str) -> Vec<String> {
    let lines = text.lines().map(|l| l.split('#').next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// An apt whose whole state lies in one directory.
pub(crate) struct Apt<'a> {
    cache: &'a Path,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(cache: &'a Path) -> Self {
        Apt { cache }
    }

    /// A directory with the packages of `list` and everything they depend on.
    pub(crate) fn download(&self, name: &str, list: &[&str]) -> Result<PathBuf> {
        let key = Key::new(&format!("debs-{name}")).text(SUITE).text(&list.join(" ")).name();
        step(self.cache, &key, |to| {
            self.update()?;
            eprintln!("downloading the packages of the {name}");
            fs::create_dir_all(to.join("partial"))?;
            let mut apt = self.command()?;
            apt.arg("-o").arg(format!("Dir::Cache::archives={}", to.display()));
            apt.args(["install", "-y", "-qq", "--no-install-recommends", "--download-only"]).args(list);
            process::run(&mut apt)?;
            for leftover in ["partial", "lock"] {
                remove(&to.join(leftover))?;
            }
            Ok(())
        })
    }

    fn state(&self) -> PathBuf {
        self.cache.join("apt")
    }

    fn update(&self) -> Result<()> {
        let state = self.state();
        if state.exists() {
            // An earlier set of the same run made it moments ago; of an earlier run it may be outdated.
            let age = fs::metadata(state.join("updated")).and_then(|m| m.modified()).ok();
            if age.and_then(|t| t.elapsed().ok()).is_some_and(|age| age.as_secs() < 600) {
                return Ok(());
            }
            remove(&state)?;
        }
        eprintln!("reading the package lists of {SUITE}");
        for dir in ["lists/partial", "cache/archives/partial", "sources.d"] {
            fs::create_dir_all(state.join(dir))?;
        }
        fs::write(state.join("status"), "")?;
        fs::write(state.join("sources.d/image.sources"), packages::source(&packages::mirror()?, SUITE))?;
        process::run(self.command()?.args(["update", "-qq"]))?;
        Ok(fs::write(state.join("updated"), "")?)
    }

    fn command(&self) -> Result<Command> {
        let state = self.state();
        let dir = |sub: &str| state.join(sub).display().to_string();
        let mut command = Command::new("apt-get");
        for option in [
            format!("Dir::State::Lists={}", dir("lists")),
            format!("Dir::State::status={}", dir("status")),
            format!("Dir::Cache={}", dir("cache")),
            "Dir::Etc::SourceList=/dev/null".to_owned(),
            format!("Dir::Etc::SourceParts={}", dir("sources.d")),
            format!("APT::Architecture={}", architecture()?),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Acquire::Retries=3".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        Ok(command)
    }
}

fn architecture() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("amd64"),
        other => bail!("images are made for x86_64 only, this host is {other}"),
    }
}

/// Unpacks every package in `debs` into one tree, the links of the merged /usr first so that nothing lands beside it.
pub(crate) fn unpack(cache: &Path, name: &str, debs: &Path) -> Result<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(debs)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "deb"));
    files.sort();
    let names: Vec<_> = files.iter().filter_map(|f| f.file_name()?.to_str()).collect();
    let key = Key::new(&format!("raw-{name}")).text(include_str!("debs.rs")).text(&names.join(" ")).name();
    step(cache, &key, |to| {
        eprintln!("unpacking {} packages of the {name}", files.len());
        for dir in ["bin", "sbin", "lib", "lib64"] {
            fs::create_dir_all(to.join("usr").join(dir))?;
            symlink(format!("usr/{dir}"), to.join(dir))?;
        }
        for deb in &files {
            unpack_one(deb, to).with_context(|| format!("cannot unpack {}", deb.display()))?;
        }
        Ok(())
    })
}

fn unpack_one(deb: &Path, to: &Path) -> Result<()> {
    let mut dpkg = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let out = dpkg.stdout.take().context("dpkg-deb has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "--keep-directory-symlink", "--no-same-owner", "--preserve-permissions", "-C"]).arg(to);
    let unpacked = tar.stdin(Stdio::from(out)).status().context("cannot run tar")?;
    let read = dpkg.wait()?;
    if !read.success() || !unpacked.success() {
        bail!("dpkg-deb: {read}, tar: {unpacked}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_have_comments_and_blank_lines() {
        assert_eq!(parse_list("# base\nbash  # a shell\n\n git\n"), ["bash", "git"]);
    }
}
