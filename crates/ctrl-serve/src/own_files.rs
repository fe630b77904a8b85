//! A machine's own files as a tar archive: what is on its disk and isn't made by the engine, the store or the system's start.
//!
//! `pack` writes it to standard output, `unpack` lays it out in a machine whose system doesn't run. Owners, modes, times and hard links
//! come along; extended attributes, devices, pipes and sockets don't. Neither does what says which machine it is.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};

use tar::{Builder, EntryType, Header};

use crate::mounts;

/// Directories of the root whose content isn't the machine's.
const FOREIGN: &[&str] = &[".codchi", "dev", "nix", "proc", "run", "sys", "tmp"];
/// By what one machine is told from another: systemd makes it anew, and it decides which address the network gives.
const IDENTITY: &[&str] = &["etc/machine-id", "var/lib/dbus/machine-id"];

/// Why files can't be packed or laid out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnFilesError {
    #[error("cannot read {path:?}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the archive: {0}")]
    Pack(#[source] io::Error),
    #[error("cannot read the archive: {0}")]
    Archive(#[source] io::Error),
    #[error("the archive holds {path:?}, which isn't a machine's own")]
    Foreign { path: PathBuf },
    #[error("cannot write {path:?}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// Whether a path below the root belongs to the machine.
fn is_own(relative: &Path) -> bool {
    let first = relative.components().next();
    let foreign = |name: &&str| first == Some(Component::Normal((*name).as_ref()));
    !FOREIGN.iter().any(foreign) && !IDENTITY.iter().any(|path| relative == Path::new(path))
}

/// Writes this machine's own files.
///
/// # Errors
/// As [`pack`].
pub(crate) fn pack_machine(output: &mut dyn Write) -> Result<(), OwnFilesError> {
    let path = Path::new(mounts::MOUNTINFO);
    let text =
        fs::read_to_string(path).map_err(|source| OwnFilesError::Read { path: path.into(), source })?;
    pack(Path::new("/"), &mounts::points(&text), output)
}

/// Writes the files below `root` that are the machine's own. What is mounted at one of the `mounts` isn't, whatever device it is on.
///
/// # Errors
/// When one can't be read or the archive can't be written. What is removed meanwhile is left out.
pub(crate) fn pack(root: &Path, mounts: &[PathBuf], output: &mut dyn Write) -> Result<(), OwnFilesError> {
    let device = metadata(root)?.map_or(0, |metadata| metadata.dev());
    let mut archive = Builder::new(output);
    let mut links: HashMap<u64, PathBuf> = HashMap::new();
    let mut todo = children(root, Path::new(""))?;
    while let Some(relative) = todo.pop() {
        let path = root.join(&relative);
        if !is_own(&relative) {
            continue;
        }
        let Some(metadata) = metadata(&path)? else { continue };
        if metadata.dev() != device || mounts.contains(&path) {
            continue;
        }
        append(&mut archive, &path, &relative, &metadata, &mut links)?;
        if metadata.is_dir() {
            todo.extend(children(root, &relative)?);
        }
    }
    archive.into_inner().and_then(|output| output.flush()).map_err(OwnFilesError::Pack)
}

/// What there is of it; nothing when it is gone.
fn metadata(path: &Path) -> Result<Option<Metadata>, OwnFilesError> {
    present(path, fs::symlink_metadata(path))
}

fn present<T>(path: &Path, result: io::Result<T>) -> Result<Option<T>, OwnFilesError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OwnFilesError::Read { path: path.into(), source }),
    }
}

