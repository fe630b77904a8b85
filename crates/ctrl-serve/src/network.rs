//! The controller's network: loopback, and an address by DHCP where the engine gives it an interface. PID 1 waits for neither: a
//! controller without a lease still builds what it has. Who waits until it is ready gives the lease [a moment](PATIENCE).
//!
//! Addresses are set by the image's `udhcpc` script, not by us.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::signals;

/// What the image's DHCP client runs on a lease.
const SCRIPT: &str = "/usr/share/codchi-net/udhcpc.sh";

/// Where the script writes the name servers, last of all: from then on the network can be used.
pub(crate) const RESOLV_CONF: &str = "/run/codchi/resolv.conf";
/// Where the kernel lists the interfaces.
pub(crate) const INTERFACES: &str = "/sys/class/net";
/// How long a first lease is waited for: the client asks four times in it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Brings loopback up; the child is reaped by PID 1's loop.
///
/// # Errors
/// `ip` cannot be started.
pub(crate) fn loopback_up() -> io::Result<()> {
    signals::command("ip").args(["link", "set", "lo", "up"]).stdin(Stdio::null()).spawn().map(drop)
}

/// The interface to configure: `eth0`, else the first that is not loopback.
pub(crate) fn interface(sys_class_net: &Path) -> Option<String> {
    let mut names: Vec<String> = std::fs::read_dir(sys_class_net)
        .ok()?
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n != "lo")
        .collect();
    names.sort();
    names.iter().find(|n| *n == "eth0").or(names.first()).cloned()
}

/// Starts the DHCP client on `interface`, in the foreground, asking for ever; its id.
///
/// # Errors
/// The client cannot be started.
pub(crate) fn spawn_dhcp(interface: &str) -> io::Result<i32> {
    let child = signals::command("busybox")
        .args(["udhcpc", "-f", "-i", interface, "-t", "4", "-T", "1", "-A", "5", "-s", SCRIPT])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        for n in names {
            std::fs::create_dir(dir.path().join(n)).unwrap();
        }
        interface(dir.path())
    }

    #[test]
    fn eth0_is_preferred_and_loopback_never_taken() {
        assert_eq!(with(&["lo", "eth0", "ens3"]).as_deref(), Some("eth0"));
        assert_eq!(with(&["lo", "host0"]).as_deref(), Some("host0"));
        assert_eq!(with(&["lo"]), None);
        assert_eq!(interface(Path::new("/nonexistent")), None);
    }
}
