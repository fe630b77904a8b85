//! The controller's root: Debian's nix, git and ssh, `ctrl-serve` as init, the shipped NixOS side and the builtin
//! nixpkgs. What the packages' maintainer scripts would have made is made here.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::tree::Tree;

/// What is unpacked, with its dependencies. Essential packages are no dependencies: all that are needed are named.
pub(crate) const PACKAGES: &[&str] = &[
    "bash",
    "busybox-static",
    "ca-certificates",
    "coreutils",
    "findutils",
    "git",
    "grep",
    "gzip",
    "iproute2",
    "libc-bin",
    "nix-bin",
    "openssh-client",
    "sed",
    "tar",
    "xz-utils",
    "zstd",
];

/// What nothing in a controller uses: documentation, translations, Perl, the server side of git.
const LEFT_OUT: &[&str] = &[
    "etc/apt",
    "etc/cron.daily",
    "etc/init.d",
    "usr/bin/git-shell",
    "usr/bin/scalar",
    "usr/games",
    "usr/include",
    "usr/lib/git-core/git-daemon",
    "usr/lib/git-core/git-http-backend",
    "usr/lib/git-core/git-http-push",
    "usr/lib/git-core/git-imap-send",
    "usr/lib/git-core/git-shell",
    "usr/lib/git-core/scalar",
    "usr/lib/init",
    "usr/lib/systemd",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl",
    "usr/lib/x86_64-linux-gnu/perl-base",
    "usr/local",
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/common-licenses",
    "usr/share/debconf",
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/gitweb",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/menu",
    "usr/share/perl",
    "usr/share/perl5",
    "usr/share/zsh",
    "usr/src",
    "var",
];

/// Build users; as many as NixOS makes, so that as many builds can run at once.
const BUILD_USERS: u32 = 32;
/// Their group, the same number as in ctrl-serve.
const NIXBLD: u32 = 30_000;

/// For the daemon alone (NIX_CONF_DIR). Root in a machine is root's peer here: nobody is trusted, or a machine
/// could switch the sandbox off and leave it.
const DAEMON_CONF: &str = "\
experimental-features = nix-command flakes
build-users-group = nixbld
sandbox = true
sandbox-fallback = false
trusted-users =
allowed-users = *
max-jobs = auto
max-build-log-size = 268435456
";
/// With the fixture there is nothing to substitute from.
const NO_SUBSTITUTERS: &str = "substituters =\n";

/// What the tree is made from.
pub(crate) struct Sources<'a> {
    /// The unpacked packages.
    pub(crate) raw: &'a Path,
    /// The static binary.
    pub(crate) ctrl_serve: &'a Path,
    /// The shipped NixOS side: `nix/` of the repository.
    pub(crate) release: &'a Path,
    /// The fixture nixpkgs: `tests/nixpkgs` of the repository.
    pub(crate) fixture: &'a Path,
    /// The fixture's `boot` directory.
    pub(crate) base: &'a Path,
}

/// The tree of the controller image.
pub(crate) fn tree(from: &Sources<'_>) -> Result<Tree> {
    let mut tree = Tree::of_directory(from.raw, keep)?;
    directories(&mut tree);
    accounts(&mut tree);
    settings(&mut tree);
    certificates(&mut tree)?;
    commands(&mut tree, from.raw)?;
    tree.copy("usr/bin/ctrl-serve", 0o755, from.ctrl_serve);
    tree.link("usr/sbin/init", "../bin/ctrl-serve");

    // The same files are in the image that Nix makes (nix/packages/controller-image.nix).
    let root = from.release.join("packages/controller-root");
    for directory in ["etc", "usr"] {
        tree.graft(directory, checkout(&root.join(directory), &[])?);
    }

    let release = from.release.join("release");
    ensure!(release.join("flake.nix").is_file(), "{} has no flake.nix", release.display());
    tree.graft("usr/share/codchi", checkout(&release, &[])?);
    tree.graft("usr/share/codchi/nix", checkout(from.release, &["packages", "release", "tests"])?);
    tree.graft("usr/share/codchi-nixpkgs", checkout(from.fixture, &["base", "boot", "tests"])?);
    tree.copy("usr/share/codchi-nixpkgs/boot/busybox", 0o755, &from.base.join("busybox"));
    for archive in ["base.tar.gz", "base.tar.gz.sha256"] {
        tree.copy(&format!("usr/share/codchi-nixpkgs/boot/{archive}"), 0o644, &from.base.join(archive));
    }
    Ok(tree)
}

