//! `video`: the display, Wayland's and X11's. In a machine X11 is always display `:0`. The cookie that an X server wants is delivered with the secrets.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Capability, Finding, Found, HostSocket, Missing, look, sockets, x_authority};
use crate::{
    host::Host,
    secret::{SecretValue, hide},
};

pub(super) const CAPABILITY: Capability = Capability { name: "video", title: "Display", probe };

/// What the sockets are called in a machine.
pub(super) const WAYLAND: &str = "wayland";
pub(crate) const X11: &str = "x11";

/// Where X servers listen.
pub(super) const X11_DIRECTORY: &str = "/tmp/.X11-unix";

/// A larger file is none of cookies.
const LARGEST: u64 = 1 << 20;

fn probe(host: &dyn Host) -> Finding {
    let of = |name, candidates: Vec<PathBuf>| {
        sockets::answering(host, &candidates).map(|at| HostSocket { name, at })
    };
    let sockets: Vec<HostSocket> =
        [of(WAYLAND, wayland(host)), of(X11, x11(host))].into_iter().flatten().collect();
    if sockets.is_empty() {
        let set = |name: &str| match host.variable(name) {
            Some(value) => format!("{name} is {value}"),
            None => format!("{name} isn't set"),
        };
        return Err(Missing::new(
            "no_display",
            "No display answers. Run this in a graphical session.",
            format!("{}, {}", set("WAYLAND_DISPLAY"), set("DISPLAY")),
        ));
    }
    let evidence = sockets.iter().map(|socket| format!("{} at {}", socket.name, socket.at.display()));
    Ok(Found { evidence: evidence.collect::<Vec<_>>().join(", "), sockets, ..Found::default() })
}

/// The cookie that the X server wants of its clients, as a file for a machine; `None` where there is none.
pub(super) fn authority(host: &dyn Host) -> Option<SecretValue> {
    let at = sockets::answering(host, &x11(host))?;
    let display = at.file_name()?.to_str()?.strip_prefix('X')?;
    let in_home = || Some(Path::new(&host.variable("HOME")?).join(".Xauthority"));
    let file = host.variable("XAUTHORITY").map(PathBuf::from).or_else(in_home)?;
    let file = host.path(&file);
    let small = std::fs::metadata(&file).is_ok_and(|file| file.is_file() && file.len() <= LARGEST);
    let bytes = Zeroizing::new(small.then(|| std::fs::read(&file).ok())??);
    let hostname = look::text(host, "/proc/sys/kernel/hostname").unwrap_or_default();
    let made = x_authority::for_machine(&bytes, display, &hostname)?;
    // A log may have the cookie without what is around it in the file.
    hide(&made.cookie);
    Some(made.file)
}

/// Where a compositor may listen: the one that is named, else any of this session.
pub(super) fn wayland(host: &dyn Host) -> Vec<PathBuf> {
    let runtime = look::runtime_directory(host);
    let named = host.variable("WAYLAND_DISPLAY");
    let usual = look::names(host, &runtime.to_string_lossy(), "wayland-");
    let is_socket = |name: &String| !name.ends_with(".lock");
    // An absolute path replaces the directory.
    named.into_iter().chain(usual.into_iter().filter(is_socket)).map(|name| runtime.join(name)).collect()
}

/// Where an X server may listen: the display that is named, else those that this user started. None where none is named: then this is
/// no graphical session.
pub(super) fn x11(host: &dyn Host) -> Vec<PathBuf> {
    let Some(display) = host.variable("DISPLAY") else { return Vec::new() };
    let number = display.strip_prefix(':').or_else(|| display.strip_prefix("unix:"));
    let number = number.and_then(|number| number.split('.').next());
    let number = number.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.map(|number| format!("X{number}"));
    let directory = Path::new(X11_DIRECTORY);
    let own = look::names(host, X11_DIRECTORY, "X").into_iter();
    let own = own.filter(|name| sockets::is_of_user(host, &directory.join(name)));
    number.into_iter().chain(own).map(|name| directory.join(name)).collect()
}
