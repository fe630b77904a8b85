//! `gpu`: graphics cards, for OpenGL and Vulkan.
//!
//! A container is given the cards' nodes, each of which comes and goes by itself, and not the engines' own kind of device: that one keeps
//! a container from starting when its card is gone.

use super::{Capability, Finding, Found, Missing, look};
use crate::{driver::Device, host::Host};

pub(super) const CAPABILITY: Capability = Capability { name: "gpu", title: "Graphics card", probe };

/// Where the kernel's graphics drivers have their nodes.
const NODES: &str = "/dev/dri";

/// How the class of a display controller begins in the list of PCI devices.
const DISPLAY: &str = "0x03";

fn probe(host: &dyn Host) -> Finding {
    let nodes = look::names(host, NODES, "renderD");
    if nodes.is_empty() {
        return Err(match cards(host).as_slice() {
            [] => Missing::new(
                "no_card",
                "This computer has no graphics card.",
                "there is no render node in /dev/dri",
            ),
            cards => Missing::new(
                "no_driver",
                "No driver that renders is loaded for the graphics card. Install the one of its vendor, then restart the computer.",
                format!("there is no render node in /dev/dri; PCI has {}", cards.join(", ")),
            ),
        });
    }
    let describe =
        |node: &String| match look::link_name(host, &format!("/sys/class/drm/{node}/device/driver")) {
            Some(driver) => match look::text(host, &format!("/sys/module/{driver}/version")) {
                Some(version) => format!("{node}: {driver} {version}"),
                None => format!("{node}: {driver}"),
            },
            None => node.clone(),
        };
    let mut evidence: Vec<String> = nodes.iter().map(describe).collect();
    evidence.extend(look::text(host, "/proc/sys/kernel/osrelease").map(|kernel| format!("kernel {kernel}")));
    Ok(Found { evidence: evidence.join(", "), devices: devices(host), ..Found::default() })
}

/// The nodes of all cards: what draws on a screen, and what renders.
pub(super) fn devices(host: &dyn Host) -> Vec<Device> {
    let names = ["card", "renderD"].into_iter().flat_map(|kind| look::names(host, NODES, kind));
    names.map(|name| Device::Node { path: format!("{NODES}/{name}") }).collect()
}

/// The display controllers on the PCI bus, as vendor and device.
pub(super) fn cards(host: &dyn Host) -> Vec<String> {
    let of = |slot: &str, file: &str| look::text(host, &format!("/sys/bus/pci/devices/{slot}/{file}"));
    let slots = look::names(host, "/sys/bus/pci/devices", "").into_iter();
    let displays = slots.filter(|slot| of(slot, "class").is_some_and(|class| class.starts_with(DISPLAY)));
    let id = |slot: &str, file: &str| of(slot, file).unwrap_or_default().trim_start_matches("0x").to_owned();
    displays.map(|slot| format!("{}:{}", id(&slot, "vendor"), id(&slot, "device"))).collect()
}
