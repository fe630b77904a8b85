//! `fuse`: file systems in user space.

use super::{Capability, node};

pub(super) const CAPABILITY: Capability = Capability {
    name: "fuse",
    title: "File systems in user space",
    probe: |host| node(host, "/dev/fuse", "fuse"),
};
