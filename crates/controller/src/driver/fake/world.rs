//! What is in the engine: images, volumes, instances, and the rules between them. Pure; nothing here waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use time::OffsetDateTime;
use tokio::sync::watch;

use crate::driver::{
    Device, DriverError, InstanceName, InstanceSpec, InstanceState, InstanceStatus, Mount, Role, VolumeName,
};

/// The methods of [`Driver`](crate::driver::Driver) whose calls are counted and can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named as the methods")]
pub enum Method {
    Engine,
    Inspect,
    Instances,
    Instance,
    ImportImage,
    CreateVolume,
    DeleteVolume,
    Create,
    Copy,
    Rename,
    Configure,
    Attach,
    Detach,
    Start,
    Stop,
    Delete,
    Exec,
}

/// Files by their path, without a slash before it.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// One of our instances, as the engine has it.
#[derive(Clone, Debug)]
pub struct FakeInstance {
    /// What it is for.
    pub role: Role,
    /// Its volumes.
    pub mounts: Vec<Mount>,
    /// Its devices.
    pub devices: Vec<Device>,
    /// The environment of its init process.
    pub environment: BTreeMap<String, String>,
    /// Whether containers may run inside.
    pub nesting: bool,
    /// What it does.
    pub state: InstanceState,
    /// The sha256 of the image it was made from.
    pub image: String,
    since: Option<OffsetDateTime>,
    never_started: bool,
    pub(super) address: Option<String>,
    files: Files,
    /// Told when it stops: its processes end then.
    stopped: watch::Sender<bool>,
}

impl FakeInstance {
    pub(super) fn status(&self) -> InstanceStatus {
        InstanceStatus {
            role: self.role.clone(),
            state: self.state,
            since: self.since,
            address: self.address.clone(),
            image: Some(self.image.clone()),
            never_started: self.never_started,
        }
    }
}

/// All of it.
#[derive(Default)]
pub(super) struct World {
    /// The sha256 of each image, by its name.
    pub(super) images: BTreeMap<String, String>,
    pub(super) volumes: BTreeMap<VolumeName, Files>,
    pub(super) foreign: BTreeSet<String>,
    instances: BTreeMap<String, FakeInstance>,
}

fn refused(verb: &str, name: impl std::fmt::Display, message: impl Into<String>) -> DriverError {
    DriverError::Engine { action: format!("{verb} '{name}'"), message: message.into() }
}

impl World {
    pub(super) fn ours(&self, name: &InstanceName) -> Result<&FakeInstance, DriverError> {
        self.check_foreign(name)?;
        let missing = || DriverError::NotFound { kind: "instance", name: name.to_string() };
        self.instances.get(name.as_str()).ok_or_else(missing)
    }

    pub(super) fn ours_mut(&mut self, name: &InstanceName) -> Result<&mut FakeInstance, DriverError> {
        self.ours(name)?;
        let missing = || DriverError::NotFound { kind: "instance", name: name.to_string() };
        self.instances.get_mut(name.as_str()).ok_or_else(missing)
    }

    fn check_foreign(&self, name: &InstanceName) -> Result<(), DriverError> {
        if self.foreign.contains(name.as_str()) {
            return Err(DriverError::NotOurs { kind: "instance", name: name.to_string() });
        }
        Ok(())
    }