/// What is in a directory, the last name first.
fn children(root: &Path, relative: &Path) -> Result<Vec<PathBuf>, OwnFilesError> {
    let path = root.join(relative);
    let Some(entries) = present(&path, fs::read_dir(&path))? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(present(&path, entry)?.map(|entry| relative.join(entry.file_name())));
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

fn append(
    archive: &mut Builder<&mut dyn Write>,
    path: &Path,
    relative: &Path,
    metadata: &Metadata,
    links: &mut HashMap<u64, PathBuf>,
) -> Result<(), OwnFilesError> {
    let mut header = Header::new_gnu();
    header.set_metadata(metadata);
    let kind = metadata.file_type();
    if kind.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        return archive.append_data(&mut header, relative, io::empty()).map_err(OwnFilesError::Pack);
    }
    if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        let Some(target) = present(path, fs::read_link(path))? else { return Ok(()) };
        return archive.append_link(&mut header, relative, target).map_err(OwnFilesError::Pack);
    }
    if kind.is_block_device() || kind.is_char_device() || kind.is_fifo() || kind.is_socket() {
        return Ok(());
    }
    if metadata.nlink() > 1
        && let Some(first) = links.get(&metadata.ino())
    {
        header.set_entry_type(EntryType::Link);
        header.set_size(0);
        return archive.append_link(&mut header, relative, first).map_err(OwnFilesError::Pack);
    }
    let Some(file) = present(path, File::open(path))? else { return Ok(()) };
    // It may grow or shrink meanwhile: as long as it was, zeros where it ended before.
    let content = file.chain(io::repeat(0)).take(metadata.len());
    archive.append_data(&mut header, relative, content).map_err(OwnFilesError::Pack)?;
    if metadata.nlink() > 1 {
        links.insert(metadata.ino(), relative.to_owned());
    }
    Ok(())
}

/// Lays an archive out below `root`. What is there stays where the archive has nothing in its place.
///
/// # Errors
/// When the archive is damaged or cut off, has what isn't a machine's own, or can't be written. Some of it is then there.
pub(crate) fn unpack(root: &Path, input: &mut dyn Read) -> Result<(), OwnFilesError> {
    let mut archive = tar::Archive::new(input);
    archive.set_preserve_permissions(true);
    archive.set_preserve_ownerships(true);
    archive.set_preserve_mtime(true);
    for entry in archive.entries().map_err(OwnFilesError::Archive)? {
        let mut entry = entry.map_err(OwnFilesError::Archive)?;
        let path = entry.path().map_err(OwnFilesError::Archive)?.into_owned();
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || path.as_os_str().is_empty() || !is_own(&path) {
            return Err(OwnFilesError::Foreign { path });
        }
        let target = root.join(&path);
        let write = |source| OwnFilesError::Write { path: target.clone(), source };
        match entry.header().entry_type() {
            EntryType::Symlink => {
                let to = entry.link_name().map_err(OwnFilesError::Archive)?.unwrap_or_default().into_owned();
                make_way(root, &path).map_err(write)?;
                symlink(&to, &target).map_err(write)?;
                let (uid, gid) = owner(entry.header()).map_err(OwnFilesError::Archive)?;
                std::os::unix::fs::lchown(&target, Some(uid), Some(gid)).map_err(write)?;
            }
            EntryType::Directory | EntryType::Regular | EntryType::Continuous | EntryType::Link => {
                if entry.header().entry_type() != EntryType::Directory {
                    make_way(root, &path).map_err(write)?;
                }
                entry.unpack_in(root).map_err(write)?;
            }
            _ => return Err(OwnFilesError::Foreign { path }),
        }
    }
    Ok(())
}

/// Removes what is in a new file's place. A directory that isn't empty stays, and is the writer's error.
fn make_way(root: &Path, relative: &Path) -> io::Result<()> {
    let target = root.join(relative);
    match fs::symlink_metadata(&target) {
        Ok(found) if found.is_dir() => fs::remove_dir(&target),
        Ok(_) => fs::remove_file(&target),
        Err(e) if e.kind() == io::ErrorKind::NotFound => match target.parent() {
            Some(parent) => fs::create_dir_all(parent),
            None => Ok(()),
        },
        Err(e) => Err(e),
    }
}

fn owner(header: &Header) -> io::Result<(u32, u32)> {
    let narrow = |id: u64| u32::try_from(id).map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
    Ok((narrow(header.uid()?)?, narrow(header.gid()?)?))
}

