//! What an engine says of itself beyond its instances: where containers are kept, how they reach the network. For Doctor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::EngineInfo;

/// Settings of one thing of the engine, in its own words.
pub type Config = BTreeMap<String, String>;

/// The engine as it is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineReport {
    /// Its name, version and place.
    pub engine: EngineInfo,
    /// The name of the profile that instances get.
    pub profile: String,
    /// That profile's devices by name; `None` when there is no such profile. WSL: `None`, it has no profiles.
    pub devices: Option<BTreeMap<String, Config>>,
    /// The pools that containers can be kept in. WSL: one, the drive of the distributions.
    pub pools: Vec<Pool>,
    /// The name of the pool that is used; `None` when none can be chosen.
    pub pool: Option<String>,
    /// The networks that the engine made or sees. WSL: none, it has one of its own.
    pub networks: Vec<Network>,
}

/// A storage pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How it keeps things: `dir`, `zfs`, `btrfs` ….
    pub driver: String,
    /// Its room in bytes; `None` when the engine doesn't tell.
    pub space: Option<Room>,
    /// Its room in files; `None` when it isn't limited or the engine doesn't tell.
    pub inodes: Option<Room>,
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// In use.
    pub used: u64,
    /// In all.
    pub total: u64,
}

impl Room {
    /// What is left.
    pub fn free(self) -> u64 {
        self.total.saturating_sub(self.used)
    }
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name, which is the interface's on the host.
    pub name: String,
    /// `bridge`, `physical` ….
    pub kind: String,
    /// Whether the engine made it and keeps it.
    pub managed: bool,
    /// Its settings; empty for one that isn't managed.
    pub config: Config,
}

impl EngineReport {
    /// The profile's disk at `/`.
    pub fn root_device(&self) -> Option<&Config> {
        let is =
            |device: &Config, key: &str, value: &str| device.get(key).is_some_and(|found| found == value);
        self.devices.iter().flat_map(BTreeMap::values).find(|d| is(d, "type", "disk") && is(d, "path", "/"))
    }

    /// The profile's first network device.
    pub fn nic(&self) -> Option<&Config> {
        let is_nic = |device: &&Config| device.get("type").is_some_and(|kind| kind == "nic");
        self.devices.iter().flat_map(BTreeMap::values).find(is_nic)
    }

    /// The name of the network that the profile's device is in.
    pub fn network_name(&self) -> Option<&str> {
        let nic = self.nic()?;
        nic.get("network").or_else(|| nic.get("parent")).map(String::as_str)
    }

    /// The pool that is used.
    pub fn used_pool(&self) -> Option<&Pool> {
        let name = self.pool.as_deref()?;
        self.pools.iter().find(|pool| pool.name == name)
    }
}
