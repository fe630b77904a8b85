//! The state of our instances, of all or of one, in one round trip.

use codchi_controller::driver::{DriverError, InstanceName, InstanceState, InstanceStatus, Role};
use reqwest::Method;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    LxdDriver,
    record::{IMAGE_KEY, MAP_KEY, POWER_KEY, role, status},
    rest::Purpose,
    wire::{Instance, State},
};

impl LxdDriver {
    pub(crate) async fn list(&self) -> Result<Vec<InstanceStatus>, DriverError> {
        let purpose = Purpose::new("list", "instances of", self.rest.flavour.name());
        // Neither engine can filter by a key with dots in its name, and filtering saves it no work.
        let url = self.rest.url(&["instances"], &[("recursion", "2")]);
        let reply = self.rest.send(Method::GET, url, None, None, &purpose).await?.ok(&self.rest, &purpose)?;
        let instances = reply.metadata::<Vec<Instance<'_>>>(&purpose)?;
        let mut found: Vec<_> = instances.iter().filter_map(observed).collect();
        // One that is just being torn down, or whose files are damaged, comes without settings: these are asked for alone.
        for unread in instances.iter().filter(|instance| instance.config.is_none()) {
            if let Some(role) = Role::of_instance(&unread.name) {
                found.extend(self.look_at(role).await?);
            }
        }
        Ok(found)
    }

    /// Without what the engine would have to look into the instance for: that takes it several times as long.
    pub(crate) async fn observe(&self, name: &InstanceName) -> Result<Option<InstanceStatus>, DriverError> {
        match Role::of_instance(name.as_str()) {
            Some(role) => self.look_at(role).await,
            None => Ok(None),
        }
    }

