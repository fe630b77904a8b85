//! What `/nix` and `/config` must look like before nix-daemon starts: directories, owners and modes as data,
//! and their application below a root. Volumes arrive as `0711 root`, an emptied one as nothing at all.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The group of the build users, the same number in the image's `/etc/group`.
const NIXBLD: u32 = 30_000;

/// One directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dir {
    path: &'static str,
    mode: u32,
    group: u32,
}

const fn dir(path: &'static str, mode: u32) -> Dir {
    Dir { path, mode, group: 0 }
}

/// Every directory the controller needs, parents first.
pub(crate) const DIRS: &[Dir] = &[
    dir("/nix", 0o755),
    Dir { path: "/nix/store", mode: 0o1775, group: NIXBLD },
    dir("/nix/var", 0o755),
    dir("/nix/var/log", 0o755),
    dir("/nix/var/log/nix", 0o755),
    dir("/nix/var/nix", 0o755),
    dir("/nix/var/nix/db", 0o755),
    dir("/nix/var/nix/daemon-socket", 0o755),
    dir("/nix/var/nix/profiles", 0o755),
    dir("/nix/var/nix/profiles/per-instance", 0o755),
    dir("/nix/var/nix/gcroots", 0o755),
    dir("/nix/var/nix/temproots", 0o755),
    dir("/nix/var/nix/gcroots/machines", 0o700),
    dir("/nix/var/nix/gcroots/auto", 0o755),
    dir("/nix/var/nix/gcroots/builds", 0o700),
    // What machines have is theirs.
    dir("/instances", 0o700),
    dir("/config", 0o755),
    dir("/config/roots", 0o700),
    dir("/config/machines", 0o755),
    dir("/config/certificates", 0o755),
    dir("/config/cache", 0o755),
    dir("/root", 0o700),
    dir("/tmp", 0o1777),
];

/// Where each machine's profile volume is attached while the controller runs.
pub(crate) const PER_INSTANCE: &str = "/nix/var/nix/profiles/per-instance";

/// Makes every directory of [`DIRS`] and the profiles' gc root link below `root` (`/` but in tests).
///
/// # Errors
/// The first directory that cannot be made or changed, named in the message.
pub(crate) fn apply(root: &Path) -> io::Result<()> {
    for d in DIRS {
        let path = root.join(d.path.trim_start_matches('/'));
        make(&path, *d).map_err(|e| named(&path, &e))?;
    }
    let link = root.join("nix/var/nix/gcroots/profiles");
    match std::os::unix::fs::symlink("/nix/var/nix/profiles", &link) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(named(&link, &e)),
        _ => open_profiles(&root.join(PER_INSTANCE.trim_start_matches('/'))),
    }
}

/// Gives every profile directory the mode Nix wants; a volume just attached comes as 0711.
///
/// # Errors
/// A directory's mode cannot be read or changed.
pub(crate) fn open_profiles(per_instance: &Path) -> io::Result<()> {
    for entry in fs::read_dir(per_instance).map_err(|e| named(per_instance, &e))? {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path).map_err(|e| named(&path, &e))?;
        if meta.is_dir() && meta.mode() & 0o7777 != 0o755 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|e| named(&path, &e))?;
        }
    }
    Ok(())
}

fn make(path: &Path, d: Dir) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    let meta = fs::metadata(path)?;
    if !meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a directory"));
    }
    if meta.gid() != d.group && nix::unistd::geteuid().is_root() {
        nix::unistd::chown(path, None, Some(d.group.into()))?;
    }
    if fs::metadata(path)?.mode() & 0o7777 != d.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(d.mode))?;
    }
    Ok(())
}

fn named(path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("cannot prepare {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn parents_come_first() {
        for (i, d) in DIRS.iter().enumerate() {
            let parent = Path::new(d.path).parent().unwrap();
            assert!(
                parent == Path::new("/") || DIRS[..i].iter().any(|p| Path::new(p.path) == parent),
                "{}",
                d.path
            );
        }
    }

    #[test]
    fn an_empty_root_is_filled_and_volume_modes_are_put_right() {
        let root = tempfile::tempdir().unwrap();
        let store = root.path().join("nix/store");
        let profile = root.path().join("nix/var/nix/profiles/per-instance/m1");
        fs::create_dir_all(&store).unwrap();
        fs::create_dir_all(&profile).unwrap();
        fs::set_permissions(&store, fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&profile, fs::Permissions::from_mode(0o711)).unwrap();
        apply(root.path()).unwrap();
        assert_eq!((mode(&store), mode(&profile)), (0o1775, 0o755));
        assert_eq!(mode(&root.path().join("config/machines")), 0o755);
        assert_eq!(
            fs::read_link(root.path().join("nix/var/nix/gcroots/profiles")).unwrap(),
            Path::new("/nix/var/nix/profiles")
        );
        apply(root.path()).unwrap();
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("nix"), "").unwrap();
        let e = apply(root.path()).unwrap_err().to_string();
        assert!(e.contains("/nix: not a directory"), "{e}");
    }
}
