//! `usb`: USB devices, as they are plugged in and out. None need be there.

use super::{Capability, Finding, Found, Missing, look};
use crate::{driver::Device, host::Host};

pub(super) const CAPABILITY: Capability = Capability { name: "usb", title: "USB devices", probe };

/// Where the kernel lists them.
const DEVICES: &str = "/sys/bus/usb/devices";

fn probe(host: &dyn Host) -> Finding {
    let entries = look::names(host, DEVICES, "");
    if !entries.iter().any(|name| name.starts_with("usb")) {
        return Err(Missing::new(
            "none",
            "This computer has no USB.",
            format!("there is no controller in {DEVICES}"),
        ));
    }
    // `1-1.2` is a device, `1-1.2:1.0` one of its interfaces, `usb1` a controller.
    let devices = entries.iter().filter(|name| !name.starts_with("usb") && !name.contains(':'));
    let describe = |name: &String| {
        look::text(host, &format!("{DEVICES}/{name}/product")).unwrap_or_else(|| name.clone())
    };
    let plugged: Vec<String> = devices.map(describe).collect();
    let evidence = match plugged.as_slice() {
        [] => "nothing is plugged in now".to_owned(),
        plugged => plugged.join(", "),
    };
    Ok(Found { evidence, devices: vec![Device::Usb], ..Found::default() })
}
