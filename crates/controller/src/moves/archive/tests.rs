use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::{driver::DriverKind, machine::NixpkgsChoice};

fn content() -> Content {
    let module = ModuleSpec {
        name: "web".into(),
        url: "github:acme/shop".into(),
        attr: vec!["nixosModules".into(), "web".into()],
    };
    let spec =
        MachineSpec { driver: DriverKind::Lxd, nixpkgs: NixpkgsChoice::Builtin, modules: vec![module] };
    let set = BTreeSet::from(["token".to_owned()]);
    let manifest = Manifest::new("web".parse().unwrap(), spec, set, BTreeSet::new());
    Content { manifest, lock: Some("{\"version\": 7}".into()), sealed: Some(b"sealed".to_vec()) }
}

fn written(data: Option<&[u8]>) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("web.codchi");
    write(&path, &content(), data.map(|data| (data, || Ok(())))).unwrap();
    (directory, path)
}

/// A zip with these files.
fn zip_of(directory: &Path, files: &[(&str, &[u8])]) -> PathBuf {
    let path = directory.join("made.codchi");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn refused(path: &Path) -> String {
    crate::failure::Failure::from(Archive::open(path).err().expect("it is refused")).message
}

#[test]
fn what_is_written_is_read() {
    let data = b"a tar archive".repeat(10_000);
    let (directory, path) = written(Some(&data));
    let mut archive = Archive::open(&path).unwrap();
    let wanted = content();
    assert_eq!(archive.manifest, wanted.manifest);
    assert_eq!((&archive.lock, &archive.sealed), (&wanted.lock, &wanted.sealed));
    let contents = archive.contents();
    assert_eq!((contents.data, contents.sealed), (Some(data.len() as u64), true));
    let mut copy = Vec::new();
    archive.copy_data(&mut copy).unwrap();
    assert_eq!(copy, data);
    assert!(fs::metadata(&path).unwrap().len() < data.len() as u64, "it is packed");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn what_fails_leaves_the_old_file_and_a_killed_writers_part_goes() {
    let (directory, path) = written(None);
    let before = fs::read(&path).unwrap();
    fs::write(directory.path().join(".codchi-export-web.codchi-x1"), "half").unwrap();
    fs::write(directory.path().join(".codchi-export-other.codchi-x1"), "another's").unwrap();
    let failed = write(&path, &content(), Some((&b"half"[..], || Err(Error::Cancelled))));
    assert!(matches!(failed, Err(Error::Cancelled)));
    assert_eq!(fs::read(&path).unwrap(), before);
    let mut left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".codchi-export-other.codchi-x1", "web.codchi"]);
}

#[test]
fn something_else_is_refused_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    assert!(refused(place).contains("no file"));
    let text = place.join("text");
    fs::write(&text, "hello").unwrap();
    assert!(refused(&text).contains("codchi export"));
    let (_whole, path) = written(Some(b"data"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&text, &bytes[..bytes.len() / 2]).unwrap();
    assert!(refused(&text).contains("cut off"));
    assert!(refused(&zip_of(place, &[("../../etc/passwd", b"x")])).contains("no machine.json"));

    let manifest = String::from_utf8(files::versioned(&path, VERSION, &content().manifest).unwrap()).unwrap();
    for (from, to, says) in [
        ("\"version\": 1", "\"version\": 2", "newer Codchi (format 2"),
        ("codchi-machine", "other-machine", "something else"),
        ("\"web\"", "\"../web\"", "damaged"),
        ("\"later\"", "\"unknown\"", "damaged"),
        ("{", "", "damaged"),
    ] {
        let made = zip_of(place, &[(MANIFEST, manifest.replacen(from, to, 1).as_bytes())]);
        assert!(refused(&made).contains(says), "{from}: {}", refused(&made));
    }
    let made = zip_of(place, &[(MANIFEST, manifest.as_bytes()), (LOCK, b"not json")]);
    assert!(refused(&made).contains("flake.lock is damaged"));
}

#[test]
fn sizes_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let large = vec![b' '; LARGEST_MANIFEST as usize + 1];
    assert!(refused(&zip_of(directory.path(), &[(MANIFEST, &large)])).contains("more than 1 MiB"));
    let names: Vec<String> = (0..=MOST_FILES).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert!(refused(&zip_of(directory.path(), &many)).contains("too many files"));
}

#[test]
fn data_that_is_more_or_less_than_it_says_is_refused() {
    let data = b"0123456789".repeat(1_000);
    let (_directory, path) = written(Some(&data));
    let whole = fs::read(&path).unwrap();
    // The size in the directory at the end: the last place where it stands.
    let size = (data.len() as u32).to_le_bytes();
    let at = whole.windows(4).rposition(|window| window == size).unwrap();
    for wrong in [9_000_u32, 20_000] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let copied = Archive::open(&path).unwrap().copy_data(&mut io::sink());
        assert!(copied.is_err(), "{wrong}");
    }
}
