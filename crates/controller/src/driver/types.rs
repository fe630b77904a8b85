//! Names, descriptions and states that cross the [`Driver`](super::Driver) boundary. No behaviour beyond validation.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::machine::MachineName;

/// The kinds of driver there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum DriverKind {
    /// LXD, over its REST interface.
    Lxd,
    /// Incus, over the same interface.
    Incus,
    /// The Windows Subsystem for Linux.
    Wsl,
    /// In memory, for tests.
    Fake,
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lxd => "lxd",
            Self::Incus => "incus",
            Self::Wsl => "wsl",
            Self::Fake => "fake",
        })
    }
}

/// The engine behind a driver, as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineInfo {
    /// The engine's own name, such as `LXD` or `Incus`.
    pub name: String,
    /// The engine's version as it prints it, such as `5.0.2`.
    pub version: String,
    /// Where it was reached: a socket path or an address.
    pub endpoint: String,
}

/// What an instance is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one hidden container that keeps the store.
    Controller,
    /// A code machine.
    Machine(MachineName),
}

impl Role {
    /// The name of the instance that plays this role: `codchi-controller`, or `codchi-` and the machine's name.
    pub fn instance(&self) -> InstanceName {
        match self {
            Self::Controller => InstanceName("codchi-controller".into()),
            Self::Machine(name) => InstanceName(format!("codchi-{name}")),
        }
    }

    /// The role that an instance of this name plays; `None` when no role has such a name. Says nothing of who made it.
    pub fn of_instance(name: &str) -> Option<Self> {
        if name == "codchi-controller" {
            return Some(Self::Controller);
        }
        MachineName::new(name.strip_prefix("codchi-")?).ok().map(Self::Machine)
    }
}

/// The engine's name of one of Codchi's instances. Made only by [`Role::instance`], so it is always well-formed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct InstanceName(String);

impl InstanceName {
    /// The name as the engine knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a volume shared between instances.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeName(String);

impl VolumeName {
    /// The Nix store, `codchi-store`.
    pub fn store() -> Self {
        Self("codchi-store".into())
    }
    /// The Nix database, `codchi-db`.
    pub fn db() -> Self {
        Self("codchi-db".into())
    }
    /// The daemon's socket directory, `codchi-socket`.
    pub fn socket() -> Self {
        Self("codchi-socket".into())
    }
    /// The controller's own files, `codchi-config`: generated flakes, caches, certificates.
    pub fn config() -> Self {
        Self("codchi-config".into())
    }
    /// The profile directory of one machine, `codchi-profile-NAME`.
    pub fn profile(machine: &MachineName) -> Self {
        Self(format!("codchi-profile-{machine}"))
    }
    /// The name as the engine knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VolumeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A root file system that instances are made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Which kind of instance it is for, such as `controller`; with [`Image::sha256`] it names the image in the engine.
    pub name: String,
    /// The sha256 of the tar, 64 lower-case hex digits.
    pub sha256: String,
    /// The tar's size in bytes.
    pub size: u64,
}

/// A volume mounted in an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is mounted.
    pub volume: VolumeName,
    /// The absolute path inside the instance.
    pub path: String,
    /// Enforced by the engine: writing fails with `EROFS`, also for root in the instance.
    pub read_only: bool,
}

