//! One instance as the engine stores it: whether it is ours, and changing it without touching what others set.

use std::{collections::BTreeMap, time::Duration};

use codchi_controller::driver::{DriverError, InstanceName, Role};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{LxdDriver, rest::Purpose};

/// The configuration key that marks an instance as ours and says what for.
pub(crate) const ROLE_KEY: &str = "user.codchi.role";
/// The configuration key with the sha256 of the image it was made from.
pub(crate) const IMAGE_KEY: &str = "user.codchi.image";
/// Where the engine notes the map of owners that an instance was started with.
pub(crate) const MAP_KEY: &str = "volatile.idmap.current";
/// Where it notes whether an instance was running when it was last looked at; nothing is there before the first start.
pub(crate) const POWER_KEY: &str = "volatile.last_state.power";

/// What is written to [`ROLE_KEY`].
pub(crate) fn role_tag(role: &Role) -> String {
    match role {
        Role::Controller => "controller".into(),
        Role::Machine(name) => format!("machine:{name}"),
    }
}

/// The role of the instance `name` marked with `tag`; `None` when it isn't ours.
///
/// The tag must fit the name: the engines copy `user.*` keys when somebody copies an instance, and the copy is theirs.
pub(crate) fn role(name: &str, tag: Option<&str>) -> Option<Role> {
    Role::of_instance(name).filter(|role| tag == Some(role_tag(role).as_str()))
}

/// Whether an instance of this name and configuration is ours.
fn is_ours(name: &InstanceName, config: &Settings) -> bool {
    role(name.as_str(), config.get(ROLE_KEY).map(String::as_str)).is_some()
}

/// The engine's states, by the `status_code` of its interface.
pub(crate) mod status {
    pub(crate) const STOPPED: u16 = 102;
    pub(crate) const RUNNING: u16 = 103;
    pub(crate) const STARTING: u16 = 106;
    pub(crate) const STOPPING: u16 = 107;
    pub(crate) const READY: u16 = 113;
}

/// One of our instances.
#[derive(Debug)]
pub(crate) struct Record {
    value: Map<String, Value>,
    etag: Option<String>,
}

/// String settings by name, as the engine wants them.
pub(crate) type Settings = BTreeMap<String, String>;

impl Record {
    pub(crate) fn status(&self) -> u16 {
        self.value
            .get("status_code")
            .and_then(Value::as_u64)
            .and_then(|code| code.try_into().ok())
            .unwrap_or(0)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.status(), status::RUNNING | status::READY)
    }

    pub(crate) fn config(&self) -> Settings {
        self.value.get("config").and_then(settings).unwrap_or_default()
    }

    pub(crate) fn devices(&self) -> BTreeMap<String, Settings> {
        let devices = self.value.get("devices").and_then(Value::as_object);
        devices
            .into_iter()
            .flatten()
            .filter_map(|(name, device)| Some((name.clone(), settings(device)?)))
            .collect()
    }

    /// The names of its profiles.
    pub(crate) fn profiles(&self) -> Value {
        self.value.get("profiles").cloned().unwrap_or_else(|| json!([]))
    }

    /// What a `PUT` of the instance takes, with `config` and `devices` in place of its own.
    fn body(&self, config: &Settings, devices: &BTreeMap<String, Settings>) -> Value {
        let kept = ["architecture", "description", "ephemeral", "profiles", "stateful"];
        let mut body: Map<String, Value> =
            kept.into_iter().filter_map(|key| Some((key.to_owned(), self.value.get(key)?.clone()))).collect();
        body.insert("config".into(), json!(config));
        body.insert("devices".into(), json!(devices));
        Value::Object(body)
    }
}

