//! `tun`: network interfaces made by programs, for VPNs.

use super::{Capability, node};

pub(super) const CAPABILITY: Capability =
    Capability { name: "tun", title: "VPNs", probe: |host| node(host, "/dev/net/tun", "tun") };
