//! Keeps values that pass through this process out of core dumps.

use nix::sys::resource::{Resource, setrlimit};

/// Has this process, and what it starts, leave no core dump. Where the system refuses, everything works as before.
pub(crate) fn protect() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::getrlimit;

    #[test]
    fn no_core_is_dumped() {
        protect();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }
}
