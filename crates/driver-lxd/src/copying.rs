//! Copying an instance and giving it another name, so that what was broken off can be told from what is whole.
//!
//! The engines do both in one request that goes on without us. What isn't ours by its name and tag yet, or not whole, carries a key
//! that says so; it goes away with the last step.

use std::collections::BTreeMap;

use codchi_controller::driver::{DriverError, InstanceName, InstanceSpec};
use reqwest::Method;
use serde_json::json;

use crate::{
    LxdDriver,
    record::{ROLE_KEY, Settings, patiently, role_tag, status},
    rest::Purpose,
    settings::DEVICE_PREFIX,
    wire::Operation,
};

/// On a copy that isn't whole yet: what it is a copy of.
const COPY_KEY: &str = "user.codchi.copy-of";
/// On an instance that is about to have another name: which.
const RENAME_KEY: &str = "user.codchi.rename-to";

impl LxdDriver {
    pub(crate) async fn copy_instance(
        &self,
        from: &InstanceName,
        spec: &InstanceSpec,
    ) -> Result<(), DriverError> {
        let name = spec.role.instance();
        let purpose = Purpose::new("copy", "instance", from.as_str());
        let source = self.record(from, &purpose).await?;
        let (wanted, _) = self.wanted(spec).await?;
        self.wait_for_copies(&name, &purpose).await?;
        let there = self.find_record(&name, &purpose).await?;
        let broken_off = there.as_ref().is_some_and(|there| there.config().contains_key(COPY_KEY));
        if broken_off {
            self.remove_instance(&name).await?;
        }
        if there.is_none() || broken_off {
            // The engine copies what isn't named here. Our devices would be the other one's; a device of this type is none.
            let none = Settings::from([("type".into(), "none".into())]);
            let ours = source.devices().into_keys().filter(|device| device.starts_with(DEVICE_PREFIX));
            let devices: BTreeMap<String, Settings> = ours.map(|device| (device, none.clone())).collect();
            let body = json!({
                "name": name.as_str(),
                "type": "container",
                "description": "Made by Codchi",
                "source": { "type": "copy", "source": from.as_str(), "instance_only": true },
                "profiles": source.profiles(),
                "config": { ROLE_KEY: role_tag(&spec.role), COPY_KEY: from.as_str() },
                "devices": devices,
            });
            let url = self.rest.url(&["instances"], &[]);
            patiently(|| self.rest.change(Method::POST, url.clone(), Some(&body), &purpose)).await?;
        }
        let purpose = Purpose::new("configure", "instance", name.as_str());
        self.edit(&name, &purpose, |config, devices| {
            wanted.apply(config, devices);
            config.remove(COPY_KEY);
        })
        .await
    }

    /// Waits for what the engine still does for somebody who is gone.
    async fn wait_for_copies(&self, name: &InstanceName, purpose: &Purpose) -> Result<(), DriverError> {
        let url = self.rest.url(&["operations"], &[("recursion", "1")]);
        let running = self.rest.get::<BTreeMap<String, Vec<Operation>>>(url, purpose).await?;
        let address = format!("/instances/{name}");
        let works_on = |operation: &Operation| {
            let addresses = operation.resources.iter().flat_map(BTreeMap::values).flatten();
            let mut addresses = addresses.map(|address| address.split('?').next().unwrap_or_default());
            addresses.any(|found| found.ends_with(&address))
        };
        for operation in running.get("running").into_iter().flatten().filter(|one| works_on(one)) {
            match self.rest.wait(&operation.id, purpose).await {
                // However it ended: what it left is looked at.
                Ok(_) | Err(DriverError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(crate) async fn rename_instance(
        &self,
        from: &InstanceName,
        spec: &InstanceSpec,
    ) -> Result<(), DriverError> {
        let name = spec.role.instance();
        let purpose = Purpose::new("rename", "instance", from.as_str());
        let (wanted, _) = self.wanted(spec).await?;
        let apply = |config: &mut Settings, devices: &mut BTreeMap<String, Settings>| {
            wanted.apply(config, devices);
            config.remove(RENAME_KEY);
        };
        if let Some(record) = self.find_record(from, &purpose).await? {
            if record.status() != status::STOPPED {
                return Err(purpose.refused("the instance is running"));
            }
            self.edit(from, &purpose, |config, _| {
                config.insert(RENAME_KEY.into(), name.to_string());
            })
            .await?;
            let body = json!({ "name": name.as_str() });
            let url = self.instance_url(from, &[]);
            patiently(|| self.rest.change(Method::POST, url.clone(), Some(&body), &purpose)).await?;
        }
        let tag = role_tag(&spec.role);
        let renamed = move |config: &Settings| {
            config.get(ROLE_KEY) == Some(&tag) || config.get(RENAME_KEY).is_some_and(|to| to == name.as_str())
        };
        let name = spec.role.instance();
        match self
            .edit_if(&name, &Purpose::new("configure", "instance", name.as_str()), &renamed, apply)
            .await
        {
            // Neither name is there.
            Err(DriverError::NotFound { .. }) => Err(purpose.not_found()),
            outcome => outcome,
        }
    }
}
