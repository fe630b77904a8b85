//! The root of every code machine: directories, the merged-/usr links and one static binary. What a machine runs is
//! the system in its store, mounted over this.

use std::path::Path;

use anyhow::Result;

use super::tree::Tree;

/// Directories and their modes; the ones the engine mounts on must exist.
const DIRS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("mnt", 0o755),
    ("nix/store", 0o755),
    ("nix/var/nix/daemon-socket", 0o755),
    ("nix/var/nix/db", 0o755),
    ("nix/var/nix/gcroots", 0o755),
    ("nix/var/nix/profiles", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib64", 0o755),
    ("usr/sbin", 0o755),
    ("var", 0o755),
];

/// The tree of the machine image.
pub(crate) fn tree(ctrl_serve: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    for (path, mode) in DIRS {
        tree.dir(path, *mode);
    }
    for dir in ["bin", "sbin", "lib", "lib64"] {
        tree.link(dir, &format!("usr/{dir}"));
    }
    tree.link("nix/var/nix/gcroots/profiles", "/nix/var/nix/profiles");
    tree.copy(".codchi/ctrl-serve", 0o755, ctrl_serve);
    tree.link("usr/sbin/init", "/.codchi/ctrl-serve");
    Ok(tree)
}