fn settings(value: &Value) -> Option<Settings> {
    let pairs = value.as_object()?.iter();
    Some(pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// How long a change that meets another one is tried again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pauses between the attempts: the first one, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Makes a change again and again while the engine refuses it only because it is busy with another change of the instance.
pub(crate) async fn patiently<F>(change: impl Fn() -> F) -> Result<(), DriverError>
where
    F: Future<Output = Result<(), DriverError>>,
{
    let until = tokio::time::Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        match change().await {
            Err(DriverError::Engine { message, .. })
                if is_busy(&message) && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Whether the engine says that something else is being done to the instance; it has no code for that. The words are those
/// of `lxd/instance/operationlock` and of `util.EtagCheck`.
fn is_busy(message: &str) -> bool {
    let words = ["Instance is busy running a", "matching non-reusable operation", "ETag doesn't match"];
    words.iter().any(|words| message.contains(words))
}

impl LxdDriver {
    /// Reads an instance.
    ///
    /// # Errors
    /// When there is none of this name, and when it isn't ours.
    pub(crate) async fn record(&self, name: &InstanceName, purpose: &Purpose) -> Result<Record, DriverError> {
        self.record_if(name, purpose, &|config| is_ours(name, config)).await
    }

    /// The same, where another condition than its tag says that it is ours.
    async fn record_if(
        &self,
        name: &InstanceName,
        purpose: &Purpose,
        is_ours: &(dyn Fn(&Settings) -> bool + Send + Sync),
    ) -> Result<Record, DriverError> {
        let reply = self
            .rest
            .send(Method::GET, self.instance_url(name, &[]), None, None, purpose)
            .await?
            .ok(&self.rest, purpose)?;
        let value = reply.metadata::<Map<String, Value>>(purpose)?;
        let record = Record { value, etag: reply.etag };
        if is_ours(&record.config()) {
            Ok(record)
        } else {
            Err(DriverError::NotOurs { kind: "instance", name: name.to_string() })
        }
    }

    /// Reads an instance that may not exist.
    pub(crate) async fn find_record(
        &self,
        name: &InstanceName,
        purpose: &Purpose,
    ) -> Result<Option<Record>, DriverError> {
        match self.record(name, purpose).await {
            Ok(record) => Ok(Some(record)),
            Err(DriverError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes the settings and devices of an instance by `edit`, together, and only when nobody else changed it meanwhile:
    /// then it is read and edited again. An edit that changes nothing sends nothing.
    pub(crate) async fn edit(
        &self,
        name: &InstanceName,
        purpose: &Purpose,
        edit: impl Fn(&mut Settings, &mut BTreeMap<String, Settings>) + Send + Sync,
    ) -> Result<(), DriverError> {
        self.edit_if(name, purpose, &|config| is_ours(name, config), edit).await
    }

    /// The same, where another condition than its tag says that it is ours.
    pub(crate) async fn edit_if(
        &self,
        name: &InstanceName,
        purpose: &Purpose,
        is_ours: &(dyn Fn(&Settings) -> bool + Send + Sync),
        edit: impl Fn(&mut Settings, &mut BTreeMap<String, Settings>) + Send + Sync,
    ) -> Result<(), DriverError> {
        // Within this process they wait for each other instead of trying again and again.
        let _one_at_a_time = self.editing.alone(name).await;
        patiently(|| async {
            let record = self.record_if(name, purpose, is_ours).await?;
            let (old_config, old_devices) = (record.config(), record.devices());
            let (mut config, mut devices) = (old_config.clone(), old_devices.clone());
            edit(&mut config, &mut devices);
            if config == old_config && devices == old_devices {
                return Ok(());
            }
            let (url, body) = (self.instance_url(name, &[]), record.body(&config, &devices));
            let reply =
                self.rest.send(Method::PUT, url, Some(&body), record.etag.as_deref(), purpose).await?;
            self.rest.settle(&reply.ok(&self.rest, purpose)?, purpose).await
        })
        .await
    }

    /// The address of an instance or of something below it.
    pub(crate) fn instance_url(&self, name: &InstanceName, below: &[&str]) -> url::Url {
        self.rest.url(&[&["instances", name.as_str()], below].concat(), &[])
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::machine::MachineName;

    use super::*;

    #[test]
    fn a_tag_must_fit_the_name() {
        let hello = Role::Machine(MachineName::new("hello").unwrap());
        assert_eq!(role("codchi-hello", Some("machine:hello")), Some(hello));
        assert_eq!(role("codchi-controller", Some("controller")), Some(Role::Controller));
        for (name, tag) in [
            ("codchi-hello", None),
            ("codchi-hello", Some("controller")),
            ("codchi-copy", Some("machine:hello")),
            ("codchi-controller", Some("machine:controller")),
            ("hello", Some("machine:hello")),
            ("codchi-", Some("machine:")),
            ("codchi-a_b", Some("machine:a_b")),
        ] {
            assert_eq!(role(name, tag), None, "{name} {tag:?}");
        }
    }
}
