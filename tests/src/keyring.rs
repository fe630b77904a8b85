//! Locking and unlocking a real gnome-keyring, as its user does in another program.

use std::collections::HashMap;

use zbus::{
    Connection,
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value},
};

use crate::session::PASSWORD;

const SERVICE: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const DEFAULT: &str = "/org/freedesktop/secrets/aliases/default";

/// A keyring on a bus.
pub struct Keyring {
    bus: Connection,
}

impl Keyring {
    /// The one on the bus with this address.
    ///
    /// # Panics
    /// When there is no such bus.
    pub async fn at(address: &str) -> Self {
        Self { bus: zbus::connection::Builder::address(address).unwrap().build().await.unwrap() }
    }

    /// Locks the default collection.
    ///
    /// # Panics
    /// When the keyring refuses.
    pub async fn lock(&self) {
        let paths = vec![ObjectPath::try_from(DEFAULT).unwrap()];
        let interface = Some("org.freedesktop.Secret.Service");
        self.bus.call_method(Some(SERVICE), ROOT, interface, "Lock", &paths).await.unwrap();
    }

    /// Unlocks it with its password, without the prompt, which needs a desktop's prompter.
    ///
    /// # Panics
    /// When the keyring refuses.
    pub async fn unlock(&self) {
        let interface = Some("org.freedesktop.Secret.Service");
        let plain = ("plain", Value::from(""));
        let opened =
            self.bus.call_method(Some(SERVICE), ROOT, interface, "OpenSession", &plain).await.unwrap();
        let (_, session): (OwnedValue, OwnedObjectPath) = opened.body().deserialize().unwrap();
        let secret = (&session, Vec::<u8>::new(), PASSWORD.as_bytes().to_vec(), "text/plain");
        let collection = ObjectPath::try_from(DEFAULT).unwrap();
        let internal = Some("org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface");
        let call = (collection, secret);
        self.bus.call_method(Some(SERVICE), ROOT, internal, "UnlockWithMasterPassword", &call).await.unwrap();
    }

    /// The values of ours that are in it, by their users' names: `machine/NAME/SECRET`.
    ///
    /// # Panics
    /// When the keyring refuses.
    pub async fn entries(&self) -> Vec<String> {
        let interface = Some("org.freedesktop.Secret.Service");
        let ours = HashMap::from([("service", "codchi")]);
        let found = self.bus.call_method(Some(SERVICE), ROOT, interface, "SearchItems", &ours).await.unwrap();
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            found.body().deserialize().unwrap();
        let mut names = Vec::new();
        for item in unlocked.into_iter().chain(locked) {
            let property = ("org.freedesktop.Secret.Item", "Attributes");
            let properties = Some("org.freedesktop.DBus.Properties");
            let got = self.bus.call_method(Some(SERVICE), &item, properties, "Get", &property).await.unwrap();
            let value: OwnedValue = got.body().deserialize().unwrap();
            let attributes: HashMap<String, String> = value.try_into().unwrap();
            names.extend(attributes.get("username").cloned());
        }
        names.sort();
        names
    }
}
