//! Writing a delivery below `/run/codchi`:
//!
//! ```text
//! current -> delivery.a       or delivery.b: the two take turns
//! delivery.a/secrets/NAME     as declared
//!            env              0400, the machine's user: every variable whose value is text
//!            env.bytes        the same, the others
//!            variables/NAME   0400, the machine's user: one value as it is; where it is text, NAME.env has it as an assignment
//!            certificates.pem, ca-bundle.crt, trust-store.p12
//!            x-authority      0400, the machine's user: the cookie of the host's display
//! secrets -> current/secrets  and so on, for each of them
//! delivered                   the marker
//! ```
//!
//! systemd takes only text ([`quote::is_for_systemd`]) from an `EnvironmentFile=`, and writes a value that isn't into the journal, on
//! the disk. So what units may read has none.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::statfs::fstatfs;
use zeroize::Zeroizing;

use super::accounts::Accounts;
use super::request::{Delivery, SecretFile};
use super::{DeliverError, USER, quote};
use crate::{bundle, mounts};

/// The marker's name. It is replaced by each delivery.
pub(crate) const MARKER: &str = "delivered";
/// The link that is exchanged.
const CURRENT: &str = "current";
/// The directories it points to in turn.
const TURNS: [&str; 2] = ["delivery.a", "delivery.b"];
/// What is reached through it.
const NAMES: [&str; 8] = [
    "secrets",
    "env",
    "env.bytes",
    "variables",
    "certificates.pem",
    "ca-bundle.crt",
    "trust-store.p12",
    "x-authority",
];
/// Where NixOS has the system's certificates.
const SYSTEM_CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Replaces what was delivered to `runtime`. Two at once wait for each other.
///
/// # Errors
/// An owner is unknown, `runtime` isn't in a tmpfs, or something can't be written. Nothing has changed then.
pub(crate) fn replace(delivery: &Delivery, root: &Path, runtime: &Path) -> Result<(), DeliverError> {
    let accounts = Accounts::read(root).map_err(at(&root.join("etc/passwd")))?;
    let owned = owners(&delivery.files, &accounts)?;
    let user = accounts.user(USER).unwrap_or(0);

    let above = runtime.parent().unwrap_or(runtime);
    in_tmpfs(&File::open(above).map_err(at(above))?, above)?;
    make_dir(runtime, 0o755)?;
    let lock = open_dir(runtime)?;
    in_tmpfs(&lock, runtime)?;
    let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| at(runtime)(e.into()))?;
    // The directory itself from here on, whatever is mounted or moved meanwhile.
    let dir = PathBuf::from(format!("/proc/self/fd/{}", lock.as_raw_fd()));
    exchange(delivery, &owned, user, root, &dir).map_err(|e| match e {
        DeliverError::Write { path, source } => {
            let path = path.strip_prefix(&dir).map_or(path.clone(), |below| runtime.join(below));
            DeliverError::Write { path, source }
        }
        other => other,
    })
}

/// Makes the new directory, puts it in the place of the old one, and says so.
fn exchange(
    delivery: &Delivery,
    owned: &[(u32, u32)],
    user: u32,
    root: &Path,
    dir: &Path,
) -> Result<(), DeliverError> {
    let old = fs::read_link(dir.join(CURRENT)).ok();
    let turn = TURNS.into_iter().find(|t| old.as_deref() != Some(Path::new(t))).unwrap_or(TURNS[0]);
    let new = dir.join(turn);
    // A killed run may have left one.
    remove(&new)?;
    // Nobody reads it before it is whole.
    make_dir(&new, 0o700)?;
    fill(delivery, owned, user, root, &new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o755)).map_err(at(&new))?;

    for name in NAMES {
        link(&Path::new(CURRENT).join(name), dir, name)?;
    }
    link(Path::new(turn), dir, CURRENT)?;
    for other in TURNS.into_iter().filter(|t| *t != turn) {
        remove(&dir.join(other))?;
    }
    let marker = dir.join(".delivered.new");
    remove(&marker)?;
    write(&marker, b"", None, 0o444)?;
    fs::rename(&marker, dir.join(MARKER)).map_err(at(&dir.join(MARKER)))
}

/// Whether the machine has all users and groups that the delivery names.
pub(crate) fn has_owners(delivery: &Delivery, root: &Path) -> bool {
    Accounts::read(root).is_ok_and(|accounts| owners(&delivery.files, &accounts).is_ok())
}

