//! `camera`: devices that record video.

use super::{Capability, Finding, Found, Missing, look};
use crate::{driver::Device, host::Host};

pub(super) const CAPABILITY: Capability = Capability { name: "camera", title: "Camera", probe };

fn probe(host: &dyn Host) -> Finding {
    let nodes = look::names(host, "/dev", "video");
    if nodes.is_empty() {
        return Err(Missing::new(
            "none",
            "This computer has no camera, or it isn't plugged in.",
            "there is no /dev/video0",
        ));
    }
    let describe = |node: &String| match look::text(host, &format!("/sys/class/video4linux/{node}/name")) {
        Some(name) => format!("{node}: {name}"),
        None => node.clone(),
    };
    Ok(Found {
        evidence: nodes.iter().map(describe).collect::<Vec<_>>().join(", "),
        devices: nodes.iter().map(|node| Device::Node { path: format!("/dev/{node}") }).collect(),
        ..Found::default()
    })
}
