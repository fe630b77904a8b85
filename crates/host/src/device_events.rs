//! Devices of this computer that come and go, as the kernel tells it.
//!
//! The kernel sends such an event to whoever listens, without any rights, after it has made or removed the device's node: a first line,
//! then `KEY=VALUE`, each ended by a zero byte (`lib/kobject_uevent.c` of Linux; `man 7 netlink`, `NETLINK_KOBJECT_UEVENT`).

use futures::stream::{self, BoxStream, StreamExt as _};

/// Yields whenever a device that machines are given may have come or gone. Ends where that can't be told.
#[cfg(target_os = "linux")]
pub(crate) fn device_changes() -> BoxStream<'static, ()> {
    match Listener::new() {
        Ok(listener) => stream::unfold(listener, async |mut listener| {
            listener.next_change().await.map(|()| ((), listener))
        })
        .boxed(),
        Err(error) => {
            tracing::warn!(%error, "the kernel doesn't tell which devices come and go");
            stream::empty().boxed()
        }
    }
}

/// WSL's devices are there for every distribution; `usbipd` attaches USB devices to all of them.
#[cfg(not(target_os = "linux"))]
pub(crate) fn device_changes() -> BoxStream<'static, ()> {
    stream::empty().boxed()
}

#[cfg(target_os = "linux")]
use listener::Listener;

#[cfg(target_os = "linux")]
mod listener {
    use std::io;

    use netlink_sys::{
        AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket, protocols::NETLINK_KOBJECT_UEVENT,
    };
    use nix::errno::Errno;

    /// The kernel's address, and the one of who wants any.
    const KERNEL: u32 = 0;
    const ANY: u32 = 0;

    /// The group of the kernel's own events.
    const EVENTS: u32 = 1;

    /// Listens to the kernel.
    pub(super) struct Listener {
        socket: TokioSocket,
    }

    impl Listener {
        pub(super) fn new() -> io::Result<Self> {
            let mut socket = TokioSocket::new(NETLINK_KOBJECT_UEVENT)?;
            socket.socket_mut().bind(&SocketAddr::new(ANY, EVENTS))?;
            Ok(Self { socket })
        }

        /// Waits for an event that is about a device of machines; `None` when there are none any more.
        pub(super) async fn next_change(&mut self) -> Option<()> {
            loop {
                match self.socket.recv_from_full().await {
                    // Other programs can send here as well: only what the kernel says counts.
                    Ok((event, from)) if from.port_number() == KERNEL && is_of_device(&event) => {
                        return Some(());
                    }
                    Ok(_) => {}
                    // There were too many to be kept: any of them may have been one.
                    Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => return Some(()),
                    Err(error) => {
                        tracing::warn!(%error, "the kernel tells no more which devices come and go");
                        return None;
                    }
                }
            }
        }
    }

    /// The kinds of devices that machines are given: cards, cameras, and what `kvm`, `fuse` and `tun` make.
    const KINDS: [&[u8]; 3] = [b"SUBSYSTEM=drm", b"SUBSYSTEM=video4linux", b"SUBSYSTEM=misc"];

    /// NVIDIA's modules, whose nodes a program makes: the kernel tells of the modules only.
    const NVIDIA: &[u8] = b"DEVPATH=/module/nvidia";

    /// Whether an event says that something which machines are given may have come or gone.
    fn is_of_device(event: &[u8]) -> bool {
        let parts = || event.split(|&byte| byte == 0).skip(1);
        let has = |wanted: &[&[u8]]| parts().any(|part| wanted.contains(&part));
        let is_node = has(&KINDS) && parts().any(|part| part.starts_with(b"DEVNAME="));
        let is_nvidia = parts().any(|part| part.starts_with(NVIDIA));
        has(&[b"ACTION=add", b"ACTION=remove", b"ACTION=move"]) && (is_node || is_nvidia)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_machines_are_given_counts() {
            let camera =
                b"add@/devices/x/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0DEVNAME=video0\0";
            assert!(is_of_device(camera));
            assert!(is_of_device(b"remove@/x\0ACTION=remove\0SUBSYSTEM=drm\0DEVNAME=dri/card0\0"));
            assert!(is_of_device(
                b"add@/module/nvidia\0ACTION=add\0DEVPATH=/module/nvidia\0SUBSYSTEM=module\0"
            ));
            let monitor = b"change@/x\0ACTION=change\0SUBSYSTEM=drm\0DEVNAME=dri/card0\0";
            assert!(!is_of_device(monitor), "nothing comes or goes");
            assert!(!is_of_device(b"add@/x/card0-HDMI-A-1\0ACTION=add\0SUBSYSTEM=drm\0"));
            assert!(!is_of_device(b"add@/x\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=loop7\0"));
            assert!(!is_of_device(b"add@/devices/virtual/net/veth0\0ACTION=add\0SUBSYSTEM=net\0"));
            assert!(!is_of_device(b"") && !is_of_device(b"\0\0\xff"));
        }

        #[tokio::test]
        async fn anybody_may_listen() {
            Listener::new().unwrap();
        }
    }
}
