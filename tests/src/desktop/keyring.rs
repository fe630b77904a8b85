//! The desktop's keyring, locked and unlocked as its user does it: the Secret Service
//! (<https://specifications.freedesktop.org/secret-service-spec/latest/>) and what gnome-keyring has beyond it.

use zbus::{
    Connection, connection,
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value},
};

const NAME: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";

/// What unlocks it.
const PASSWORD: &str = "password";

/// The keyring of a desktop.
pub struct Keyring {
    bus: Connection,
}

impl Keyring {
    pub(super) async fn new(address: &str) -> Self {
        let bus = connection::Builder::address(address).unwrap().build().await.expect("the session bus");
        Self { bus }
    }

    /// Locks it.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn lock(&self) {
        let collections = vec![ObjectPath::from_static_str_unchecked(COLLECTION)];
        self.bus.call_method(Some(NAME), PATH, Some(SERVICE), "Lock", &collections).await.unwrap();
    }

    /// Unlocks it, without a prompt.
    ///
    /// # Panics
    /// When it refuses.
    pub async fn unlock(&self) {
        let plain = ("plain", Value::from(""));
        let reply =
            self.bus.call_method(Some(NAME), PATH, Some(SERVICE), "OpenSession", &plain).await.unwrap();
        let (_, session): (OwnedValue, OwnedObjectPath) = reply.body().deserialize().unwrap();
        let secret = (session, Vec::<u8>::new(), PASSWORD.as_bytes().to_vec(), "text/plain");
        let collection = ObjectPath::from_static_str_unchecked(COLLECTION);
        let internal = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        let body = (collection, secret);
        let method = "UnlockWithMasterPassword";
        self.bus.call_method(Some(NAME), PATH, Some(internal), method, &body).await.unwrap();
    }
}