/// The user and group of each file, in order.
fn owners(files: &[SecretFile], accounts: &Accounts) -> Result<Vec<(u32, u32)>, DeliverError> {
    let unknown = |secret: &SecretFile, kind, account: &str| DeliverError::Account {
        secret: secret.name.clone(),
        kind,
        account: account.to_owned(),
    };
    let owner = |file: &SecretFile| {
        let user = accounts.user(&file.owner).ok_or_else(|| unknown(file, "user", &file.owner))?;
        let group = accounts.group(&file.group).ok_or_else(|| unknown(file, "group", &file.group))?;
        Ok((user, group))
    };
    files.iter().map(owner).collect()
}

/// Writes everything into the new directory.
fn fill(
    delivery: &Delivery,
    owned: &[(u32, u32)],
    user: u32,
    root: &Path,
    new: &Path,
) -> Result<(), DeliverError> {
    let (secrets, variables) = (new.join("secrets"), new.join("variables"));
    make_dir(&secrets, 0o755)?;
    make_dir(&variables, 0o755)?;
    for (file, owner) in delivery.files.iter().zip(owned) {
        write(&secrets.join(&file.name), &file.value, Some(*owner), file.mode)?;
    }
    let mut texts = Zeroizing::new(Vec::new());
    let mut others = Zeroizing::new(Vec::new());
    for variable in &delivery.env {
        let (name, value) = (&variable.name, &variable.value);
        let mut one = Zeroizing::new(Vec::new());
        quote::assignment(&mut one, name, value);
        let for_units = quote::is_for_systemd(value);
        let all = if for_units { &mut texts } else { &mut others };
        quote::reserve(all, one.len());
        all.extend_from_slice(&one);
        write(&variables.join(name), value, Some((user, 0)), 0o400)?;
        if for_units {
            write(&variables.join(format!("{name}.env")), &one, Some((user, 0)), 0o400)?;
        }
    }
    write(&new.join("env"), &texts, Some((user, 0)), 0o400)?;
    write(&new.join("env.bytes"), &others, Some((user, 0)), 0o400)?;
    if let Some(extra) = &delivery.certificates {
        write(&new.join("certificates.pem"), extra, None, 0o444)?;
        // A machine without certificates of its own has the host's only.
        let system = fs::read(root.join(SYSTEM_CERTIFICATES)).unwrap_or_default();
        let texts = [String::from_utf8_lossy(&system), String::from_utf8_lossy(extra)];
        let joined = bundle::join(texts.iter().map(AsRef::as_ref));
        write(&new.join("ca-bundle.crt"), joined.as_bytes(), None, 0o444)?;
    }
    if let Some(store) = &delivery.trust_store {
        write(&new.join("trust-store.p12"), store, None, 0o444)?;
    }
    if let Some(cookie) = &delivery.x_authority {
        write(&new.join("x-authority"), cookie, Some((user, 0)), 0o400)?;
    }
    Ok(())
}

/// A new file. Nobody but root can read it before its owner and mode are what they are to be.
fn write(path: &Path, bytes: &[u8], owner: Option<(u32, u32)>, mode: u32) -> Result<(), DeliverError> {
    let made = || {
        let mut file = File::options().write(true).create_new(true).mode(0o0).open(path)?;
        file.write_all(bytes)?;
        if let Some((user, group)) = owner {
            fchown(&file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(mode))
    };
    made().map_err(at(path))
}

/// Makes `dir/name` a link to `target`, in one step.
fn link(target: &Path, dir: &Path, name: &str) -> Result<(), DeliverError> {
    let (path, new) = (dir.join(name), dir.join(format!(".{name}.new")));
    if fs::read_link(&path).is_ok_and(|t| t == target) {
        return Ok(());
    }
    remove(&new)?;
    symlink(target, &new).map_err(at(&new))?;
    fs::rename(&new, &path).map_err(at(&path))
}

fn make_dir(path: &Path, mode: u32) -> Result<(), DeliverError> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)).map_err(at(path)),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(at(path)(e)),
    }
}

/// The directory itself, never what a link points to.
fn open_dir(path: &Path) -> Result<File, DeliverError> {
    let flags = (nix::fcntl::OFlag::O_DIRECTORY | nix::fcntl::OFlag::O_NOFOLLOW).bits();
    File::options().read(true).custom_flags(flags).open(path).map_err(at(path))
}

fn in_tmpfs(dir: &File, path: &Path) -> Result<(), DeliverError> {
    let found = fstatfs(dir.as_fd()).map_err(|e| at(path)(e.into()))?;
    if mounts::is_tmpfs_kind(&found) {
        return Ok(());
    }
    Err(DeliverError::Disk { path: path.to_owned() })
}