/// Removes what says which machine the one below `root` is.
///
/// # Errors
/// Names the file that can't be removed.
pub(crate) fn forget_identity(root: &Path) -> Result<(), OwnFilesError> {
    for path in IDENTITY {
        let path = root.join(path);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(OwnFilesError::Write { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(root: &Path) -> Vec<u8> {
        let mut archive = Vec::new();
        pack(root, &[root.join("mounted")], &mut archive).unwrap();
        archive
    }

    fn put(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn own_files_come_back_and_others_do_not() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (path, text) in [
            ("home/codchi/a", "kept"),
            ("home/codchi/with space \"\n", "odd"),
            ("var/lib/x/data", "database"),
            ("etc/hostname", "old"),
            ("etc/machine-id", "0123"),
            ("nix/store/x", "store"),
            ("run/codchi/env", "secret"),
            ("tmp/x", "gone"),
            ("mounted/x", "another's"),
            (".codchi/ctrl-serve", "ours"),
        ] {
            put(from.path(), path, text);
        }
        let long = format!("home/{}/{}", "d".repeat(120), "f".repeat(120));
        put(from.path(), &long, "long");
        fs::hard_link(from.path().join("home/codchi/a"), from.path().join("home/codchi/b")).unwrap();
        symlink("/home/codchi/a", from.path().join("home/codchi/link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.path().join("home/codchi/socket")).unwrap();

        put(to.path(), "etc/hostname", "new");
        put(to.path(), "home/codchi/link", "in the way");
        put(to.path(), "etc/there", "stays");
        unpack(to.path(), &mut packed(from.path()).as_slice()).unwrap();
        let text = |path: &str| fs::read_to_string(to.path().join(path)).unwrap();
        assert_eq!(text("home/codchi/a"), "kept");
        assert_eq!(text("home/codchi/with space \"\n"), "odd");
        assert_eq!(
            (text(&long), text("etc/hostname"), text("etc/there")),
            ("long".into(), "old".into(), "stays".into())
        );
        assert_eq!(fs::read_link(to.path().join("home/codchi/link")).unwrap(), Path::new("/home/codchi/a"));
        let inode = |path: &str| fs::metadata(to.path().join(path)).unwrap().ino();
        assert_eq!(inode("home/codchi/a"), inode("home/codchi/b"));
        for gone in ["etc/machine-id", "nix", "run", "tmp", "mounted", ".codchi", "home/codchi/socket"] {
            assert!(!to.path().join(gone).exists(), "{gone}");
        }
    }

    #[test]
    fn what_is_no_machines_own_is_refused() {
        for (path, kind) in [
            ("nix/var/nix/profiles/system", EntryType::Regular),
            (".codchi/ctrl-serve", EntryType::Regular),
            ("run/x", EntryType::Directory),
            ("home/pipe", EntryType::Fifo),
            ("home/null", EntryType::Char),
        ] {
            let to = tempfile::tempdir().unwrap();
            let mut archive = Builder::new(Vec::new());
            let mut header = Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, io::empty()).unwrap();
            let archive = archive.into_inner().unwrap();
            let refused = unpack(to.path(), &mut archive.as_slice());
            assert!(matches!(refused, Err(OwnFilesError::Foreign { .. })), "{path}: {refused:?}");
        }
    }

    #[test]
    fn nothing_is_written_outside() {
        let (to, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut archive = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        archive.append_link(&mut header, "home", outside.path()).unwrap();
        let mut header = Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        archive.append_data(&mut header, "home/escaped", &b"x"[..]).unwrap();
        let archive = archive.into_inner().unwrap();
        let refused = unpack(to.path(), &mut archive.as_slice());
        assert!(matches!(refused, Err(OwnFilesError::Write { .. })), "{refused:?}");
        assert!(fs::read_dir(outside.path()).unwrap().next().is_none());
    }

    #[test]
    fn an_archive_that_is_cut_off_is_refused() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(from.path(), "home/a", &"x".repeat(10_000));
        let archive = packed(from.path());
        let refused = unpack(to.path(), &mut &archive[..6_000]);
        assert!(
            matches!(refused, Err(OwnFilesError::Write { .. } | OwnFilesError::Archive(_))),
            "{refused:?}"
        );
    }
}
