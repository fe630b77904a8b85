//! Lifecycle events of our instances, with reconnection.

use std::{sync::Arc, time::Duration};

use codchi_controller::driver::{InstanceEvent, Role};
use futures::{StreamExt, stream::BoxStream};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    rest::{Purpose, Rest},
    websocket::Socket,
    wire::Event,
};

/// The first pause before connecting again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Both engines ping every 10 seconds; one that doesn't for so long is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// The events of the engine behind `rest`. Dropping the stream closes the connection; nothing runs in the background.
pub(crate) fn stream(rest: Arc<Rest>) -> BoxStream<'static, InstanceEvent> {
    let watch = Watch { rest, socket: None, known_lost: false, pause: Duration::ZERO };
    futures::stream::unfold(watch, |mut watch| async move { Some((watch.next().await, watch)) }).boxed()
}

struct Watch {
    rest: Arc<Rest>,
    socket: Option<Socket>,
    /// Whether the listener was told that there is no connection.
    known_lost: bool,
    pause: Duration,
}

impl Watch {
    async fn next(&mut self) -> InstanceEvent {
        loop {
            let Some(socket) = &mut self.socket else {
                if self.connect().await {
                    return InstanceEvent::Resync;
                }
                if !std::mem::replace(&mut self.known_lost, true) {
                    return InstanceEvent::Lost;
                }
                continue;
            };
            match tokio::time::timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Some(role) = changed(&text) {
                        return InstanceEvent::Changed(role);
                    }
                }
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => {
                    self.socket = None;
                    self.known_lost = true;
                    return InstanceEvent::Lost;
                }
                Ok(Some(Ok(_))) => {}
            }
        }
    }

    /// Connects after a pause; whether it worked.
    async fn connect(&mut self) -> bool {
        tokio::time::sleep(self.pause).await;
        let purpose = Purpose::new("watch", "engine", self.rest.flavour.name());
        match self.rest.websocket(self.rest.url(&["events"], &[("type", "lifecycle")]), &purpose).await {
            Ok(socket) => {
                self.socket = Some(socket);
                self.known_lost = false;
                self.pause = FIRST_PAUSE;
                true
            }
            Err(error) => {
                tracing::debug!(%error, "no events");
                self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                false
            }
        }
    }
}

/// Whose state an event of the engine changed; `None` for all that the listener needn't know.
///
/// Whether the instance is really ours shows when it is read; here its name is enough.
fn changed(event: &str) -> Option<Role> {
    let event: Event<'_> = serde_json::from_str(event).ok()?;
    let lasting = [
        "created",
        "deleted",
        "paused",
        "ready",
        "renamed",
        "restarted",
        "restored",
        "resumed",
        "shutdown",
        "started",
        "stopped",
    ];
    let what = event.metadata.action.strip_prefix("instance-")?;
    let path = event.metadata.source.split('?').next()?;
    let name = path.strip_prefix("/1.0/instances/")?;
    lasting.contains(&what).then(|| Role::of_instance(name))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: &str, source: &str) -> Option<Role> {
        let metadata = serde_json::json!({ "action": action, "source": source, "context": { "x": 1 } });
        let event = serde_json::json!({
            "type": "lifecycle", "timestamp": "2026-01-02T03:04:05Z", "metadata": metadata, "location": "none"
        });
        changed(&event.to_string())
    }

    #[test]
    fn only_changes_of_ours_pass() {
        assert_eq!(event("instance-started", "/1.0/instances/codchi-controller"), Some(Role::Controller));
        let stopped = event("instance-stopped", "/1.0/instances/codchi-a?project=foo").unwrap();
        assert_eq!(stopped.instance().as_str(), "codchi-a");
        assert_eq!(event("instance-exec", "/1.0/instances/codchi-a"), None);
        assert_eq!(event("instance-started", "/1.0/instances/web"), None);
        assert_eq!(event("instance-snapshot-created", "/1.0/instances/codchi-a/snapshots/b"), None);
        assert_eq!(event("image-created", "/1.0/images/abc"), None);
        assert_eq!(changed("{"), None);
    }
}
