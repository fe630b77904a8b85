//! What the controller and the code machines look like to an engine: mounts and environment.

mod forget;
mod guest;
pub(crate) mod idle;
pub mod images;
mod roots;
pub(crate) mod setup;

use std::collections::BTreeMap;

use crate::{
    driver::{Device, ExecSpec, Image, InstanceSpec, Mount, Role, VolumeName},
    machine::MachineName,
};

/// Where a machine finds its generations, and the system to boot.
pub const MACHINE_PROFILES: &str = "/nix/var/nix/profiles";

/// The static binary in every machine, see `codchi-ctrl-serve`.
pub const MACHINE_CTRL_SERVE: &str = "/.codchi/ctrl-serve";

/// The volumes that only the controller may write, with their places (the same in the controller and in machines).
fn shared() -> [(VolumeName, &'static str); 3] {
    [
        (VolumeName::store(), "/nix/store"),
        (VolumeName::db(), "/nix/var/nix/db"),
        (VolumeName::socket(), "/nix/var/nix/daemon-socket"),
    ]
}

/// The volumes of the controller itself, without the machines' profiles.
pub(crate) fn controller_volumes() -> Vec<VolumeName> {
    shared().into_iter().map(|(volume, _)| volume).chain([VolumeName::config()]).collect()
}

/// The controller. Its builds may use `devices`, which Nix knows as these features of a system.
pub(crate) fn controller<'a>(
    image: &Image,
    machines: impl Iterator<Item = &'a MachineName> + Clone,
    (devices, features): (Vec<Device>, Vec<&'static str>),
) -> InstanceSpec {
    let writable = |(volume, path): (VolumeName, &str)| Mount { volume, path: path.into(), read_only: false };
    InstanceSpec {
        role: Role::Controller,
        image: image.clone(),
        mounts: shared()
            .into_iter()
            .map(writable)
            .chain([writable((VolumeName::config(), "/config"))])
            .chain(machines.clone().map(profile_in_controller))
            .collect(),
        devices: devices.into_iter().chain(machines.map(root_in_controller)).collect(),
        environment: match features.is_empty() {
            true => BTreeMap::new(),
            false => BTreeMap::from([("CODCHI_SYSTEM_FEATURES".into(), features.join(" "))]),
        },
        nesting: true,
    }
}

/// A machine's profile directory as the controller sees it.
pub(crate) fn profile_in_controller(machine: &MachineName) -> Mount {
    Mount {
        volume: VolumeName::profile(machine),
        path: format!("/nix/var/nix/profiles/per-instance/{machine}"),
        read_only: false,
    }
}

/// A machine's root as the controller sees it.
pub(crate) fn root_in_controller(machine: &MachineName) -> Device {
    Device::InstanceRoot {
        of: Role::Machine(machine.clone()).instance(),
        path: format!("/instances/{machine}"),
    }
}

/// A code machine.
pub(crate) fn machine(name: &MachineName, image: &Image, devices: Vec<Device>) -> InstanceSpec {
    let mounts = shared().into_iter().map(|(volume, path)| Mount {
        // Also the socket's directory: connecting needs no write to it, and who can write there can replace the daemon for all.
        read_only: true,
        volume,
        path: path.into(),
    });
    let containers = if devices.contains(&Device::Containers) { "yes" } else { "no" };
    let profile =
        Mount { volume: VolumeName::profile(name), path: MACHINE_PROFILES.into(), read_only: false };
    InstanceSpec {
        role: Role::Machine(name.clone()),
        image: image.clone(),
        mounts: mounts.chain([profile]).collect(),
        environment: BTreeMap::from([
            ("CODCHI_MACHINE".into(), name.to_string()),
            // Engines give some to everybody. Init takes away what isn't named here.
            ("CODCHI_DEVICES".into(), nodes(&devices)),
            ("CODCHI_CONTAINERS".into(), containers.into()),
        ]),
        devices,
        nesting: true,
    }
}

/// The places of device nodes, separated by colons; a word where there are none, because engines forget variables without a value.
fn nodes(devices: &[Device]) -> String {
    let nodes = devices.iter().filter_map(|device| match device {
        Device::Node { path } => Some(path.as_str()),
        _ => None,
    });
    let nodes: Vec<&str> = nodes.collect();
    if nodes.is_empty() { "none".into() } else { nodes.join(":") }
}

/// A command of ours in the controller.
pub fn in_controller<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> ExecSpec {
    ExecSpec::new(argv)
        .env("HOME", "/root")
        .env("NIX_REMOTE", "daemon")
        .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
        .env("XDG_CACHE_HOME", "/config/cache")
        .env("LANG", "C.UTF-8")
}

/// A command of ours in a machine, as root.
pub fn in_machine<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> ExecSpec {
    ExecSpec::new(argv)
        .env("HOME", "/root")
        .env("PATH", "/run/wrappers/bin:/run/current-system/sw/bin:/usr/bin:/usr/sbin:/bin:/sbin")
        .env("LANG", "C.UTF-8")
}

/// Becomes the user and runs the arguments in its login environment, else its login shell.
///
/// Not with `su`: it stays between the engine and the command, blocks most signals, and takes the terminal away from a command.
/// Here every process replaces the one before, so signals, the terminal and the exit code are the command's own.
const AS_USER: &str = r#"
user=codchi
if tty -s; then chown "$user" "$(tty)"; fi
exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --reset-env -- bash -l -c '
    cd
    if [ -d "/run/user/$UID" ]; then
        export XDG_RUNTIME_DIR="/run/user/$UID" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$UID/bus"
    fi
    if [ "$#" -gt 0 ]; then exec -- "$@"; else exec -l -- "$SHELL"; fi
' bash "$@"
"#;

/// A user's command in a machine: `argv` exactly, as user `codchi` with its login environment; a login shell where it is empty.
pub fn as_user(argv: Vec<String>) -> ExecSpec {
    in_machine(["sh", "-c", AS_USER, "sh"].map(String::from).into_iter().chain(argv))
}
