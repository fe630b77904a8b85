//! The smallest guest that shows what the contracts say: this computer's static busybox and an init of a few lines.

use std::{fs::File, path::Path, process::Command};

use codchi_controller::driver::Image;
use sha2::{Digest, Sha256};

const BUSYBOX: &str = "/bin/busybox";

/// Stops when asked with PWR (LXD, Incus) or TERM, unless `STUBBORN` is set: then only force helps.
const INIT: &str = "#!/bin/sh
if [ -n \"$STUBBORN\" ]; then trap '' PWR TERM; else trap 'exit 0' PWR TERM; fi
echo \"$GREETING\" >/greeting
while :; do sleep 1000 & wait $!; done
";

/// Writes the guest's root file system as a tar.
pub(super) fn write(path: &Path) -> Image {
    let busybox = std::fs::read(BUSYBOX).unwrap_or_else(|error| {
        panic!("{BUSYBOX}: {error}; the conformance suite needs the package busybox-static")
    });
    let listed = Command::new(BUSYBOX).arg("--list").output().unwrap();
    let applets = String::from_utf8(listed.stdout).unwrap();

    let mut tar = tar::Builder::new(File::create(path).unwrap());
    for dir in ["bin", "sbin", "dev", "proc", "sys", "run", "etc", "root", "home", "home/someone"] {
        append(&mut tar, dir, tar::EntryType::Directory, &[], 0o755);
    }
    append(&mut tar, "tmp", tar::EntryType::Directory, &[], 0o1777);
    append(&mut tar, "bin/busybox", tar::EntryType::Regular, &busybox, 0o755);
    append(&mut tar, "sbin/init", tar::EntryType::Regular, INIT.as_bytes(), 0o755);
    append(&mut tar, "etc/passwd", tar::EntryType::Regular, b"root:x:0:0:root:/root:/bin/sh\n", 0o644);
    for applet in applets.lines().filter(|applet| !["busybox", "init"].contains(applet)) {
        let mut header = header(tar::EntryType::Symlink, 0, 0o777);
        tar.append_link(&mut header, format!("bin/{applet}"), "busybox").unwrap();
    }
    tar.into_inner().unwrap().sync_all().unwrap();

    let bytes = std::fs::read(path).unwrap();
    Image { name: "guest".into(), sha256: super::hex(&Sha256::digest(&bytes)), size: bytes.len() as u64 }
}

fn header(kind: tar::EntryType, size: usize, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size as u64);
    header.set_mode(mode);
    header
}

fn append(tar: &mut tar::Builder<File>, path: &str, kind: tar::EntryType, bytes: &[u8], mode: u32) {
    tar.append_data(&mut header(kind, bytes.len(), mode), path, bytes).unwrap();
}
