//! The roots of instances, shown read-only to another one.

use std::collections::BTreeMap;

use codchi_controller::driver::{Device, DriverError, InstanceName, InstanceSpec};

use crate::{
    LxdDriver,
    record::{MAP_KEY, Record, Settings},
    rest::Purpose,
    settings::{self, Wanted},
    storage::Place,
    wire::Pool,
};

/// How the owners of an instance's files are kept, as of its last start: the map that they were shifted by, an empty list where that is
/// done by the mount.
const SHIFTED_BY: &str = "volatile.last_state.idmap";

impl LxdDriver {
    /// `spec` in the engine's words, with the place it goes to.
    pub(crate) async fn wanted(&self, spec: &InstanceSpec) -> Result<(Wanted, Place), DriverError> {
        let place = self.place().await?;
        let mut roots = BTreeMap::new();
        for device in &spec.devices {
            if let Device::InstanceRoot { of, path } = device {
                roots.extend(self.root_of(of, path, &place.pool).await?);
            }
        }
        Ok((Wanted::new(spec, &place.pool, roots), place))
    }

    pub(crate) async fn show_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError> {
        let pool = self.place().await?.pool;
        let Some((name, device)) = self.root_of(of, path, &pool).await? else {
            return self.hide_root(instance, of).await;
        };
        let purpose = Purpose::new("show a root to", "instance", instance.as_str());
        self.edit(instance, &purpose, |_, devices| {
            devices.insert(name.clone(), device.clone());
        })
        .await
    }

    pub(crate) async fn hide_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
    ) -> Result<(), DriverError> {
        let purpose = Purpose::new("take a root out of", "instance", instance.as_str());
        self.edit(instance, &purpose, |_, devices| {
            devices.remove(&settings::root_device_name(of));
        })
        .await
    }

    /// The device that shows the root of `of`, where the pool keeps it in a plain directory; elsewhere there is none.
    ///
    /// Only the engine can look into that directory, so nothing is checked here. In a `dir` pool the root of an instance is
    /// `SOURCE/containers/NAME/rootfs`, with `PROJECT_` before the name outside of the default project.
    async fn root_of(
        &self,
        of: &InstanceName,
        path: &str,
        pool: &str,
    ) -> Result<Option<(String, Settings)>, DriverError> {
        let Some(record) = self.find_record(of, &Purpose::new("read", "instance", of.as_str())).await? else {
            return Ok(None);
        };
        let purpose = Purpose::new("read", "storage pool", pool);
        let pool = self.rest.get::<Pool>(self.rest.url(&["storage-pools", pool], &[]), &purpose).await?;
        let Some(source) =
            pool.config.as_ref().and_then(|config| config.get("source")).filter(|_| pool.driver == "dir")
        else {
            tracing::info!(pool = pool.name, driver = pool.driver, %of, "no reverse mount on this storage pool");
            return Ok(None);
        };
        let directory = match self.rest.project.as_deref() {
            None | Some("default") => of.to_string(),
            Some(project) => format!("{project}_{of}"),
        };
        let source = format!("{source}/containers/{directory}/rootfs");
        Ok(Some(settings::root_device(of, &source, path, is_kept_unshifted(&record))))
    }
}

/// Whether the files of an instance have the owners that they have inside of it; then the mount that shows them must shift them too.
fn is_kept_unshifted(record: &Record) -> bool {
    let config = record.config();
    let map = config.get(SHIFTED_BY).map(String::as_str).unwrap_or_default();
    // Before the first start nothing is known, and nothing there is a user's.
    map == "[]" && config.contains_key(MAP_KEY)
}
