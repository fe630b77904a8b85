//! An [`InstanceSpec`] in the engine's configuration keys and devices, and which of an instance's are ours.

use std::collections::BTreeMap;

use codchi_controller::driver::{InstanceName, InstanceSpec, Mount, VolumeName};

use crate::devices;
use crate::record::{IMAGE_KEY, ROLE_KEY, Settings, role_tag};

/// Which `environment.*` keys are ours, separated by commas; others may have been set by the user.
const ENVIRONMENT_KEY: &str = "user.codchi.environment";
/// Which other keys are ours because of a device, separated by commas.
const SETTINGS_KEY: &str = "user.codchi.settings";
/// Our devices' names begin so.
pub(crate) const DEVICE_PREFIX: &str = "codchi-";

/// What an instance is to be, in the engine's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    config: Settings,
    devices: BTreeMap<String, Settings>,
    image: String,
}

/// The device that mounts a volume. The volume's name is its name, at most 63 characters long; the engines allow 64.
pub(crate) fn mount_device(pool: &str, mount: &Mount) -> (String, Settings) {
    let mut device = Settings::from([
        ("type".into(), "disk".into()),
        ("pool".into(), pool.into()),
        ("source".into(), mount.volume.as_str().into()),
        ("path".into(), mount.path.clone()),
    ]);
    if mount.read_only {
        device.insert("readonly".into(), "true".into());
    }
    (device_name(&mount.volume), device)
}

/// The name of the device that mounts a volume.
pub(crate) fn device_name(volume: &VolumeName) -> String {
    volume.as_str().to_owned()
}

/// The device that shows another instance's root, read-only. `source` is its directory on the engine's computer.
///
/// `shift` has the mount shift the owners of files by the ids of who sees them. It isn't required: the other instance may be deleted, and this one must start all the same.
pub(crate) fn root_device(of: &InstanceName, source: &str, path: &str, shift: bool) -> (String, Settings) {
    let mut device = Settings::from([
        ("type".into(), "disk".into()),
        ("source".into(), source.into()),
        ("path".into(), path.into()),
        ("readonly".into(), "true".into()),
        ("required".into(), "false".into()),
    ]);
    if shift {
        device.insert("shift".into(), "true".into());
    }
    (root_device_name(of), device)
}

/// The name of the device that shows another instance's root.
pub(crate) fn root_device_name(of: &InstanceName) -> String {
    let of = of.as_str();
    format!("{DEVICE_PREFIX}root-{}", of.strip_prefix(DEVICE_PREFIX).unwrap_or(of))
}

impl Wanted {
    /// `spec` with its volumes in `pool` and other instances' roots at the `roots` found for [`InstanceSpec::devices`].
    pub(crate) fn new(
        spec: &InstanceSpec,
        pool: &str,
        roots: impl IntoIterator<Item = (String, Settings)>,
    ) -> Self {
        let mut config = Settings::from([
            (ROLE_KEY.into(), role_tag(&spec.role)),
            ("security.nesting".into(), spec.nesting.to_string()),
        ]);
        let names: Vec<&str> = spec.environment.keys().map(String::as_str).collect();
        config.insert(ENVIRONMENT_KEY.into(), names.join(","));
        for (name, value) in &spec.environment {
            config.insert(format!("environment.{name}"), value.clone());
        }
        let given = devices::settings(&spec.devices);
        // The engines forget keys without a value.
        if !given.is_empty() {
            config.insert(SETTINGS_KEY.into(), given.keys().cloned().collect::<Vec<_>>().join(","));
            config.extend(given);
        }
        let mut devices: BTreeMap<_, _> = roots.into_iter().collect();
        devices.extend(spec.devices.iter().filter_map(devices::device));
        devices.extend(spec.mounts.iter().map(|mount| mount_device(pool, mount)));
        Self { config, devices, image: spec.image.sha256.clone() }
    }

    /// All of it, for a new instance; with a root disk in `pool` when no profile gives one.
    pub(crate) fn create(mut self, root_in: Option<&str>) -> (Settings, BTreeMap<String, Settings>) {
        self.config.insert(IMAGE_KEY.into(), self.image);
        if let Some(pool) = root_in {
            let root = [("type", "disk"), ("path", "/"), ("pool", pool)];
            let root = root.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
            self.devices.insert("root".into(), root);
        }
        (self.config, self.devices)
    }

    /// Brings an existing instance's settings to this: ours are replaced, those of others stay.
    pub(crate) fn apply(&self, config: &mut Settings, devices: &mut BTreeMap<String, Settings>) {
        let ours = config.get(ENVIRONMENT_KEY).cloned().unwrap_or_default();
        for name in ours.split(',') {
            config.remove(&format!("environment.{name}"));
        }
        let ours = config.remove(SETTINGS_KEY).unwrap_or_default();
        for name in ours.split(',') {
            config.remove(name);
        }
        config.extend(self.config.clone());
        devices.retain(|name, _| !name.starts_with(DEVICE_PREFIX));
        devices.extend(self.devices.clone());
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::{
        driver::{Image, Role},
        machine::{MAX_LEN, MachineName},
    };

    use super::*;

    fn spec() -> InstanceSpec {
        InstanceSpec {
            role: Role::Machine(MachineName::new("hello").unwrap()),
            image: Image { name: "machine".into(), sha256: "00".repeat(32), size: 1 },
            mounts: vec![Mount { volume: VolumeName::store(), path: "/nix/store".into(), read_only: true }],
            devices: vec![],
            environment: BTreeMap::from([("A".into(), "1".into())]),
            nesting: true,
        }
    }

    #[test]
    fn applying_replaces_ours_and_keeps_the_users() {
        let mut config = Settings::from([
            ("limits.cpu".into(), "2".into()),
            ("environment.MINE".into(), "x".into()),
            ("environment.OLD".into(), "x".into()),
            (ENVIRONMENT_KEY.into(), "OLD".into()),
            (IMAGE_KEY.into(), "ff".into()),
        ]);
        let mut devices = BTreeMap::from([
            ("gpu".to_owned(), Settings::from([("type".into(), "gpu".into())])),
            ("codchi-profile-gone".to_owned(), Settings::new()),
        ]);
        Wanted::new(&spec(), "default", []).apply(&mut config, &mut devices);
        let names: Vec<_> = devices.keys().cloned().collect();
        assert_eq!(names, ["codchi-store", "gpu"]);
        assert_eq!(devices["codchi-store"]["readonly"], "true");
        let mut keys: Vec<_> = config.iter().map(|(key, value)| format!("{key}={value}")).collect();
        keys.sort();
        assert_eq!(
            keys,
            [
                "environment.A=1",
                "environment.MINE=x",
                "limits.cpu=2",
                "security.nesting=true",
                "user.codchi.environment=A",
                "user.codchi.image=ff",
                "user.codchi.role=machine:hello",
            ]
        );
    }

    #[test]
    fn applying_twice_changes_nothing_more() {
        let (mut config, mut devices) = Wanted::new(&spec(), "default", []).create(Some("default"));
        let before = (config.clone(), devices.clone());
        Wanted::new(&spec(), "default", []).apply(&mut config, &mut devices);
        assert_eq!(before, (config, devices));
    }

    #[test]
    fn the_longest_machine_name_makes_valid_device_names() {
        let name = MachineName::new("m".repeat(MAX_LEN)).unwrap();
        let volume = VolumeName::profile(&name);
        assert!(device_name(&volume).len() <= 64);
        assert!(root_device_name(&Role::Machine(name).instance()).len() <= 64);
    }
}
