//! The Debian packages that building, running and testing need, and their installation.
//!
//! A warm run asks dpkg once and changes nothing. Rust and Node are not installed here: the README asks for them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process;

/// To compile the workspace without the desktop app, and to make the images.
const BUILD: &[&str] =
    &["gcc", "libc6-dev", "make", "pkg-config", "git", "ca-certificates", "debian-archive-keyring", "zstd"];
/// To compile the desktop app: WebKitGTK, the tray's library, and what they need.
const APP: &[&str] =
    &["libayatana-appindicator3-dev", "libdbus-1-dev", "librsvg2-dev", "libwebkit2gtk-4.1-dev", "libxdo-dev"];
/// LXD and what its bridges and containers need.
const LXD: &[&str] = &[
    "attr",
    "dnsmasq-base",
    "iproute2",
    "iptables",
    "lxcfs",
    "lxd",
    "lxd-client",
    "nftables",
    "rsync",
    "uidmap",
];
/// Incus; Debian 12 has it in its backports only.
const INCUS: &[&str] = &["incus-base", "incus-client"];
/// A session's bus and keyring, for worlds and where the user has none.
const SESSION: &[&str] = &["dbus", "gnome-keyring", "libglib2.0-bin"];
/// To drive the real window and tray in tests.
const DESKTOP_TESTS: &[&str] = &[
    "chromium",
    "dbus-x11",
    "imagemagick",
    "libsecret-tools",
    "python3-dbus",
    "python3-dbusmock",
    "python3-gi",
    "sudo",
    "webkit2gtk-driver",
    "x11-utils",
    "xvfb",
];

/// The guests of the drivers' conformance suite.
const CONFORMANCE: &[&str] = &["busybox-static"];

/// To look into logs that are kept compressed.
const HUNT: &[&str] = &["bzip2", "gzip", "xz-utils"];

/// The servers from which private repositories are fetched.
const ACCESS: &[&str] = &["openssh-client", "openssh-server"];

/// What machines are given of their host: the suite of the capabilities has its own sound server and SSH agent.
const CAPABILITIES: &[&str] = &["openssh-client", "pulseaudio", "pulseaudio-utils"];

/// To evaluate the NixOS side's tests.
const NIX_TESTS: &[&str] = &["jq", "nix-bin"];

/// What `run` needs.
pub(crate) const FOR_RUN: &[&[&str]] = &[BUILD, APP, LXD, SESSION];
/// What `test` needs.
pub(crate) const EVERYTHING: &[&[&str]] =
    &[BUILD, APP, LXD, INCUS, SESSION, CONFORMANCE, ACCESS, CAPABILITIES, HUNT, NIX_TESTS, DESKTOP_TESTS];

/// Installs the packages that are missing.
pub(crate) fn install(groups: &[&[&str]]) -> Result<()> {
    let wanted: Vec<&str> = groups.concat();
    if !process::is_installed("dpkg-query") {
        bail!("this host has no dpkg: install what these Debian packages hold: {}", wanted.join(" "));
    }
    let missing = missing(&wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(" "));
    apt(&["update", "-qq"])?;
    let backports: Vec<&str> = missing.iter().copied().filter(|p| !is_available(p)).collect();
    if !backports.is_empty() {
        add_backports().with_context(|| format!("{} are in no package list", backports.join(" ")))?;
        let target = format!("{}-backports", codename()?);
        apt(&[&["install", "-y", "-qq", "--no-install-recommends", "-t", &target], backports.as_slice()]
            .concat())?;
    }
    let here: Vec<&str> = missing.iter().copied().filter(|p| !backports.contains(p)).collect();
    if !here.is_empty() {
        apt(&[&["install", "-y", "-qq", "--no-install-recommends"], here.as_slice()].concat())?;
    }
    Ok(())
}

