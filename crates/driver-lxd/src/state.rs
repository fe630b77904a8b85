//! Making, starting, stopping and removing instances.

use codchi_controller::driver::{DriverError, InstanceName, InstanceSpec, Mount, StopMode, VolumeName};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    LxdDriver,
    record::{Record, patiently, status},
    rest::Purpose,
    settings,
};

impl LxdDriver {
    pub(crate) async fn make_instance(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        let purpose = Purpose::new("create", "instance", name.as_str());
        if self.find_record(&name, &purpose).await?.is_some() {
            return self.configure_instance(spec).await;
        }
        let Some(fingerprint) = self.find_image(&spec.image).await? else {
            let name = format!("{} {}", spec.image.name, spec.image.sha256);
            return Err(DriverError::NotFound { kind: "image", name });
        };
        let (wanted, place) = self.wanted(spec).await?;
        // A configured pool goes before the profile's.
        let own_root = !place.profile_has_root || self.pool.is_some();
        let (config, devices) = wanted.create(own_root.then_some(place.pool.as_str()));
        let body = json!({
            "name": name.as_str(),
            "type": "container",
            "description": "Made by Codchi",
            "source": { "type": "image", "fingerprint": fingerprint },
            "profiles": [self.profile],
            "config": config,
            "devices": devices,
        });
        let reply = self
            .rest
            .send(Method::POST, self.rest.url(&["instances"], &[]), Some(&body), None, &purpose)
            .await?;
        let outcome = match reply.status {
            // Something that the instance needs; the engine says what.
            StatusCode::NOT_FOUND => Err(purpose.refused(reply.message())),
            _ => self.rest.settle(&reply.ok(&self.rest, &purpose)?, &purpose).await,
        };
        match outcome {
            // Somebody made it in the meantime.
            Err(DriverError::Engine { .. }) if self.find_record(&name, &purpose).await?.is_some() => {
                self.configure_instance(spec).await
            }
            outcome => outcome,
        }
    }

    pub(crate) async fn configure_instance(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        let (wanted, _) = self.wanted(spec).await?;
        let purpose = Purpose::new("configure", "instance", name.as_str());
        self.edit(&name, &purpose, |config, devices| wanted.apply(config, devices)).await
    }

    pub(crate) async fn attach_volume(&self, name: &InstanceName, mount: &Mount) -> Result<(), DriverError> {
        let purpose = Purpose::new("attach a volume to", "instance", name.as_str());
        let pool = self.place().await?.pool;
        self.edit(name, &purpose, |_, devices| {
            let (device, settings) = settings::mount_device(&pool, mount);
            devices.insert(device, settings);
        })
        .await
    }

    pub(crate) async fn detach_volume(
        &self,
        name: &InstanceName,
        volume: &VolumeName,
    ) -> Result<(), DriverError> {
        let purpose = Purpose::new("detach a volume from", "instance", name.as_str());
        self.edit(name, &purpose, |_, devices| {
            devices.remove(&settings::device_name(volume));
        })
        .await
    }

    /// Asks for a change of state and waits until it is made, `reached`, or failed.
    async fn change_state(
        &self,
        name: &InstanceName,
        body: &serde_json::Value,
        reached: fn(&Record) -> bool,
        purpose: &Purpose,
    ) -> Result<(), DriverError> {
        patiently(|| async {
            if reached(&self.record(name, purpose).await?) {
                return Ok(());
            }
            match self
                .rest
                .change(Method::PUT, self.instance_url(name, &["state"]), Some(body), purpose)
                .await
            {
                // Somebody else made the same change in the meantime.
                Err(DriverError::Engine { .. }) if reached(&self.record(name, purpose).await?) => Ok(()),
                outcome => outcome,
            }
        })
        .await
    }

