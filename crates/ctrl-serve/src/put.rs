//! `ctrl-serve put DIR`: replaces a directory by the files of a tar archive, all of them or none. The archive is
//! read whole and checked first, laid out beside the target, brought to disk, and exchanged in one rename.
//!
//! Only directories and regular files are taken: links and devices have no place in a mirrored configuration, and
//! without them nothing can point outside.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2};
use tar::EntryType;

/// More than this is no configuration.
const LARGEST: u64 = 64 << 20;
/// A tar archive ends with two empty blocks of this size; one without them was cut off.
const BLOCK: usize = 512;

/// Why the directory was left as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PutError {
    #[error("cannot read the archive: {0}")]
    Read(#[source] io::Error),
    #[error("the archive is larger than {} MB", LARGEST >> 20)]
    TooLarge,
    #[error("the archive is cut off: its end marker is missing")]
    CutOff,
    #[error("the archive holds {path:?}, which would lie outside the directory")]
    Outside { path: PathBuf },
    #[error("the archive holds {path:?}, which is neither a file nor a directory")]
    Kind { path: PathBuf },
    #[error("{0:?} cannot be replaced: it has no parent directory or no name")]
    Target(PathBuf),
    #[error("cannot write {path:?}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Replaces `dir` by the archive in `input`. Two at once on one parent directory wait for each other.
///
/// # Errors
/// See [`PutError`]; `dir` is then unchanged.
pub(crate) fn put(input: &mut dyn Read, dir: &Path) -> Result<(), PutError> {
    let archive = read_whole(input)?;
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(PutError::Target(dir.into()));
    };
    fs::create_dir_all(parent).map_err(at(parent))?;
    let lock = File::open(parent).map_err(at(parent))?;
    let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| at(parent)(e.into()))?;
    let mut new_name = std::ffi::OsString::from(".");
    new_name.push(name);
    new_name.push(".new");
    let new = parent.join(new_name);
    remove(&new)?;
    extract(&archive, &new)?;
    if dir.symlink_metadata().is_ok() {
        renameat2(AT_FDCWD, &new, AT_FDCWD, dir, RenameFlags::RENAME_EXCHANGE)
            .map_err(|e| at(dir)(e.into()))?;
    } else {
        fs::rename(&new, dir).map_err(at(dir))?;
    }
    lock.sync_all().map_err(at(parent))?;
    remove(&new)
}

fn read_whole(input: &mut dyn Read) -> Result<Vec<u8>, PutError> {
    let mut archive = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut archive).map_err(PutError::Read)?;
    if archive.len() as u64 > LARGEST {
        return Err(PutError::TooLarge);
    }
    let end = archive.len().checked_sub(2 * BLOCK).ok_or(PutError::CutOff)?;
    if archive.len() % BLOCK != 0 || archive[end..].iter().any(|b| *b != 0) {
        return Err(PutError::CutOff);
    }
    Ok(archive)
}

fn extract(archive: &[u8], to: &Path) -> Result<(), PutError> {
    make_dir(to)?;
    for entry in tar::Archive::new(archive).entries().map_err(PutError::Read)? {
        let mut entry = entry.map_err(PutError::Read)?;
        let path = entry.path().map_err(PutError::Read)?.into_owned();
        let relative = inside(&path).ok_or_else(|| PutError::Outside { path: path.clone() })?;
        let target = to.join(&relative);
        match entry.header().entry_type() {
            EntryType::Directory => make_dirs(to, &relative)?,
            EntryType::Regular | EntryType::Continuous => {
                make_dirs(to, relative.parent().unwrap_or(Path::new("")))?;
                let executable = entry.header().mode().unwrap_or(0) & 0o100 != 0;
                let mode = if executable { 0o755 } else { 0o644 };
                let mut options = File::options();
                let mut file =
                    options.write(true).create_new(true).mode(mode).open(&target).map_err(at(&target))?;
                io::copy(&mut entry, &mut file).map_err(at(&target))?;
                file.flush().and_then(|()| file.sync_all()).map_err(at(&target))?;
            }
            EntryType::XGlobalHeader => {}
            _ => return Err(PutError::Kind { path }),
        }
    }
    sync_dirs(to)
}

