//! Looking at the host's files.

use std::path::{Path, PathBuf};

use crate::host::Host;

/// Whether there is something at an absolute path.
pub(super) fn exists(host: &dyn Host, path: &str) -> bool {
    host.path(Path::new(path)).exists()
}

/// A small file's text without the blanks around it; `None` where it can't be read.
pub(super) fn text(host: &dyn Host, path: &str) -> Option<String> {
    std::fs::read_to_string(host.path(Path::new(path))).ok().map(|text| text.trim().to_owned())
}

/// The names in a directory that begin so, the shorter ones first: `video2` before `video10`.
pub(super) fn names(host: &dyn Host, directory: &str, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(host.path(Path::new(directory))).into_iter().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    names
}

/// The last name of what a link points to, such as that of a device's driver.
pub(super) fn link_name(host: &dyn Host, path: &str) -> Option<String> {
    let target = std::fs::read_link(host.path(Path::new(path))).ok()?;
    target.file_name()?.to_str().map(str::to_owned)
}

/// The directory of the user's session, where most sockets are.
pub(super) fn runtime_directory(host: &dyn Host) -> PathBuf {
    let own = || PathBuf::from(format!("/run/user/{}", host.user().uid));
    host.variable("XDG_RUNTIME_DIR").map_or_else(own, PathBuf::from)
}

/// Whether the host's distribution is this one, or made from it, by its `os-release`.
pub(super) fn is_like(host: &dyn Host, distribution: &str) -> bool {
    let release = text(host, "/etc/os-release").unwrap_or_default();
    release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .any(|ids| ids.trim_matches('"').split(' ').any(|id| id == distribution))
}
