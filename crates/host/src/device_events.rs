//! Devices of this computer that come and go, as the kernel tells it.
//!
//! The kernel sends such an event to whoever listens, without any rights, after it has made or removed the device's node: a first line,
//! then `KEY=VALUE`, each ended by a zero byte (`lib/kobject_uevent.c` of Linux; `man 7 netlink`, `NETLINK_KOBJECT_UEVENT`).

use futures::stream::{self, BoxStream, StreamExt as _};

/// Yields whenever a device that has a node in `/dev` may have come or gone. Ends where that can't be told.
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

    /// The kernel's address.
    const KERNEL: u32 = 0;

    /// The group of the kernel's own events.
    const EVENTS: u32 = 1;

    /// Listens to the kernel.
    pub(super) struct Listener {
        socket: TokioSocket,
    }

    impl Listener {
        pub(super) fn new() -> io::Result<Self> {
            let mut socket = TokioSocket::new(NETLINK_KOBJECT_UEVENT)?;
            socket.socket_mut().bind(&SocketAddr::new(KERNEL, EVENTS))?;
            Ok(Self { socket })
        }

        /// Waits for an event that is about a device's node; `None` when there are none any more.
        pub(super) async fn next_change(&mut self) -> Option<()> {
            loop {
                match self.socket.recv_from_full().await {
                    // Other programs can send here as well: only what the kernel says counts.
                    Ok((event, from)) if from.port_number() == KERNEL && is_of_node(&event) => {
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

    /// Whether an event says that a device with a node came or went, or got a driver.
    fn is_of_node(event: &[u8]) -> bool {
        let parts = || event.split(|&byte| byte == 0).skip(1);
        let moves = |part: &[u8]| matches!(part, b"ACTION=add" | b"ACTION=remove" | b"ACTION=move");
        parts().any(|part| part.starts_with(b"DEVNAME=")) && parts().any(moves)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_nodes_that_come_and_go_count() {
            let camera =
                b"add@/devices/x/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0DEVNAME=video0\0";
            assert!(is_of_node(camera));
            assert!(is_of_node(b"remove@/x\0ACTION=remove\0DEVNAME=dri/card0\0"));
            assert!(!is_of_node(b"change@/x\0ACTION=change\0DEVNAME=dri/card0\0"), "such as a monitor");
            assert!(!is_of_node(b"add@/devices/virtual/net/veth0\0ACTION=add\0INTERFACE=veth0\0"));
            assert!(!is_of_node(b"") && !is_of_node(b"\0\0\xff"));
        }

        #[tokio::test]
        async fn anybody_may_listen() {
            Listener::new().unwrap();
        }
    }
}