/// The path without `.` parts; none if it has a root, a `..` or nothing above `.`.
fn inside(path: &Path) -> Option<PathBuf> {
    path.components()
        .map(|c| match c {
            Component::Normal(name) => Some(Some(name)),
            Component::CurDir => Some(None),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()
        .map(|names| names.into_iter().flatten().collect())
}

fn make_dirs(root: &Path, relative: &Path) -> Result<(), PutError> {
    let mut path = root.to_owned();
    for part in relative {
        path.push(part);
        make_dir(&path)?;
    }
    Ok(())
}

fn make_dir(path: &Path) -> Result<(), PutError> {
    match fs::create_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other.map_err(at(path)),
    }
}

fn sync_dirs(dir: &Path) -> Result<(), PutError> {
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        if path.is_dir() {
            sync_dirs(&path)?;
        }
    }
    File::open(dir).and_then(|d| d.sync_all()).map_err(at(dir))
}

fn remove(path: &Path) -> Result<(), PutError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).map_err(at(path)),
        Ok(_) => fs::remove_file(path).map_err(at(path)),
        Err(_) => Ok(()),
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> PutError {
    let path = path.to_owned();
    move |source| PutError::Write { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            // Written raw: the library refuses what the hostile cases need.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(if text.starts_with("#!") { 0o4755 } else { 0o666 });
            if *kind == EntryType::Symlink {
                header.set_link_name(text).unwrap();
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, io::empty()).unwrap();
            } else {
                header.set_size(text.len() as u64);
                header.set_cksum();
                builder.append(&header, text.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn listing(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    const FILE: EntryType = EntryType::Regular;

    #[test]
    fn a_directory_is_made_then_replaced_whole() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("machines/m1");
        let first =
            archive(&[("./", EntryType::Directory, ""), ("./flake.nix", FILE, "{ }"), ("./a/b", FILE, "1")]);
        put(&mut first.as_slice(), &dir).unwrap();
        assert_eq!(listing(&dir), ["a", "flake.nix"]);
        let second = archive(&[("flake.nix", FILE, "{ x = 1; }"), ("run", FILE, "#!/bin/sh")]);
        put(&mut second.as_slice(), &dir).unwrap();
        assert_eq!(listing(&dir), ["flake.nix", "run"]);
        assert_eq!(fs::read_to_string(dir.join("flake.nix")).unwrap(), "{ x = 1; }");
        assert_eq!(listing(dir.parent().unwrap()), ["m1"], "nothing half stays beside it");
        use std::os::unix::fs::PermissionsExt;
        let mode = |f: &str| fs::metadata(dir.join(f)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("flake.nix"), mode("run")), (0o644, 0o755), "no set-uid, no group write");
    }

    #[test]
    fn what_could_escape_is_refused_and_the_old_directory_stays() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("m1");
        put(&mut archive(&[("keep", FILE, "1")]).as_slice(), &dir).unwrap();
        for hostile in [
            archive(&[("../escape", FILE, "x")]),
            archive(&[("a/../../escape", FILE, "x")]),
            archive(&[("/etc/escape", FILE, "x")]),
            archive(&[("link", EntryType::Symlink, "/etc"), ("link/passwd", FILE, "x")]),
            archive(&[("dev", EntryType::Char, "")]),
            archive(&[("twice", FILE, "1"), ("twice", FILE, "2")]),
        ] {
            assert!(put(&mut hostile.as_slice(), &dir).is_err());
            assert_eq!(listing(&dir), ["keep"]);
            assert!(!root.path().join("escape").exists());
        }
    }

    #[test]
    fn a_cut_off_archive_changes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("m1");
        let whole = archive(&[("a", FILE, "1"), ("b", FILE, "2")]);
        for n in [0, 100, 512, 1024, whole.len() - 512, whole.len() - 1] {
            assert!(matches!(put(&mut &whole[..n], &dir), Err(PutError::CutOff)), "{n} bytes");
        }
        assert!(!dir.exists());
        put(&mut whole.as_slice(), &dir).unwrap();
    }

    #[test]
    fn what_a_killed_run_left_is_swept_away() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("m1");
        fs::create_dir(root.path().join(".m1.new")).unwrap();
        fs::write(root.path().join(".m1.new/half"), "").unwrap();
        put(&mut archive(&[("a", FILE, "1")]).as_slice(), &dir).unwrap();
        assert_eq!(listing(root.path()), ["m1"]);
        assert_eq!(listing(&dir), ["a"]);
    }
}
