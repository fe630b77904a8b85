//! How the engine is set up: pools with their room, the profile's devices, networks.

use codchi_controller::driver::{DriverError, EngineInfo, EngineReport, Network, Pool, Room};
use futures::future;

use crate::{
    LxdDriver,
    rest::Purpose,
    wire::{self, Amount, Profile, Resources},
};

impl LxdDriver {
    pub(crate) async fn report(&self, engine: EngineInfo) -> Result<EngineReport, DriverError> {
        let (profile, pools, networks) = tokio::join!(self.profile_devices(), self.pools(), self.networks());
        let (devices, pools, networks) = (profile?, pools?, networks?);
        let mut report = EngineReport {
            engine,
            profile: self.profile.clone(),
            devices,
            pools,
            pool: self.pool.clone(),
            networks,
        };
        let only = || match report.pools.as_slice() {
            [only] => Some(only.name.clone()),
            _ => None,
        };
        report.pool =
            report.pool.clone().or_else(|| report.root_device()?.get("pool").cloned()).or_else(only);
        Ok(report)
    }

    async fn profile_devices(
        &self,
    ) -> Result<Option<std::collections::BTreeMap<String, codchi_controller::driver::Config>>, DriverError>
    {
        let purpose = Purpose::new("read", "profile", &self.profile);
        let profile =
            self.rest.find::<Profile>(self.rest.url(&["profiles", &self.profile], &[]), &purpose).await?;
        Ok(profile.map(|profile| profile.devices.unwrap_or_default()))
    }

    async fn pools(&self) -> Result<Vec<Pool>, DriverError> {
        let purpose = Purpose::new("list", "storage pools of", self.rest.flavour.name());
        let url = self.rest.url(&["storage-pools"], &[("recursion", "1")]);
        let pools = self.rest.get::<Option<Vec<wire::Pool>>>(url, &purpose).await?.unwrap_or_default();
        Ok(future::join_all(pools.into_iter().map(|pool| self.with_room(pool))).await)
    }

    /// A pool with its room. One that can't be read (its disk is gone) is told without.
    async fn with_room(&self, pool: wire::Pool) -> Pool {
        let purpose = Purpose::new("read", "resources of storage pool", &pool.name);
        let url = self.rest.url(&["storage-pools", &pool.name, "resources"], &[]);
        let resources = self.rest.get::<Resources>(url, &purpose).await;
        let resources =
            resources.inspect_err(|error| tracing::warn!(?error, "no room told")).unwrap_or_default();
        Pool {
            name: pool.name,
            driver: pool.driver,
            space: room(resources.space),
            inodes: room(resources.inodes),
        }
    }

    async fn networks(&self) -> Result<Vec<Network>, DriverError> {
        let purpose = Purpose::new("list", "networks of", self.rest.flavour.name());
        let url = self.rest.url(&["networks"], &[("recursion", "1")]);
        let networks = self.rest.get::<Option<Vec<wire::Network>>>(url, &purpose).await?.unwrap_or_default();
        let network = |found: wire::Network| Network {
            name: found.name,
            kind: found.kind,
            managed: found.managed,
            config: found.config.unwrap_or_default(),
        };
        Ok(networks.into_iter().map(network).collect())
    }
}

/// The engines tell zeros for what they don't know.
fn room(amount: Option<Amount>) -> Option<Room> {
    amount.filter(|amount| amount.total > 0).map(|Amount { used, total }| Room { used, total })
}
