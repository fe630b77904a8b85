//! An instance of the app that is about to end, as others on the bus see it.

use futures::StreamExt as _;
use zbus::{Connection, MessageStream, connection, message::Type};

use super::{Desktop, PATIENCE, eventually};

/// The name of the first instance, by which `tauri-plugin-single-instance` finds it.
const NAME: &str = "dev.codchi.app.SingleInstance";

/// It has the name and answers nothing.
pub struct Leaving {
    bus: Connection,
}

impl Leaving {
    /// Takes the name of the first instance, as soon as one that ends has left it.
    ///
    /// # Panics
    /// When one stays.
    pub async fn new(desktop: &Desktop) -> Self {
        let address = desktop.env()["DBUS_SESSION_BUS_ADDRESS"].as_str();
        let bus = connection::Builder::address(address).unwrap().build().await.expect("the session bus");
        eventually("no instance runs", async || bus.request_name(NAME).await.ok()).await;
        Self { bus }
    }

    /// Leaves as soon as another instance tells it its arguments.
    ///
    /// # Panics
    /// When none does in time.
    pub async fn leave_when_told(self) {
        let told = async {
            let mut messages = MessageStream::from(&self.bus);
            while let Some(message) = messages.next().await {
                if message.unwrap().message_type() == Type::MethodCall {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("another instance comes");
        self.bus.close().await.unwrap();
    }
}