    /// What is known of an instance without a look into it; `None` when it isn't ours.
    async fn look_at(&self, role: Role) -> Result<Option<InstanceStatus>, DriverError> {
        let name = role.instance();
        let record = match self.find_record(&name, &Purpose::new("read", "instance", name.as_str())).await {
            Ok(Some(record)) => record,
            Ok(None) | Err(DriverError::NotOurs { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let config = record.config();
        let key = |name| config.get(name).map(String::as_str);
        Ok(Some(from_outside(role, record.status(), key(IMAGE_KEY), key(MAP_KEY).or(key(POWER_KEY)))))
    }
}

/// The engine's state in ours.
fn state(code: u16) -> InstanceState {
    match code {
        status::RUNNING | status::READY => InstanceState::Running,
        status::STOPPED => InstanceState::Stopped,
        status::STARTING => InstanceState::Starting,
        status::STOPPING => InstanceState::Stopping,
        _ => InstanceState::Error,
    }
}

/// What is observed of an instance; `None` when it isn't ours.
fn observed(instance: &Instance<'_>) -> Option<InstanceStatus> {
    let config = instance.config.as_ref()?;
    let noted = config.map.as_deref().or(config.power.as_deref());
    let role = role(&instance.name, config.role.as_deref())?;
    let outside = from_outside(role, instance.status_code, config.image.as_deref(), noted);
    let live = instance.state.as_ref().filter(|_| outside.state == InstanceState::Running);
    let started = live.and_then(|live| live.started_at.as_deref().or(instance.last_used_at.as_deref()));
    let since = started.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
    Some(InstanceStatus {
        since: since.filter(|at| at.unix_timestamp() > 0),
        address: live.and_then(address),
        ..outside
    })
}

/// What an instance's record says of it; `noted` is anything that the engine notes at each start.
fn from_outside(role: Role, code: u16, image: Option<&str>, noted: Option<&str>) -> InstanceStatus {
    InstanceStatus {
        role,
        state: state(code),
        since: None,
        address: None,
        image: image.map(str::to_owned),
        never_started: noted.is_none(),
    }
}

/// The first global IPv4 address, else the first global IPv6 address, by the names of the interfaces.
fn address(state: &State<'_>) -> Option<String> {
    let interfaces = state.network.iter().flatten().filter(|(name, _)| name.as_ref() != "lo");
    let global: Vec<_> = interfaces
        .flat_map(|(_, interface)| interface.addresses.iter().flatten())
        .filter(|address| address.scope == "global")
        .collect();
    let of = |family: &str| global.iter().find(|address| address.family == family);
    of("inet").or_else(|| of("inet6")).map(|address| address.address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::pretended::{Engine, respond};

    #[tokio::test]
    async fn an_instance_whose_state_cannot_be_told_is_there() {
        let engine = Engine::new(|request, stream| async move {
            let (code, answer) = match request.as_str() {
                "GET /1.0/instances?recursion=2" => (
                    200,
                    r#"{"type":"sync","metadata":[{"name":"codchi-hello","status":"Error","status_code":112,"config":null,"state":null}]}"#,
                ),
                "GET /1.0/instances/codchi-hello" => (
                    200,
                    r#"{"type":"sync","metadata":{"status_code":112,"config":{"user.codchi.role":"machine:hello"}}}"#,
                ),
                _ => (404, r#"{"type":"error","error":"Instance not found"}"#),
            };
            respond(stream, code, answer).await;
        });
        let driver = LxdDriver::new(engine.config()).unwrap();
        let observe = async |name: &str| driver.observe(&Role::of_instance(name).unwrap().instance()).await;
        let alone = observe("codchi-hello").await.unwrap().unwrap();
        assert_eq!(alone.state, InstanceState::Error);
        assert_eq!(driver.list().await.unwrap(), [alone]);
        assert_eq!(observe("codchi-nobody").await.unwrap(), None);
    }

    #[test]
    fn foreign_instances_and_foreign_fields_are_skipped() {
        let answer = r#"[
          {"name":"web","status":"Running","status_code":103,"config":{"user.x":"y"},"state":null,"snapshots":[]},
          {"name":"codchi-unread","status":"Error","status_code":112,"config":null,"state":null},
          {"name":"codchi-web","status_code":103,"config":{},"state":null},
          {"name":"codchi-copy","status_code":102,"config":{"user.codchi.role":"machine:hello"}},
          {"name":"codchi-hello","status_code":103,"last_used_at":"2026-01-02T03:04:05.678901234Z",
           "config":{"user.codchi.role":"machine:hello","user.codchi.image":"ab\n","volatile.last_state.power":"RUNNING"},
           "expanded_devices":{"a":{"b":"c"}},
           "state":{"status":"Running","cpu":{"usage":12},"memory":{"usage":34,"swap_usage":1},"disk":null,
             "network":{"lo":{"addresses":[{"family":"inet","address":"127.0.0.1","netmask":"8","scope":"local"}]},
               "eth0":{"addresses":[{"family":"inet6","address":"fe80::1","netmask":"64","scope":"link"},
                 {"family":"inet6","address":"fd00::1","netmask":"64","scope":"global"},
                 {"family":"inet","address":"10.1.2.3","netmask":"24","scope":"global"}]}}}},
          {"name":"codchi-controller","status_code":110,"last_used_at":"0001-01-01T00:00:00Z",
           "config":{"user.codchi.role":"controller"},"state":{"network":{"eth0":{"addresses":null}},"cpu":{"usage":-1},"memory":null}}
        ]"#;
        let instances: Vec<Instance<'_>> = serde_json::from_str(answer).unwrap();
        let found: Vec<_> = instances.iter().filter_map(observed).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].role.instance().as_str(), "codchi-hello");
        assert_eq!(found[0].state, InstanceState::Running);
        assert_eq!(found[0].address.as_deref(), Some("10.1.2.3"));
        assert_eq!(found[0].since.unwrap().unix_timestamp(), 1_767_323_045);
        assert_eq!(found[0].image.as_deref(), Some("ab\n"));
        assert_eq!(found[1].state, InstanceState::Error);
        assert_eq!(found[1].since, None);
        assert_eq!([found[0].never_started, found[1].never_started], [false, true]);
    }
}
