//! Keeps this process' memory, in which secrets are, out of core dumps.

use codchi_controller::operation::Door;

/// Has this process, and what it starts, leave no core dump. The command line can't be looked into by other processes of its user
/// either; the window can, because the desktop's portals look at who asks them.
///
/// Where the system refuses, everything works as before, and the developers' log says so.
#[cfg(unix)]
pub(crate) fn protect(door: Door) {
    use nix::sys::resource::{Resource, setrlimit};
    if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "can't turn core dumps off");
    }
    #[cfg(target_os = "linux")]
    if door == Door::CommandLine
        && let Err(error) = nix::sys::prctl::set_dumpable(false)
    {
        tracing::warn!(%error, "can't keep this process from being dumped");
    }
}

/// Windows writes dumps of those programs only that ask for it.
#[cfg(not(unix))]
pub(crate) fn protect(_: Door) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn no_core_is_dumped() {
        protect(Door::CommandLine);
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
    }
}
