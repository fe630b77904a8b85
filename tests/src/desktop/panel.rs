//! The part of a panel that shows tray icons: `org.kde.StatusNotifierWatcher`
//! (<https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/StatusNotifierWatcher/>).

use futures::StreamExt as _;
use tokio::sync::watch;
use zbus::{
    Connection, connection, fdo::DBusProxy, interface, message::Header, object_server::SignalEmitter,
};

use super::{eventually, tray::Tray};

const NAME: &str = "org.kde.StatusNotifierWatcher";

/// A panel.
pub struct Panel {
    bus: Connection,
    items: watch::Receiver<Vec<Item>>,
}

/// Where an icon's object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) owner: String,
    pub(super) path: String,
}

struct Watcher {
    items: watch::Sender<Vec<Item>>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    async fn register_status_notifier_item(
        &mut self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        // Some give their path, others their name.
        let item = if service.starts_with('/') {
            Item { owner: sender, path: service.to_owned() }
        } else {
            Item { owner: sender, path: "/StatusNotifierItem".to_owned() }
        };
        let told = format!("{}{}", item.owner, item.path);
        self.items.send_modify(|items| items.push(item));
        emitter.status_notifier_item_registered(&told).await?;
        Ok(())
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.borrow().iter().map(|item| format!("{}{}", item.owner, item.path)).collect()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, service: &str) -> zbus::Result<()>;
}

impl Panel {
    pub(super) async fn new(address: &str) -> Self {
        let (items, shown) = watch::channel(vec![]);
        let watcher = Watcher { items: items.clone() };
        let bus = connection::Builder::address(address)
            .unwrap()
            .serve_at("/StatusNotifierWatcher", watcher)
            .unwrap()
            .name(NAME)
            .unwrap()
            .build()
            .await
            .expect("the session bus");
        let mut owners = DBusProxy::new(&bus).await.unwrap().receive_name_owner_changed().await.unwrap();
        tokio::spawn(async move {
            while let Some(change) = owners.next().await {
                let Ok(change) = change.args() else { continue };
                if change.new_owner.is_none() {
                    items.send_modify(|items| items.retain(|item| item.owner != change.name.as_str()));
                }
            }
        });
        Self { bus, items: shown }
    }

    /// Waits for the icon of a program.
    ///
    /// # Panics
    /// When there is none in time.
    pub async fn icon_of(&self, process: u32) -> Tray {
        let bus = DBusProxy::new(&self.bus).await.unwrap();
        let item = eventually("a tray icon", async || {
            let items = self.items.borrow().clone();
            for item in items {
                let owner = item.owner.as_str().try_into().unwrap();
                if bus.get_connection_unix_process_id(owner).await.ok() == Some(process) {
                    return Some(item);
                }
            }
            None
        });
        Tray::new(self.bus.clone(), item.await).await
    }

    /// Waits until there are no icons.
    ///
    /// # Panics
    /// When one still is there after some time.
    pub async fn wait_for_none(&self) {
        eventually("no icon in the panel", async || (self.icons() == 0).then_some(())).await;
    }

    /// How many icons there are.
    pub fn icons(&self) -> usize {
        self.items.borrow().len()
    }

    /// Takes the panel away, as on a desktop that shows no tray icons, until it is put back.
    ///
    /// # Panics
    /// When the bus is gone.
    pub async fn take_away(&self) {
        self.bus.release_name(NAME).await.unwrap();
    }

    /// Puts the panel back.
    ///
    /// # Panics
    /// When the bus is gone.
    pub async fn put_back(&self) {
        self.bus.request_name(NAME).await.unwrap();
    }
}
