//! The Secret Service of the session's bus (<https://specifications.freedesktop.org/secret-service/>): whether it is there, whether
//! its default collection is open, and its prompt. Reading and writing entries is the keyring crates' part.

use std::{collections::HashMap, time::Duration};

use codchi_controller::secret::{StoreError, StoreKind, StoreState};
use futures::StreamExt as _;
use zbus::{
    Connection, MatchRule, MessageStream,
    fdo::DBusProxy,
    names::{BusName, WellKnownName},
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value},
};

pub(super) use zbus_secret_service_keyring_store::Store;

/// An entry takes a value of any size.
pub(super) const LIMIT: Option<usize> = None;

/// Whether entries can be given a label.
pub(super) const LABELS: bool = true;

const SECRETS: &str = "org.freedesktop.secrets";
const NAME: WellKnownName<'static> = WellKnownName::from_static_str_unchecked(SECRETS);

/// How long the bus, the service and its start may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the service names "none" where it must give a path.
const NOTHING: &str = "/";

#[zbus::proxy(
    interface = "org.freedesktop.Secret.Service",
    default_service = "org.freedesktop.secrets",
    default_path = "/org/freedesktop/secrets",
    gen_blocking = false
)]
trait Service {
    fn read_alias(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn unlock(&self, objects: &[ObjectPath<'_>]) -> zbus::Result<(Vec<OwnedObjectPath>, OwnedObjectPath)>;
    fn create_collection(
        &self,
        properties: HashMap<&str, Value<'_>>,
        alias: &str,
    ) -> zbus::Result<(OwnedObjectPath, OwnedObjectPath)>;
}

#[zbus::proxy(
    interface = "org.freedesktop.Secret.Collection",
    default_service = "org.freedesktop.secrets",
    gen_blocking = false
)]
trait Collection {
    #[zbus(property(emits_changed_signal = "false"))]
    fn locked(&self) -> zbus::Result<bool>;
}

#[zbus::proxy(
    interface = "org.freedesktop.Secret.Prompt",
    default_service = "org.freedesktop.secrets",
    gen_blocking = false
)]
trait Prompt {
    fn prompt(&self, window: &str) -> zbus::Result<()>;
    #[zbus(signal)]
    fn completed(&self, dismissed: bool, result: OwnedValue) -> zbus::Result<()>;
}

/// How the default collection is. One that isn't there is made by unlocking.
pub(super) async fn state() -> StoreState {
    let looked = async {
        let Some(bus) = service_bus().await else { return Ok(StoreState::Absent) };
        Ok::<_, zbus::Error>(match default_collection(&bus).await? {
            Some(collection) if !is_locked(&bus, &collection).await? => StoreState::Ready,
            _ => StoreState::Locked,
        })
    };
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(state)) => state,
        Ok(Err(_)) | Err(_) => StoreState::Absent,
    }
}

/// Raises the service's prompt where it is needed and waits until the user has answered.
pub(super) async fn unlock() -> Result<(), StoreError> {
    let kind = StoreKind::Keyring;
    let failed = |error: zbus::Error| StoreError::Failed {
        action: "unlock the keyring".into(),
        reason: error.to_string(),
    };
    let bus = tokio::time::timeout(PATIENCE, service_bus()).await.ok().flatten();
    let bus = bus.ok_or(StoreError::Absent { kind })?;
    let service = ServiceProxy::new(&bus).await.map_err(failed)?;
    let prompt = match default_collection(&bus).await.map_err(failed)? {
        Some(collection) => service.unlock(&[collection.as_ref()]).await.map_err(failed)?.1,
        None => {
            let label = HashMap::from([("org.freedesktop.Secret.Collection.Label", Value::from("Login"))]);
            service.create_collection(label, "default").await.map_err(failed)?.1
        }
    };
    if prompt.as_str() != NOTHING && !ask(&bus, &prompt).await.map_err(failed)? {
        return Err(StoreError::Denied { kind });
    }
    match state().await {
        StoreState::Ready => Ok(()),
        StoreState::Locked => Err(StoreError::Locked { kind }),
        StoreState::Absent => Err(StoreError::Absent { kind }),
    }
}

/// Returns when the default collection is open. Where the bus can't be listened to, never.
pub(super) async fn opened() {
    if wait_until_opened().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn wait_until_opened() -> zbus::Result<()> {
    let bus = Connection::session().await?;
    // A collection that changes, appears or is the default now, and a service that comes.
    let changes = |rule: MatchRule<'static>| MessageStream::for_match_rule(rule, &bus, None);
    let rule = || MatchRule::builder().msg_type(zbus::message::Type::Signal);
    let service = rule().interface("org.freedesktop.Secret.Service")?.build();
    let properties = rule()
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")?
        .path_namespace("/org/freedesktop/secrets")?
        .build();
    let owner = rule().sender("org.freedesktop.DBus")?.member("NameOwnerChanged")?.arg(0, SECRETS)?.build();
    let mut changed = futures::stream::select_all([
        changes(service).await?,
        changes(properties).await?,
        changes(owner).await?,
    ]);
    while state().await != StoreState::Ready {
        if changed.next().await.is_none() {
            return Err(zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::BrokenPipe.into())));
        }
    }
    Ok(())
}

/// Shows a prompt. False when the user dismisses it, or the service ends before they answer.
async fn ask(bus: &Connection, path: &OwnedObjectPath) -> zbus::Result<bool> {
    let prompt = PromptProxy::new(bus, path).await?;
    let mut completed = prompt.receive_completed().await?;
    let dbus = DBusProxy::new(bus).await?;
    let mut owners = dbus.receive_name_owner_changed_with_args(&[(0, NAME.as_str())]).await?;
    prompt.prompt("").await?;
    tokio::select! {
        answer = completed.next() => Ok(match answer {
            Some(answer) => !answer.args()?.dismissed,
            None => false,
        }),
        _ = owners.next() => Ok(false),
    }
}

/// The session's bus, where a Secret Service is on it or can be started by it.
async fn service_bus() -> Option<Connection> {
    let bus = Connection::session().await.ok()?;
    let dbus = DBusProxy::new(&bus).await.ok()?;
    if dbus.name_has_owner(BusName::WellKnown(NAME)).await.ok()? {
        return Some(bus);
    }
    let startable = dbus.list_activatable_names().await.ok()?;
    if !startable.iter().any(|name| name.as_str() == NAME.as_str()) {
        return None;
    }
    dbus.start_service_by_name(NAME, 0).await.ok()?;
    Some(bus)
}

async fn default_collection(bus: &Connection) -> zbus::Result<Option<OwnedObjectPath>> {
    let path = ServiceProxy::new(bus).await?.read_alias("default").await?;
    Ok((path.as_str() != NOTHING).then_some(path))
}

async fn is_locked(bus: &Connection, collection: &OwnedObjectPath) -> zbus::Result<bool> {
    CollectionProxy::new(bus, collection).await?.locked().await
}