fn remove(path: &Path) -> Result<(), DeliverError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(at(path)(e)),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DeliverError {
    let path = path.to_owned();
    move |source| DeliverError::Write { path, source }
}

#[cfg(test)]
mod tests {
    use super::super::request;
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde_json::json;
    use std::os::unix::fs::MetadataExt;
    use tempfile::TempDir;

    /// A machine's root on disk, its `/run` in a tmpfs.
    struct Machine {
        root: TempDir,
        run: TempDir,
    }

    impl Machine {
        fn new() -> Self {
            let (root, run) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
            fs::create_dir_all(root.path().join("etc/ssl/certs")).unwrap();
            let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
            fs::write(root.path().join("etc/passwd"), format!("codchi:x:{user}:{group}::/:/bin/sh\n"))
                .unwrap();
            fs::write(root.path().join("etc/group"), format!("users:x:{group}:\n")).unwrap();
            fs::write(root.path().join(SYSTEM_CERTIFICATES), pem("SYSTEM")).unwrap();
            Self { root, run }
        }

        fn runtime(&self) -> PathBuf {
            self.run.path().join("codchi")
        }

        fn deliver(&self, env: &[(&str, &str)], files: &[(&str, &str, &str, u32)]) -> Result<(), String> {
            self.replace(env, files, None)
        }

        fn replace(
            &self,
            env: &[(&str, &str)],
            files: &[(&str, &str, &str, u32)],
            certificates: Option<&str>,
        ) -> Result<(), String> {
            let coded = |v: &str| STANDARD.encode(v);
            let files = files.iter().map(|(name, owner, value, mode)| {
                let mode = format!("{mode:04o}");
                json!({"name": name, "owner": owner, "group": "users", "mode": mode, "value": coded(value)})
            });
            let document = json!({
                "version": 1,
                "env": env.iter().map(|(n, v)| json!({"name": n, "value": coded(v)})).collect::<Vec<_>>(),
                "files": files.collect::<Vec<_>>(),
                "certificates": certificates.map(coded),
                "trust_store": certificates.map(|_| coded("P12")),
            });
            let delivery = request::parse(document.to_string().as_bytes()).unwrap();
            super::replace(&delivery, self.root.path(), &self.runtime()).map_err(|e| e.to_string())
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.runtime().join(name)).ok()
        }

        fn mode(&self, name: &str) -> u32 {
            fs::metadata(self.runtime().join(name)).unwrap().mode() & 0o7777
        }

        /// Everything there is, without following links.
        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> = fs::read_dir(self.runtime())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    fn pem(body: &str) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn a_delivery_replaces_the_one_before() {
        let machine = Machine::new();
        let files = [("key", "codchi", "k1", 0o440), ("other", "codchi", "o", 0o400)];
        machine.replace(&[("A", "1"), ("B", "2")], &files, Some(&pem("EXTRA"))).unwrap();
        assert_eq!(machine.read("secrets/key").as_deref(), Some("k1"));
        assert_eq!(machine.read("env").as_deref(), Some("A=\"1\"\nB=\"2\"\n"));
        assert_eq!(machine.read("variables/A").as_deref(), Some("1"));
        assert_eq!(machine.read("variables/B.env").as_deref(), Some("B=\"2\"\n"));
        assert_eq!(machine.read("certificates.pem"), Some(pem("EXTRA")));
        assert_eq!(machine.read("ca-bundle.crt"), Some(pem("SYSTEM") + &pem("EXTRA")));
        assert_eq!(machine.read("trust-store.p12").as_deref(), Some("P12"));
        for (name, mode) in [
            (".", 0o755),
            ("secrets", 0o755),
            ("variables", 0o755),
            ("secrets/key", 0o440),
            ("secrets/other", 0o400),
            ("env", 0o400),
            ("variables/A", 0o400),
            ("variables/A.env", 0o400),
            ("certificates.pem", 0o444),
            ("ca-bundle.crt", 0o444),
            ("trust-store.p12", 0o444),
        ] {
            assert_eq!(machine.mode(name), mode, "{name}");
        }
        let marker = || fs::metadata(machine.runtime().join(MARKER)).unwrap().ino();
        let first = marker();

        machine.deliver(&[("B", "3")], &[("key", "codchi", "k2", 0o400)]).unwrap();
        assert_eq!(machine.read("secrets/key").as_deref(), Some("k2"));
        assert_eq!((machine.mode("secrets/key"), machine.read("secrets/other")), (0o400, None));
        assert_eq!(machine.read("env").as_deref(), Some("B=\"3\"\n"));
        for gone in ["variables/A", "certificates.pem", "ca-bundle.crt", "trust-store.p12"] {
            assert_eq!(machine.read(gone), None, "{gone}");
        }
        assert_ne!(marker(), first, "who watches the marker sees each delivery");
        machine.deliver(&[], &[]).unwrap();
        assert_eq!(machine.read("env").as_deref(), Some(""));
        let turns = machine.names().iter().filter(|n| n.starts_with("delivery.")).count();
        assert_eq!(turns, 1, "{:?}", machine.names());
    }