/// Something of the host that an instance gets besides volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// The root file system of another instance, read-only, where engine and host are one computer (the reverse mount).
    /// Left out where the engine has no directory of it (LXD and Incus: storage pools other than `dir`), and while the
    /// other instance doesn't exist.
    InstanceRoot {
        /// Whose root.
        of: InstanceName,
        /// The absolute path inside the instance that gets it.
        path: String,
    },
    /// A character device of the host at the same place in the instance, where everybody may use it. It is left out while the
    /// host doesn't have it, and comes when the host gets it. WSL: the kernel's own devices are there for everybody, `/dev/dxg` for
    /// graphics cards.
    Node {
        /// Its absolute path below `/dev`, in both.
        path: String,
    },
    /// The programs and libraries of the host's NVIDIA driver, without its nodes. Needs NVIDIA's container tools on the host.
    /// Takes effect at the next start. WSL: `/usr/lib/wsl/lib`.
    Nvidia,
    /// The host's USB devices, as they are plugged in and out. WSL: what `usbipd attach` has attached.
    Usb,
    /// A listening unix socket of the host, which is connected to anew for each connection. Credentials that its server sees are
    /// those of `user`. WSL: the sockets in `/mnt/wslg`; others over a relay.
    Socket {
        /// What it is called; unique among the instance's sockets.
        name: String,
        /// Where it is on the host. May be a link, which is followed at each connection.
        host: PathBuf,
        /// The host's user and group on whose behalf it is connected to.
        user: (u32, u32),
        /// Where it listens in the instance; the directory exists before its init runs.
        path: String,
        /// The instance's user and group who may connect.
        owner: (u32, u32),
    },
    /// The engine does those system calls for the instance which containers inside need and the kernel refuses: making harmless
    /// device nodes, and the attributes of overlays. Takes effect at the next start. WSL: its kernel refuses none.
    SystemCalls,
    /// Containers of the instance's own. The engines' nesting is for systemd and doesn't tell who may have them, so an instance's init
    /// keeps them out where this isn't given. Takes effect at the next start. WSL: the same.
    Containers,
}

/// What an instance is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// What it is for; decides its name.
    pub role: Role,
    /// What its root is made from.
    pub image: Image,
    /// Its volumes.
    pub mounts: Vec<Mount>,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Environment of its init process.
    pub environment: BTreeMap<String, String>,
    /// May run containers (and Nix' sandbox) inside.
    pub nesting: bool,
}

/// What an instance does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Its init is being started.
    Starting,
    /// Its init runs.
    Running,
    /// It was asked to stop.
    Stopping,
    /// It doesn't run.
    Stopped,
    /// The engine reports an error, or a state Codchi has no word for (frozen, aborting).
    Error,
}

/// What is observed of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceStatus {
    /// What it is for.
    pub role: Role,
    /// What it does.
    pub state: InstanceState,
    /// When it was last started; `None` when it doesn't run, the engine doesn't tell, or it was looked at alone.
    pub since: Option<OffsetDateTime>,
    /// Its first global IPv4 (else IPv6) address; `None` too when it was looked at alone ([`Driver::instance`](super::Driver::instance)).
    pub address: Option<String>,
    /// The sha256 of the image it was made from.
    pub image: Option<String>,
    /// Whether the engine knows that it was never started.
    pub never_started: bool,
}

/// Something happened to an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceEvent {
    /// Anything may have changed: the connection is new. Read all instances again.
    Resync,
    /// The engine can't be reached; a `Resync` follows when it can.
    Lost,
    /// One of ours changed its state or was created or deleted.
    Changed(Role),
}

/// How to stop an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Ask its init to shut down; when it hasn't after the time given, stop it by force.
    Graceful(Duration),
    /// At once.
    Force,
}

/// What went wrong with the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// Nothing answers where the engine should be.
    #[error("{engine} doesn't answer at {endpoint}")]
    Unreachable {
        /// Which engine.
        engine: String,
        /// Where it was looked for.
        endpoint: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The engine is there, but this user may not use it.
    #[error("this user may not use {engine} at {endpoint}")]
    Denied {
        /// Which engine.
        engine: String,
        /// Its socket.
        endpoint: String,
    },
    /// A thing that was named doesn't exist.
    #[error("{kind} '{name}' doesn't exist")]
    NotFound {
        /// `instance`, `volume`, `image`, `storage pool` …
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken by something that isn't Codchi's.
    #[error("{kind} '{name}' exists but wasn't made by Codchi")]
    NotOurs {
        /// `instance`, `volume` …
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The instance must run for this.
    #[error("instance '{name}' is not running")]
    NotRunning {
        /// Its name.
        name: String,
    },
    /// The engine refused or failed.
    #[error("{action}: {message}")]
    Engine {
        /// What was asked, such as `start instance 'codchi-hello'`.
        action: String,
        /// The engine's own words.
        message: String,
    },
    /// The connection broke while a request was under way.
    #[error("{action}: the connection to the engine broke")]
    Interrupted {
        /// What was asked.
        action: String,
        /// How it broke.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of this computer couldn't be read.
    #[error("can't read {path}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
