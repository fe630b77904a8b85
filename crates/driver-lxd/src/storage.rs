//! Storage pools and the volumes in them.

use codchi_controller::driver::{DriverError, VolumeName};
use reqwest::Method;
use serde_json::json;

use crate::{
    LxdDriver,
    rest::Purpose,
    wire::{Pool, Profile, Volume},
};

/// The configuration key that marks a volume as ours.
const VOLUME_KEY: &str = "user.codchi";

/// Where our volumes and root file systems go.
#[derive(Debug)]
pub(crate) struct Place {
    /// The pool's name.
    pub(crate) pool: String,
    /// Whether the profile gives instances a root disk.
    pub(crate) profile_has_root: bool,
}

impl LxdDriver {
    /// Finds the pool: the configured one, else that of the profile's root disk, else the only one there is.
    pub(crate) async fn place(&self) -> Result<Place, DriverError> {
        let purpose = Purpose::new("read", "profile", &self.profile);
        let profile =
            self.rest.get::<Profile>(self.rest.url(&["profiles", &self.profile], &[]), &purpose).await?;
        let root = profile.devices.iter().flatten().map(|(_, device)| device).find(|device| {
            let is = |key: &str, value: &str| device.get(key).is_some_and(|found| found == value);
            is("type", "disk") && is("path", "/")
        });
        let profile_has_root = root.is_some();
        if let Some(pool) = self.pool.clone().or_else(|| root?.get("pool").cloned()) {
            return Ok(Place { pool, profile_has_root });
        }
        let purpose = Purpose::new("choose", "storage pool of", self.rest.flavour.name());
        let url = self.rest.url(&["storage-pools"], &[("recursion", "1")]);
        let mut pools = self.rest.get::<Vec<Pool>>(url, &purpose).await?;
        match pools.len() {
            1 => Ok(Place { pool: pools.remove(0).name, profile_has_root }),
            0 => Err(purpose
                .refused("there is none; create one, for example with `lxd init` or `incus admin init`")),
            _ => {
                let names: Vec<_> = pools.into_iter().map(|pool| pool.name).collect();
                Err(purpose.refused(format!(
                    "profile '{}' has no root disk and there are several pools ({}); name one in the setting 'pool'",
                    self.profile,
                    names.join(", ")
                )))
            }
        }
    }

    fn volume_url(&self, pool: &str, volume: &VolumeName) -> url::Url {
        self.rest.url(&["storage-pools", pool, "volumes", "custom", volume.as_str()], &[])
    }

    /// Whether a volume is there.
    ///
    /// # Errors
    /// When it is and isn't ours.
    async fn has_volume(
        &self,
        pool: &str,
        volume: &VolumeName,
        purpose: &Purpose,
    ) -> Result<bool, DriverError> {
        match self.rest.find::<Volume>(self.volume_url(pool, volume), purpose).await? {
            None => Ok(false),
            Some(found) if found.config.iter().any(|config| config.contains_key(VOLUME_KEY)) => Ok(true),
            Some(_) => Err(DriverError::NotOurs { kind: "volume", name: volume.to_string() }),
        }
    }

    pub(crate) async fn make_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        let purpose = Purpose::new("create", "volume", volume.as_str());
        let pool = self.place().await?.pool;
        let body = json!({
            "name": volume.as_str(),
            "type": "custom",
            "content_type": "filesystem",
            "description": "Shared by the containers of Codchi",
            "config": { VOLUME_KEY: "volume" },
        });
        if self.has_volume(&pool, volume, &purpose).await? {
            return Ok(());
        }
        let url = self.rest.url(&["storage-pools", &pool, "volumes", "custom"], &[]);
        match self.rest.change(Method::POST, url, Some(&body), &purpose).await {
            // Somebody made it in the meantime. The engines answer 400, 409 or 500, by version.
            Err(DriverError::Engine { .. }) if self.has_volume(&pool, volume, &purpose).await? => Ok(()),
            outcome => outcome,
        }
    }

    pub(crate) async fn remove_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        let purpose = Purpose::new("delete", "volume", volume.as_str());
        let pool = self.place().await?.pool;
        if !self.has_volume(&pool, volume, &purpose).await? {
            return Ok(());
        }
        match self.rest.change(Method::DELETE, self.volume_url(&pool, volume), None, &purpose).await {
            Err(DriverError::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }
}
