//! `cuda`: the NVIDIA driver's programs and libraries, put into the container by NVIDIA's own tools.

use super::{Capability, Finding, Found, Missing, gpu, look};
use crate::{driver::Device, host::Host};

pub(super) const CAPABILITY: Capability = Capability { name: "cuda", title: "CUDA", probe };

/// NVIDIA's number on the PCI bus.
const VENDOR: &str = "10de:";

/// Where the tool is with which the engines put the driver into a container; the snap of LXD has its own.
const TOOL: &[&str] = &[
    "/usr/bin/nvidia-container-cli",
    "/usr/local/bin/nvidia-container-cli",
    "/run/current-system/sw/bin/nvidia-container-cli",
    "/snap/lxd/current/bin/nvidia-container-cli",
];

fn probe(host: &dyn Host) -> Finding {
    let cards: Vec<String> = gpu::cards(host).into_iter().filter(|card| card.starts_with(VENDOR)).collect();
    let version = look::text(host, "/proc/driver/nvidia/version").as_deref().and_then(version);
    let Some(version) = version.filter(|_| look::exists(host, "/dev/nvidiactl")) else {
        if cards.is_empty() {
            return Err(Missing::new("no_card", "This computer has no NVIDIA card.", "none on the PCI bus"));
        }
        let evidence = format!("PCI has {}, but NVIDIA's driver isn't loaded", cards.join(", "));
        let missing =
            Missing::new("no_driver", "Install NVIDIA's driver, then restart the computer.", evidence);
        return Err(if look::is_like(host, "ubuntu") {
            missing.mended_by(&["ubuntu-drivers", "install"])
        } else if look::is_like(host, "debian") {
            missing.mended_by(&["apt-get", "install", "-y", "nvidia-driver"])
        } else {
            missing
        });
    };
    if !TOOL.iter().any(|path| look::exists(host, path)) {
        let missing = Missing::new(
            "no_tools",
            "NVIDIA's container tools are missing. Where the fix doesn't find them, add NVIDIA's repository first: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit",
            format!("driver {version}, but no nvidia-container-cli"),
        );
        return Err(if look::is_like(host, "debian") {
            missing.mended_by(&["apt-get", "install", "-y", "nvidia-container-toolkit"])
        } else {
            missing
        });
    }
    let own = look::names(host, "/dev", "nvidia");
    // The directories of what shares of cards are made with, `nvidia-caps` and `nvidia-caps-imex-channels`, are no nodes.
    let own = own.into_iter().filter(|name| !name.starts_with("nvidia-caps"));
    let nodes = own.map(|name| Device::Node { path: format!("/dev/{name}") });
    let devices = gpu::devices(host).into_iter().chain(nodes).chain([Device::Nvidia]).collect();
    Ok(Found { evidence: format!("driver {version}"), devices, ..Found::default() })
}

/// The version in the driver's own words: `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 …`.
fn version(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("NVRM version:"))?;
    let is_version =
        |word: &&str| word.contains('.') && word.split('.').all(|part| part.parse::<u32>().is_ok());
    line.split_ascii_whitespace().find(is_version).map(str::to_owned)
}
