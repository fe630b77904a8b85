//! Hardware that this computer doesn't have, as far as others hear of it: its nodes and the kernel's events. Needs root.

use std::{
    fs,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt},
    path::PathBuf,
    process::Command,
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket,
};

/// A device of the kernel's whose events can be asked for again: that it comes when nothing of it changes harms nobody.
const TELLS: &str = "/sys/class/misc/fuse/uevent";

/// The group of netlink in which the kernel tells of its devices.
const EVENTS: u32 = 1;

/// The least number of our cameras: real ones have small numbers.
const CAMERAS: u32 = 1000;

/// A camera that is plugged in until it is dropped. Its node is that of `/dev/null`.
pub struct Camera {
    /// Where it is.
    pub node: PathBuf,
}

impl Camera {
    /// Plugs in the one of this process whose number ends so.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn plug(last: u32) -> Self {
        let camera = Self { node: format!("/dev/video{}{last}", CAMERAS + std::process::id()).into() };
        let made = Command::new("mknod").arg(&camera.node).args(["c", "1", "3"]).status();
        assert!(made.unwrap().success(), "{} can't be made", camera.node.display());
        fs::write(TELLS, "add").unwrap();
        camera
    }

    /// Whether something is called as one of ours is.
    pub fn is_ours(name: &str) -> bool {
        let number: Option<u32> =
            name.split_once("video").and_then(|(_, end)| end.trim_end_matches('.').parse().ok());
        number.is_some_and(|number| number > CAMERAS)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.node);
        let _ = fs::write(TELLS, "add");
    }
}

/// Where the engines find [`NvidiaTools`].
const NVIDIA_TOOL: &str = "/usr/local/bin/nvidia-container-cli";

/// What is there of them.
const NO_TOOL: &str = "#!/bin/sh\nexit 1\n";

/// NVIDIA's container tools, as far as engines look whether they are there; until it is dropped. One process has them at a time.
pub struct NvidiaTools {
    _alone: fs::File,
}

impl NvidiaTools {
    /// Installs them.
    ///
    /// # Panics
    /// When they can't be installed, or real ones are there.
    pub fn install() -> Self {
        let alone = fs::File::create(std::env::temp_dir().join("codchi-nvidia-tools.lock")).unwrap();
        alone.lock().unwrap();
        // Those of a test that was killed may be there.
        let there = fs::read_to_string(NVIDIA_TOOL).ok();
        assert!(there.is_none_or(|there| there == NO_TOOL), "there are real ones in {NVIDIA_TOOL}");
        fs::write(NVIDIA_TOOL, NO_TOOL).unwrap();
        fs::set_permissions(NVIDIA_TOOL, PermissionsExt::from_mode(0o755)).unwrap();
        Self { _alone: alone }
    }
}

impl Drop for NvidiaTools {
    fn drop(&mut self) {
        let _ = fs::remove_file(NVIDIA_TOOL);
    }
}

/// A USB device, of which engines hear.
pub struct UsbDevice {
    /// Its bus and its number there.
    place: (u32, u32),
}

impl UsbDevice {
    /// Plugs one in on a bus that no computer has.
    ///
    /// # Panics
    /// When the event can't be sent.
    pub fn plug() -> Self {
        let device = Self { place: (900, std::process::id() % 1000) };
        device.tell("add");
        device
    }

    /// Where it is.
    pub fn node(&self) -> String {
        format!("/dev/{}", self.name())
    }

    fn name(&self) -> String {
        format!("bus/usb/{:03}/{:03}", self.place.0, self.place.1)
    }

    fn tell(&self, action: &str) {
        let (name, (bus, number)) = (self.name(), self.place);
        let path = format!("/devices/codchi/usb{bus}/{bus}-{number}");
        let event = format!(
            "{action}@{path}\0ACTION={action}\0DEVPATH={path}\0SUBSYSTEM=usb\0DEVTYPE=usb_device\0DEVNAME={name}\0\
             PRODUCT=1d6b/2/510\0TYPE=9/0/1\0BUSNUM={bus:03}\0DEVNUM={number:03}\0MAJOR=1\0MINOR=3\0SEQNUM=1\0"
        );
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).unwrap();
        let everybody = NetlinkAddr::new(0, EVENTS);
        sendto(socket.as_raw_fd(), event.as_bytes(), &everybody, MsgFlags::empty()).unwrap();
    }
}

impl Drop for UsbDevice {
    fn drop(&mut self) {
        self.tell("remove");
    }
}
