//! What Codchi needs from a container engine, and nothing else.
//!
//! A driver makes, starts, stops and removes *instances*, shares *volumes* between them, and runs commands in them. It knows
//! nothing of Nix, modules, operations or generations: those live in the rest of this crate.
//!
//! The same contracts are kept by LXD, Incus, WSL and the in-memory `fake`; the conformance suite in `tests/` runs one body on
//! all of them. How `wsl.exe` implements each method is said in its documentation.

mod exec;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod report;
mod types;

use std::path::Path;

use async_trait::async_trait;
use futures::stream::BoxStream;

pub use exec::{Exec, ExecControl, ExecOutput, ExecSpec, ExecStdin, Terminal};
pub use report::{Config, EngineReport, Network, Pool, Room};
pub use types::{
    Device, DriverError, DriverKind, EngineInfo, Image, InstanceEvent, InstanceName, InstanceSpec,
    InstanceState, InstanceStatus, Mount, Role, StopMode, VolumeName,
};

/// How containers are made on this computer.
///
/// **Idempotence.** Every method that makes or removes something succeeds when the world already is as asked: importing an image
/// that is there, creating a volume that exists, starting what runs, stopping what is stopped, deleting what is gone. A method
/// that fails half-way leaves nothing behind that a repeated call couldn't use.
///
/// **Ownership.** A driver marks what it makes as Codchi's and never lists, changes or deletes anything that isn't. A name taken
/// by a foreign instance is [`DriverError::NotOurs`].
///
/// **Errors.** [`DriverError::Unreachable`] and [`DriverError::Denied`] mean that nothing was tried; [`DriverError::NotFound`]
/// names the missing thing; everything else is [`DriverError::Engine`] with the engine's own words.
///
/// **Cancellation.** Every future may be dropped at any await point; the engine then finishes or undoes the request by itself.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// Which driver this is.
    fn kind(&self) -> DriverKind;

    /// The engine's name, version and where it listens. One round trip; fails when the engine can't be used.
    /// WSL: `wsl.exe --version` (absent before 0.64: then `--status`).
    async fn engine(&self) -> Result<EngineInfo, DriverError>;

    /// How the engine is set up, for Doctor: pools with their room, the profile's devices, networks. What can't be read of them is left
    /// out; fails when the engine can't be used.
    /// WSL: `wsl.exe --status`, the room of the drive that keeps the distributions, no profile and no networks.
    async fn inspect(&self) -> Result<EngineReport, DriverError>;

    /// All of Codchi's instances with their state, **in one round trip** whatever their number.
    /// WSL: `wsl.exe --list --verbose` joined with the registry's `Lxss` key.
    async fn instances(&self) -> Result<Vec<InstanceStatus>, DriverError>;

    /// One of Codchi's instances with its state, in one round trip that costs the same whatever else there is; without `since` and
    /// `address`, for which engines look into it. `None` when there is none of this name, and when it isn't Codchi's.
    /// WSL: as [`Driver::instances`], which is one look at all, without those two.
    async fn instance(&self, name: &InstanceName) -> Result<Option<InstanceStatus>, DriverError>;

    /// Changes of instances made by anyone, as they happen, until the stream is dropped. The stream reconnects by itself and
    /// yields [`InstanceEvent::Resync`] first and after every gap: the listener then reads [`Driver::instances`] again.
    /// WSL has no events: it watches the registry key and yields `Resync` when it changed.
    fn events(&self) -> BoxStream<'static, InstanceEvent>;

    /// Makes `image` known to the engine, reading its root file system from `rootfs` (an uncompressed tar). Skipped when an image
    /// of the same sha256 is there. Others of the same name are forgotten; instances made from them stay. `progress` is told bytes
    /// sent. WSL: keeps the path, `--import` reads it in [`Driver::create`].
    async fn import_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), DriverError>;

    /// Creates a volume that several instances can mount. WSL: a directory below `/mnt/wsl/codchi`.
    async fn create_volume(&self, volume: &VolumeName) -> Result<(), DriverError>;

    /// Deletes a volume and what is in it. Fails while an instance mounts it.
    async fn delete_volume(&self, volume: &VolumeName) -> Result<(), DriverError>;

    /// Creates a stopped instance with its mounts and devices. WSL: `--import NAME DIR TAR --version 2`, the mounts are written to
    /// a file that the instance's init reads.
    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError>;

    /// Creates a stopped instance from the root file system that `from` has now, with the mounts and devices of `spec`. `from` may run.
    /// What is in its volumes and its memory isn't copied; settings that others made are. What a copy left that was broken off is made
    /// anew; an instance that is whole is only configured. WSL: `--terminate FROM`, `--export FROM TAR`, then as [`Driver::create`].
    async fn copy(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError>;

    /// Gives a stopped instance another name, and the mounts and devices of `spec`. One that has the name already is only configured.
    /// The new name must be free. WSL: `DistributionName` in the registry's `Lxss` key, while it is terminated.
    async fn rename(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError>;

    /// Brings an existing instance's mounts, devices and settings to `spec`, while it runs or not; what `spec` doesn't name
    /// and Codchi once added is removed. The image is not changed. WSL: rewrites the file named in [`Driver::create`].
    async fn configure(&self, spec: &InstanceSpec) -> Result<(), DriverError>;

    /// Mounts one more volume into an instance, running or not. WSL: bind mount by the controller.
    async fn attach(&self, instance: &InstanceName, mount: &Mount) -> Result<(), DriverError>;

    /// Takes a volume out of an instance, running or not. The volume stays.
    async fn detach(&self, instance: &InstanceName, volume: &VolumeName) -> Result<(), DriverError>;

    /// Shows one instance the root of another, as [`Device::InstanceRoot`] says, whether they run or not. Repeated after the first start of
    /// `of`, when an engine settles how it keeps the owners of its files. WSL: bind mount by the other instance.
    async fn attach_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError>;

    /// Takes the root of another instance out of one again, running or not.
    async fn detach_root(&self, instance: &InstanceName, of: &InstanceName) -> Result<(), DriverError>;

    /// Starts an instance; returns when its init process runs (not when the system in it is up).
    /// WSL: an exec of `/usr/sbin/init` that is kept.
    async fn start(&self, instance: &InstanceName) -> Result<(), DriverError>;

    /// Stops an instance; returns when it is stopped. WSL: `--terminate`, after `systemctl poweroff` when graceful.
    async fn stop(&self, instance: &InstanceName, mode: StopMode) -> Result<(), DriverError>;

    /// Deletes a stopped instance and its root file system, never a volume. WSL: `--unregister`.
    async fn delete(&self, instance: &InstanceName) -> Result<(), DriverError>;

    /// Runs a command in a running instance: `argv` reaches the program byte for byte, no shell is involved.
    /// WSL: `wsl.exe --distribution NAME --exec …` with the arguments handed over through stdin of `ctrl-serve`.
    async fn exec(&self, instance: &InstanceName, spec: ExecSpec) -> Result<Exec, DriverError>;
}