    #[test]
    fn what_systemd_would_log_is_not_where_units_read() {
        let machine = Machine::new();
        let env = json!([{"name": "A", "value": STANDARD.encode("a")}, {"name": "B", "value": STANDARD.encode(b"\xff\n")}]);
        let document =
            json!({"version": 1, "env": env, "files": [], "certificates": null, "trust_store": null});
        let delivery = request::parse(document.to_string().as_bytes()).unwrap();
        super::replace(&delivery, machine.root.path(), &machine.runtime()).unwrap();
        let read = |name: &str| fs::read(machine.runtime().join(name)).ok();
        assert_eq!(read("env").as_deref(), Some(&b"A=\"a\"\n"[..]));
        assert_eq!(read("env.bytes").as_deref(), Some(&b"B=\"\xff\n\"\n"[..]));
        assert_eq!((read("variables/B").as_deref(), read("variables/B.env")), (Some(&b"\xff\n"[..]), None));
    }

    #[test]
    fn unknown_owners_are_named_and_nothing_changes() {
        let machine = Machine::new();
        let bad = [("key", "codchi", "k", 0o400), ("tls", "nobody-here", "t", 0o400)];
        let error = machine.deliver(&[("A", "1")], &bad).unwrap_err();
        assert!(error.contains("\"tls\"") && error.contains("user \"nobody-here\""), "{error}");
        assert!(!machine.runtime().exists());
        machine.deliver(&[("A", "1")], &bad[..1]).unwrap();
        let before = machine.names();
        machine.deliver(&[("A", "2")], &bad).unwrap_err();
        assert_eq!((machine.names(), machine.read("variables/A").as_deref()), (before, Some("1")));
    }

    #[test]
    fn a_disk_is_refused() {
        let mut machine = Machine::new();
        // The build directory: it is on the disk where this source tree is.
        machine.run = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let error = machine.deliver(&[("A", "1")], &[]).unwrap_err();
        assert!(error.contains("not in a tmpfs"), "{error}");
        assert!(!machine.runtime().exists());
    }

    #[test]
    fn a_link_in_place_of_the_directory_is_not_followed() {
        let machine = Machine::new();
        let elsewhere = machine.root.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, machine.runtime()).unwrap();
        machine.deliver(&[("A", "1")], &[]).unwrap_err();
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_run_left_does_no_harm() {
        let machine = Machine::new();
        machine.deliver(&[("A", "1")], &[]).unwrap();
        for turn in TURNS {
            let left = machine.runtime().join(turn);
            fs::create_dir_all(left.join("secrets")).unwrap();
            fs::write(left.join("secrets/half"), "").unwrap();
        }
        fs::write(machine.runtime().join(".delivered.new"), "").unwrap();
        symlink("x", machine.runtime().join(".current.new")).unwrap();
        machine.deliver(&[("A", "2")], &[]).unwrap();
        assert_eq!((machine.read("variables/A").as_deref(), machine.read("secrets/half")), (Some("2"), None));
        assert!(!machine.names().iter().any(|n| n.ends_with(".new")), "{:?}", machine.names());
    }

    #[test]
    fn a_reader_sees_the_old_or_the_new_never_half() {
        let machine = Machine::new();
        let deliver = |n: usize| {
            let value = (n % 10).to_string().repeat(4000);
            machine.deliver(&[], &[("a", "codchi", &value, 0o400)]).unwrap();
        };
        deliver(0);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (1..200).for_each(deliver));
            while !writer.is_finished() {
                // It isn't there for a moment only when it is removed between finding its directory and opening it.
                let Some(value) = machine.read("secrets/a") else { continue };
                assert_eq!(value.len(), 4000);
                assert!(value.bytes().all(|b| b == value.as_bytes()[0]));
            }
        });
    }
}
