//! `sound`: the sockets of PulseAudio and PipeWire. PipeWire has both.

use std::path::PathBuf;

use super::{Capability, Finding, Found, HostSocket, Missing, look, sockets};
use crate::host::Host;

pub(super) const CAPABILITY: Capability = Capability { name: "sound", title: "Sound", probe };

/// What the sockets are called in a machine.
pub(super) const PULSE: &str = "pulse";
pub(super) const PIPEWIRE: &str = "pipewire";

fn probe(host: &dyn Host) -> Finding {
    let of = |name, candidates: Vec<PathBuf>| {
        sockets::answering(host, &candidates).map(|at| HostSocket { name, at })
    };
    let sockets: Vec<HostSocket> =
        [of(PULSE, pulse(host)), of(PIPEWIRE, pipewire(host))].into_iter().flatten().collect();
    if sockets.is_empty() {
        let looked: Vec<String> =
            pulse(host).iter().chain(&pipewire(host)).map(|path| path.display().to_string()).collect();
        return Err(Missing::new(
            "no_server",
            "No sound server runs in this session. Start PipeWire or PulseAudio.",
            format!("nothing answers at {}", looked.join(", ")),
        ));
    }
    let evidence = sockets.iter().map(|socket| format!("{} at {}", socket.name, socket.at.display()));
    Ok(Found { evidence: evidence.collect::<Vec<_>>().join(", "), sockets, ..Found::default() })
}

/// Where PulseAudio's protocol may be spoken.
pub(super) fn pulse(host: &dyn Host) -> Vec<PathBuf> {
    let named = host.variable("PULSE_SERVER").and_then(|server| {
        let path = server.strip_prefix("unix:").unwrap_or(&server);
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    named.into_iter().chain([look::runtime_directory(host).join("pulse/native")]).collect()
}

/// Where PipeWire's protocol may be spoken.
pub(super) fn pipewire(host: &dyn Host) -> Vec<PathBuf> {
    let runtime = look::runtime_directory(host);
    let named = host.variable("PIPEWIRE_REMOTE").map(|name| runtime.join(name));
    named.into_iter().chain([runtime.join("pipewire-0")]).collect()
}