    pub(crate) async fn start_instance(&self, name: &InstanceName) -> Result<(), DriverError> {
        let purpose = Purpose::new("start", "instance", name.as_str());
        let body = json!({ "action": "start", "timeout": -1 });
        let message = match self.change_state(name, &body, Record::is_running, &purpose).await {
            Err(DriverError::Engine { message, .. }) => message,
            Err(error) => return Err(error),
            // The engines don't wait for init's first instruction.
            Ok(()) if self.record(name, &purpose).await?.is_running() => return Ok(()),
            Ok(()) => "it stopped right after it was started".to_owned(),
        };
        let reasons = self.start_log(name).await;
        Err(purpose.refused(if reasons.is_empty() {
            message
        } else {
            format!("{message}: {}", reasons.join("; "))
        }))
    }

    /// The errors in the log of the last start: the engine's own words only say that its helper failed.
    async fn start_log(&self, name: &InstanceName) -> Vec<String> {
        let purpose = Purpose::new("read the log of", "instance", name.as_str());
        let url = self.instance_url(name, &["logs", "lxc.log"]);
        let Ok(reply) = self.rest.send(Method::GET, url, None, None, &purpose).await else {
            return Vec::new();
        };
        let Ok(reply) = reply.ok(&self.rest, &purpose) else { return Vec::new() };
        reasons(&String::from_utf8_lossy(&reply.body))
    }

    pub(crate) async fn stop_instance(&self, name: &InstanceName, mode: StopMode) -> Result<(), DriverError> {
        let purpose = Purpose::new("stop", "instance", name.as_str());
        let stopped: fn(&Record) -> bool = |record| record.status() == status::STOPPED;
        if let StopMode::Graceful(patience) = mode {
            let seconds = patience.as_secs().max(1);
            let body = json!({ "action": "stop", "timeout": seconds, "force": false });
            match self.change_state(name, &body, stopped, &purpose).await {
                Err(DriverError::Engine { message, .. }) => {
                    tracing::info!(%name, message, "didn't stop when asked, stopping it by force");
                }
                outcome => return outcome,
            }
        }
        let body = json!({ "action": "stop", "timeout": -1, "force": true });
        self.change_state(name, &body, stopped, &purpose).await
    }

    pub(crate) async fn remove_instance(&self, name: &InstanceName) -> Result<(), DriverError> {
        let purpose = Purpose::new("delete", "instance", name.as_str());
        patiently(|| async {
            if self.find_record(name, &purpose).await?.is_none() {
                return Ok(());
            }
            match self.rest.change(Method::DELETE, self.instance_url(name, &[]), None, &purpose).await {
                Err(DriverError::NotFound { .. }) => Ok(()),
                // Somebody else deleted it in the meantime.
                Err(DriverError::Engine { .. }) if self.find_record(name, &purpose).await?.is_none() => {
                    Ok(())
                }
                outcome => outcome,
            }
        })
        .await
    }
}

/// The errors in a log of liblxc: `lxc NAME DATE ERROR  MODULE - FILE:FUNCTION:LINE - MESSAGE`.
fn reasons(log: &str) -> Vec<String> {
    let errors = log.lines().filter(|line| line.contains(" ERROR "));
    errors
        .filter_map(|line| line.splitn(3, " - ").nth(2))
        .map(|reason| reason.trim().to_owned())
        .take(3)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reasons_of_a_failed_start_are_its_logs_errors() {
        let log = "lxc codchi-x 20260101 WARN     conf - ../src/lxc/conf.c:x:1 - Harmless\n\
                   lxc codchi-x 20260101 ERROR    start - ../src/lxc/start.c:start:2164 - No such file or directory - Failed to exec \"/sbin/init\"\n\
                   lxc codchi-x 20260101 ERROR    sync - ../src/lxc/sync.c:sync_wait:34 - An error occurred\n";
        assert_eq!(
            super::reasons(log),
            ["No such file or directory - Failed to exec \"/sbin/init\"", "An error occurred"]
        );
    }
}
