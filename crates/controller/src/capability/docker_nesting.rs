//! `docker-nesting`: containers inside the machine. The machine's init lets them in, and the engine does the system calls that images need
//! and the kernel refuses to them.

use super::{Capability, Finding, Found, Missing, look};
use crate::{driver::Device, host::Host};

pub(super) const CAPABILITY: Capability =
    Capability { name: "docker-nesting", title: "Containers in the machine", probe };

/// The number of `CAP_SYS_RESOURCE`, without which an engine can't do system calls for others.
const SYS_RESOURCE: u32 = 24;

fn probe(host: &dyn Host) -> Finding {
    let kernel = look::text(host, "/proc/sys/kernel/osrelease").unwrap_or_default();
    let namespaces = look::text(host, "/proc/sys/user/max_user_namespaces");
    if namespaces.as_deref().is_none_or(|most| most == "0") {
        return Err(Missing::new(
            "no_namespaces",
            "This kernel allows no user namespaces.",
            format!(
                "kernel {kernel}, user.max_user_namespaces is {}",
                namespaces.as_deref().unwrap_or("missing")
            ),
        )
        .mended_by(&["sysctl", "user.max_user_namespaces=65536"]));
    }
    let file_systems = look::text(host, "/proc/filesystems").unwrap_or_default();
    if !file_systems.split_ascii_whitespace().any(|name| name == "overlay") {
        return Err(Missing::new(
            "no_overlay",
            "The kernel's module overlay isn't loaded.",
            format!("kernel {kernel}, no overlay in /proc/filesystems"),
        )
        .mended_by(&["modprobe", "overlay"]));
    }
    let (devices, evidence) = match refused(host) {
        None => (vec![Device::Containers, Device::SystemCalls], format!("kernel {kernel}")),
        Some(reason) => (
            vec![Device::Containers],
            format!("kernel {kernel}; images that contain device nodes won't work: {reason}"),
        ),
    };
    Ok(Found { evidence, devices, ..Found::default() })
}

/// Why the engine can't do system calls for others.
fn refused(host: &dyn Host) -> Option<&'static str> {
    let actions = look::text(host, "/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if !actions.split_ascii_whitespace().any(|action| action == "user_notif") {
        return Some("this kernel doesn't let system calls be done by others");
    }
    let status = look::text(host, "/proc/1/status").unwrap_or_default();
    let bound = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bound = bound.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    bound
        .filter(|bits| bits & (1 << SYS_RESOURCE) == 0)
        .map(|_| "this computer's own root lacks CAP_SYS_RESOURCE")
}