    fn check_volumes<'a>(
        &self,
        name: &InstanceName,
        mounts: impl IntoIterator<Item = &'a Mount>,
    ) -> Result<(), DriverError> {
        match mounts.into_iter().find(|mount| !self.volumes.contains_key(&mount.volume)) {
            None => Ok(()),
            Some(mount) => Err(refused("configure", name, format!("there is no volume '{}'", mount.volume))),
        }
    }

    pub(super) fn list(&self) -> Vec<InstanceStatus> {
        self.instances.values().map(FakeInstance::status).collect()
    }

    pub(super) fn create(&mut self, name: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.check_foreign(name)?;
        if self.instances.contains_key(name.as_str()) {
            return self.configure(name, spec);
        }
        if self.images.get(&spec.image.name) != Some(&spec.image.sha256) {
            let name = format!("{} {}", spec.image.name, spec.image.sha256);
            return Err(DriverError::NotFound { kind: "image", name });
        }
        self.check_volumes(name, &spec.mounts)?;
        let instance = FakeInstance {
            role: spec.role.clone(),
            mounts: spec.mounts.clone(),
            devices: spec.devices.clone(),
            environment: spec.environment.clone(),
            nesting: spec.nesting,
            state: InstanceState::Stopped,
            image: spec.image.sha256.clone(),
            since: None,
            never_started: true,
            address: None,
            files: Files::new(),
            stopped: watch::channel(true).0,
        };
        self.instances.insert(name.to_string(), instance);
        Ok(())
    }

    pub(super) fn copy(
        &mut self,
        from: &InstanceName,
        name: &InstanceName,
        spec: &InstanceSpec,
    ) -> Result<(), DriverError> {
        self.check_foreign(name)?;
        let source = self.ours(from)?.clone();
        self.check_volumes(name, &spec.mounts)?;
        if !self.instances.contains_key(name.as_str()) {
            let copy = FakeInstance {
                role: spec.role.clone(),
                state: InstanceState::Stopped,
                since: None,
                never_started: true,
                address: None,
                stopped: watch::channel(true).0,
                ..source
            };
            self.instances.insert(name.to_string(), copy);
        }
        self.configure(name, spec)
    }

    /// Whether it hadn't the name already.
    pub(super) fn rename(
        &mut self,
        from: &InstanceName,
        name: &InstanceName,
        spec: &InstanceSpec,
    ) -> Result<bool, DriverError> {
        self.check_foreign(name)?;
        let source = match self.ours(from) {
            Ok(source) => source.clone(),
            Err(DriverError::NotFound { .. }) if self.instances.contains_key(name.as_str()) => {
                return self.configure(name, spec).map(|()| false);
            }
            Err(error) => return Err(error),
        };
        if source.state != InstanceState::Stopped {
            return Err(refused("rename instance", from, "the instance is running"));
        }
        if self.instances.contains_key(name.as_str()) {
            return Err(refused("rename instance", from, format!("there is already an instance '{name}'")));
        }
        self.check_volumes(name, &spec.mounts)?;
        self.instances.remove(from.as_str());
        self.instances.insert(name.to_string(), FakeInstance { role: spec.role.clone(), ..source });
        self.configure(name, spec).map(|()| true)
    }

    pub(super) fn configure(&mut self, name: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.check_volumes(name, &spec.mounts)?;
        let instance = self.ours_mut(name)?;
        instance.mounts.clone_from(&spec.mounts);
        instance.devices.clone_from(&spec.devices);
        instance.environment.clone_from(&spec.environment);
        instance.nesting = spec.nesting;
        Ok(())
    }

    pub(super) fn attach(&mut self, name: &InstanceName, mount: &Mount) -> Result<(), DriverError> {
        self.check_volumes(name, [mount])?;
        let mounts = &mut self.ours_mut(name)?.mounts;
        mounts.retain(|old| old.volume != mount.volume);
        mounts.push(mount.clone());
        Ok(())
    }

    pub(super) fn attach_root(
        &mut self,
        name: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError> {
        self.detach_root(name, of)?;
        if self.instances.contains_key(of.as_str()) {
            let root = Device::InstanceRoot { of: of.clone(), path: path.into() };
            self.ours_mut(name)?.devices.push(root);
        }
        Ok(())
    }

    pub(super) fn detach_root(&mut self, name: &InstanceName, of: &InstanceName) -> Result<(), DriverError> {
        let is_it = |device: &Device| matches!(device, Device::InstanceRoot { of: found, .. } if found == of);
        self.ours_mut(name)?.devices.retain(|device| !is_it(device));
        Ok(())
    }

    pub(super) fn delete_volume(&mut self, volume: &VolumeName) -> Result<(), DriverError> {
        let mounts = |instance: &FakeInstance| instance.mounts.iter().any(|mount| &mount.volume == volume);
        if self.instances.values().any(mounts) {
            return Err(refused("delete volume", volume, "the volume is still in use"));
        }
        self.volumes.remove(volume);
        Ok(())
    }

    /// Whether that was a change.
    pub(super) fn set_state(&mut self, name: &InstanceName, state: InstanceState) -> bool {
        let Some(instance) = self.instances.get_mut(name.as_str()).filter(|instance| instance.state != state)
        else {
            return false;
        };
        let runs = state == InstanceState::Running;
        instance.state = state;
        instance.never_started &= !runs;
        instance.since = runs.then(OffsetDateTime::now_utc);
        instance.stopped.send_replace(!runs);
        true
    }

    /// Whether there was one to delete.
    pub(super) fn delete(&mut self, name: &InstanceName) -> Result<bool, DriverError> {
        let state = match self.ours(name) {
            Ok(instance) => instance.state,
            Err(DriverError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if state != InstanceState::Stopped {
            return Err(refused("delete instance", name, "the instance is running"));
        }
        Ok(self.instances.remove(name.as_str()).is_some())
    }

    /// What tells that a running instance stops.
    pub(super) fn running(&self, name: &InstanceName) -> Result<watch::Receiver<bool>, DriverError> {
        let instance = self.ours(name)?;
        if instance.state != InstanceState::Running {
            return Err(DriverError::NotRunning { name: name.to_string() });
        }
        Ok(instance.stopped.subscribe())
    }

    /// Where `path` in an instance leads: the files there, the path below them, and whether they are read-only.
    fn files(&mut self, name: &str, path: &str) -> Option<(&mut Files, String, bool)> {
        let instance = self.instances.get(name)?;
        let below = |root: &str| {
            let rest = path.strip_prefix(root)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
        };
        let mounts = instance.mounts.iter().filter_map(|mount| Some((mount, below(&mount.path)?)));
        if let Some((mount, rest)) = mounts.max_by_key(|(mount, _)| mount.path.len()) {
            let (volume, read_only) = (mount.volume.clone(), mount.read_only);
            return Some((self.volumes.get_mut(&volume)?, rest, read_only));
        }
        let mut roots = instance.devices.iter().filter_map(|device| match device {
            Device::InstanceRoot { of, path } => Some((of.clone(), below(path))),
            _ => None,
        });
        if let Some((of, Some(rest))) = roots.find(|(_, rest)| rest.is_some()) {
            return Some((&mut self.instances.get_mut(of.as_str())?.files, rest, true));
        }
        let rest = path.trim_start_matches('/').to_owned();
        Some((&mut self.instances.get_mut(name)?.files, rest, false))
    }

    pub(super) fn read(&mut self, instance: &InstanceName, path: &str) -> io::Result<Vec<u8>> {
        let (files, path, _) = self.files(instance.as_str(), path).ok_or(io::ErrorKind::NotFound)?;
        files.get(&path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn write(&mut self, instance: &InstanceName, path: &str, bytes: Vec<u8>) -> io::Result<()> {
        let (files, path, read_only) = self.files(instance.as_str(), path).ok_or(io::ErrorKind::NotFound)?;
        if read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        files.insert(path, bytes);
        Ok(())
    }
}
