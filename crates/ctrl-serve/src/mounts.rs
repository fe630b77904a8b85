//! Reading `/proc/self/mountinfo` (format: proc_pid_mountinfo(5)), whose open file also tells by `POLLPRI` when a
//! mount came or went; and of which kind a file system is.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{Statfs, TMPFS_MAGIC, statfs};

/// Where systemd has a tmpfs.
pub(crate) const RUN: &str = "/run";
/// Where it is.
pub(crate) const MOUNTINFO: &str = "/proc/self/mountinfo";

/// The mount points of a mountinfo text, unescaped, in order.
pub(crate) fn points(text: &str) -> Vec<PathBuf> {
    text.lines().filter_map(|l| l.split(' ').nth(4)).map(|f| PathBuf::from(unescape(f))).collect()
}

/// Whether something is mounted exactly at `path`.
pub(crate) fn is_mounted(text: &str, path: &Path) -> bool {
    points(text).iter().any(|p| p == path)
}

/// Whether `path` is in a tmpfs.
pub(crate) fn is_tmpfs(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| is_tmpfs_kind(&found))
}

/// The same of what was found.
pub(crate) fn is_tmpfs_kind(found: &Statfs) -> bool {
    found.filesystem_type() == TMPFS_MAGIC
}

/// Undoes the kernel's `\040` octal escapes.
fn unescape(field: &str) -> String {
    let mut out = Vec::with_capacity(field.len());
    let bytes = field.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let code = field.get(i + 1..i + 4).and_then(|d| u8::from_str_radix(d, 8).ok());
        match (bytes[i], code) {
            (b'\\', Some(byte)) => {
                out.push(byte);
                i += 4;
            }
            (byte, _) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "36 35 98:0 /mnt1 / rw,noatime master:1 - ext3 /dev/root rw\n\
                        41 36 0:40 / /run rw,nosuid - tmpfs tmpfs rw\n\
                        42 36 0:41 / /a\\040b rw - tmpfs tmpfs rw\n";

    #[test]
    fn points_are_found_and_unescaped() {
        assert_eq!(points(TEXT), ["/", "/run", "/a b"].map(PathBuf::from));
        assert!(is_mounted(TEXT, Path::new("/run")));
        assert!(!is_mounted(TEXT, Path::new("/ru")));
    }

    #[test]
    fn odd_lines_do_no_harm() {
        assert!(points("\n1 2 3\n").is_empty());
        assert_eq!(unescape("a\\9\\"), "a\\9\\");
    }
}