fn keep(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let is_perl = text.starts_with("usr/bin/perl") || text.starts_with("usr/lib/x86_64-linux-gnu/libperl.so");
    !is_perl && !LEFT_OUT.contains(&text.as_ref()) && !text.ends_with(".dpkg-dist")
}

/// A directory of the repository, without editors' leftovers and the named top entries.
fn checkout(dir: &Path, without: &[&str]) -> Result<Tree> {
    Tree::of_directory(dir, |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        !(name.starts_with('.') || name.ends_with('~') || without.iter().any(|w| path == Path::new(w)))
    })
}

fn directories(tree: &mut Tree) {
    for (path, mode) in [
        ("config", 0o755),
        ("dev", 0o755),
        ("instances", 0o755),
        ("nix/store", 0o755),
        ("nix/var/nix/daemon-socket", 0o755),
        ("nix/var/nix/db", 0o755),
        ("nix/var/nix/profiles/per-instance", 0o755),
        ("proc", 0o555),
        ("root", 0o700),
        ("run", 0o755),
        ("sys", 0o555),
        ("tmp", 0o1777),
        ("var/empty", 0o555),
        ("var/tmp", 0o1777),
    ] {
        tree.dir(path, mode);
    }
}

fn accounts(tree: &mut Tree) {
    let mut passwd = "root:x:0:0::/root:/bin/bash\n".to_owned();
    let mut members = Vec::new();
    for i in 1..=BUILD_USERS {
        let name = format!("nixbld{i}");
        passwd += &format!("{name}:x:{}:{NIXBLD}::/var/empty:/bin/false\n", NIXBLD + i);
        members.push(name);
    }
    passwd += "nobody:x:65534:65534::/nonexistent:/bin/false\n";
    tree.text("etc/passwd", 0o644, passwd);
    tree.text(
        "etc/group",
        0o644,
        format!("root:x:0:\nnixbld:x:{NIXBLD}:{}\nnogroup:x:65534:\n", members.join(",")),
    );
}

fn settings(tree: &mut Tree) {
    tree.link("etc/resolv.conf", "/run/codchi/resolv.conf");
    tree.text("etc/nix-daemon/nix.conf", 0o644, format!("{DAEMON_CONF}{NO_SUBSTITUTERS}"));
}

/// The bundle is put together at every start (ctrl-serve); programs look for it at Debian's place.
fn certificates(tree: &mut Tree) -> Result<()> {
    let all = tree.read_all("usr/share/ca-certificates/mozilla", ".crt")?;
    ensure!(!all.is_empty(), "the packages hold no CA certificates");
    tree.remove("usr/share/ca-certificates");
    tree.remove("etc/ssl/certs");
    tree.text("usr/share/ca-certificates/system.crt", 0o644, all.concat());
    tree.link("etc/ssl/certs/ca-certificates.crt", "/run/codchi/ca-bundle.crt");
    Ok(())
}

/// `sh`, and busybox for every command that no package brings.
fn commands(tree: &mut Tree, raw: &Path) -> Result<()> {
    tree.link("usr/bin/sh", "bash");
    // One program, packed twice.
    tree.link("usr/lib/git-core/git", "../../bin/git");
    let list = crate::process::read(std::process::Command::new(raw.join("usr/bin/busybox")).arg("--list"))
        .context("cannot ask the image's busybox for its commands")?;
    for name in list.lines().map(str::trim).filter(|n| !n.is_empty() && *n != "init") {
        let (bin, sbin) = (format!("usr/bin/{name}"), format!("usr/sbin/{name}"));
        if !tree.has(&bin) && !tree.has(&sbin) {
            tree.link(&bin, "busybox");
        }
    }
    Ok(())
}