/// Which of `wanted` are not installed.
fn missing<'a>(wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    // It fails when a name is unknown; what it knows it prints all the same.
    let out = Command::new("dpkg-query")
        .args(["-W", "-f", "${Package} ${db:Status-Status}\n"])
        .args(wanted)
        .stderr(Stdio::null())
        .output()
        .context("cannot run dpkg-query")?;
    Ok(not_installed(wanted, &String::from_utf8_lossy(&out.stdout)))
}

fn not_installed<'a>(wanted: &[&'a str], answer: &str) -> Vec<&'a str> {
    let installed: HashSet<&str> = answer.lines().filter_map(|l| l.strip_suffix(" installed")).collect();
    wanted.iter().copied().filter(|p| !installed.contains(p)).collect()
}

fn is_available(package: &str) -> bool {
    process::read(Command::new("apt-cache").args(["policy", package])).is_ok_and(|out| {
        out.lines().any(|l| l.trim_start().starts_with("Candidate:") && !l.contains("(none)"))
    })
}

fn apt(args: &[&str]) -> Result<()> {
    let mut command = as_root("apt-get")?;
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(args);
    process::run(&mut command)
}

/// A command run as root, through sudo where we are not.
pub(crate) fn as_root(program: &str) -> Result<Command> {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new(program)
    } else if process::is_installed("sudo") {
        let mut sudo = Command::new("sudo");
        sudo.args(["DEBIAN_FRONTEND=noninteractive", program]);
        sudo
    } else {
        bail!("`{program}` needs root: run this as root, or install sudo");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn add_backports() -> Result<()> {
    let suite = format!("{}-backports", codename()?);
    let text = source(&mirror()?, &suite);
    let file = "/etc/apt/sources.list.d/codchi-backports.sources";
    process::feed(as_root("tee")?.arg(file), text.as_bytes())?;
    apt(&["update", "-qq"])
}

/// One apt source in the deb822 form.
pub(crate) fn source(mirror: &str, suite: &str) -> String {
    format!(
        "Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
}

fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let name = release.lines().find_map(|l| l.strip_prefix("VERSION_CODENAME="));
    Ok(name.context("/etc/os-release has no VERSION_CODENAME")?.trim_matches('"').to_owned())
}

/// The Debian archive this host already uses.
pub(crate) fn mirror() -> Result<String> {
    let mut files = vec![Path::new("/etc/apt/sources.list").to_owned()];
    if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(entries.filter_map(|e| Some(e.ok()?.path())));
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "list" || e == "sources"));
    files.sort();
    files
        .iter()
        .filter_map(|f| fs::read_to_string(f).ok())
        .find_map(|text| archive_in(&text))
        .context("no apt source of this host names a Debian archive (an address that ends in /debian)")
}

/// The first archive address in a sources file of either form.
fn archive_in(text: &str) -> Option<String> {
    let active = text.lines().filter(|l| !l.trim_start().starts_with('#'));
    active
        .filter(|l| l.starts_with("URIs:") || l.starts_with("deb ") || l.starts_with(' '))
        .flat_map(str::split_whitespace)
        .map(|word| word.trim_end_matches('/'))
        .find(|word| word.contains("://") && word.ends_with("/debian"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_found_in_both_forms() {
        let deb822 = "Types: deb\n# URIs: http://old/pub/debian\nURIs: http://archive.example/pub/debian\nSuites: bookworm\n";
        assert_eq!(archive_in(deb822).as_deref(), Some("http://archive.example/pub/debian"));
        let security = "Types: deb\nURIs: http://archive.example/pub/debian-security\n";
        assert_eq!(archive_in(security), None);
        let line = "# deb http://old/pub/debian x\ndeb [signed-by=/k] https://mirror.example/pub/debian/ bookworm main\n";
        assert_eq!(archive_in(line).as_deref(), Some("https://mirror.example/pub/debian"));
    }

    #[test]
    fn half_removed_packages_count_as_missing() {
        let answer = "lxd installed\nxvfb config-files\n";
        assert_eq!(not_installed(&["lxd", "xvfb", "git"], answer), ["xvfb", "git"]);
    }
}
