//! A notification daemon that keeps what it is told and lets a test click it: `org.freedesktop.Notifications`
//! (<https://specifications.freedesktop.org/notification-spec/latest/protocol.html>).

use std::collections::HashMap;

use tokio::sync::watch;
use zbus::{Connection, connection, interface, object_server::SignalEmitter, zvariant::OwnedValue};

use super::PATIENCE;

const PATH: &str = "/org/freedesktop/Notifications";

/// A notification daemon.
pub struct Notifications {
    bus: Connection,
    shown: watch::Receiver<Vec<Notification>>,
}

/// A notification as it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    id: u32,
    /// Whose it is.
    pub app: String,
    /// The line in bold.
    pub summary: String,
    /// The text below it.
    pub body: String,
    /// The keys of its actions.
    pub actions: Vec<String>,
}

struct Daemon {
    shown: watch::Sender<Vec<Notification>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[allow(clippy::too_many_arguments, reason = "the protocol's")]
    fn notify(
        &mut self,
        app_name: String,
        replaces_id: u32,
        _app_icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire_timeout: i32,
    ) -> u32 {
        let mut id = replaces_id;
        self.shown.send_modify(|shown| {
            id = if id == 0 { u32::try_from(shown.len()).unwrap() + 1 } else { id };
            let actions = actions.into_iter().step_by(2).collect();
            shown.push(Notification { id, app: app_name, summary, body, actions });
        });
        id
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<&str> {
        vec!["actions", "body", "body-markup"]
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("tests", "Codchi", "1", "1.2")
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action_key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}

impl Notifications {
    pub(super) async fn new(address: &str) -> Self {
        let (shown, seen) = watch::channel(vec![]);
        let bus = connection::Builder::address(address)
            .unwrap()
            .serve_at(PATH, Daemon { shown })
            .unwrap()
            .name("org.freedesktop.Notifications")
            .unwrap()
            .build()
            .await
            .expect("the session bus");
        Self { bus, shown: seen }
    }

    /// All that were shown so far.
    pub fn all(&self) -> Vec<Notification> {
        self.shown.borrow().clone()
    }

    /// Waits for a notification with this line after the first so many.
    ///
    /// # Panics
    /// When it isn't shown in time.
    pub async fn wait_for_more(&self, before: usize, summary: &str) -> Notification {
        let is_it = |each: &&Notification| each.summary == summary;
        let mut shown = self.shown.clone();
        let found = shown.wait_for(|shown| shown.iter().skip(before).any(|each| is_it(&each)));
        let Ok(found) = tokio::time::timeout(PATIENCE, found).await else {
            panic!("no notification {summary:?}, but {:?}", self.all());
        };
        let found = found.expect("the daemon runs");
        found.iter().skip(before).find(is_it).expect("it was just there").clone()
    }

    /// Clicks a notification as a user does.
    ///
    /// # Panics
    /// When it has nothing that a click does.
    pub async fn click(&self, notification: &Notification) {
        assert!(notification.actions.iter().any(|key| key == "default"), "{notification:?} can't be clicked");
        let emitter = SignalEmitter::new(&self.bus, PATH).unwrap();
        Daemon::action_invoked(&emitter, notification.id, "default").await.unwrap();
        // 2: dismissed by the user.
        Daemon::notification_closed(&emitter, notification.id, 2).await.unwrap();
    }
}
