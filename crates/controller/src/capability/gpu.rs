//! `gpu`: graphics cards, for OpenGL and Vulkan.

use super::{Capability, Finding, Found, Missing, look};
use crate::{
    driver::{Device, GraphicsCard},
    host::Host,
};

pub(super) const CAPABILITY: Capability = Capability { name: "gpu", title: "Graphics card", probe };

/// Where the kernel lists the nodes of its graphics drivers.
const DRM: &str = "/sys/class/drm";

/// Where it lists the devices of the PCI bus.
const PCI: &str = "/sys/bus/pci/devices";

/// How the class of a display controller begins in the list of PCI devices.
const DISPLAY: &str = "0x03";

fn probe(host: &dyn Host) -> Finding {
    let nodes = look::names(host, "/dev/dri", "renderD");
    if nodes.is_empty() {
        return Err(match displays(host).as_slice() {
            [] => Missing::new(
                "no_card",
                "This computer has no graphics card.",
                "there is no render node in /dev/dri",
            ),
            displays => Missing::new(
                "no_driver",
                "No driver that renders is loaded for the graphics card. Install the one of its vendor, then restart the computer.",
                format!("there is no render node in /dev/dri; PCI has {}", Display::list(displays)),
            ),
        });
    }
    let describe = |node: &String| match look::link_name(host, &format!("{DRM}/{node}/device/driver")) {
        Some(driver) => match look::text(host, &format!("/sys/module/{driver}/version")) {
            Some(version) => format!("{node}: {driver} {version}"),
            None => format!("{node}: {driver}"),
        },
        None => node.clone(),
    };
    let mut evidence: Vec<String> = nodes.iter().map(describe).collect();
    evidence.extend(look::text(host, "/proc/sys/kernel/osrelease").map(|kernel| format!("kernel {kernel}")));
    let cards = nodes.iter().filter_map(|node| card(host, node));
    let devices = cards.map(Device::Gpu).collect();
    Ok(Found { evidence: evidence.join(", "), devices, ..Found::default() })
}

/// The card of a render node.
fn card(host: &dyn Host, node: &str) -> Option<GraphicsCard> {
    let device = format!("{DRM}/{node}/device");
    if look::link_name(host, &format!("{device}/subsystem")).as_deref() == Some("pci") {
        return look::link_name(host, &device).map(GraphicsCard::Pci);
    }
    let number = |name: &String| name.strip_prefix("card")?.parse().ok();
    look::names(host, &format!("{device}/drm"), "card").iter().find_map(number).map(GraphicsCard::Drm)
}

/// A display controller on the PCI bus.
pub(super) struct Display {
    /// Where it is.
    slot: String,
    /// Vendor and device, such as `10de:2484`.
    pub(super) id: String,
}

impl Display {
    /// It as a card that a container can be given.
    pub(super) fn card(&self) -> GraphicsCard {
        GraphicsCard::Pci(self.slot.clone())
    }

    /// Their vendors and devices.
    pub(super) fn list(displays: &[Self]) -> String {
        displays.iter().map(|display| display.id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The display controllers on the PCI bus.
pub(super) fn displays(host: &dyn Host) -> Vec<Display> {
    let of = |slot: &str, file: &str| look::text(host, &format!("{PCI}/{slot}/{file}"));
    let slots = look::names(host, PCI, "").into_iter();
    let displays = slots.filter(|slot| of(slot, "class").is_some_and(|class| class.starts_with(DISPLAY)));
    let number =
        |slot: &str, file: &str| of(slot, file).unwrap_or_default().trim_start_matches("0x").to_owned();
    displays
        .map(|slot| {
            let id = format!("{}:{}", number(&slot, "vendor"), number(&slot, "device"));
            Display { slot, id }
        })
        .collect()
}
