//! Following the host's sockets while we run: a new session, or a server that was started again.

use std::sync::Arc;

use notify::RecursiveMode;
use tokio::{sync::mpsc::channel, task::JoinHandle};

use crate::{
    capability,
    controller::Controller,
    watch::{Watch, watch},
};

/// Sockets are followed until it is dropped.
pub(crate) struct Followed {
    task: JoinHandle<()>,
    _watches: Vec<Watch>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controller {
    /// Brings the display's cookie to the machines that run and were given the display.
    async fn bring_cookies(&self) {
        for machine in self.known_machines().unwrap_or_default() {
            let answers = self.machines.answers(&machine.name).unwrap_or_default();
            if capability::display_cookie(&*self.host, &machine.record.requirements, &answers).is_none() {
                continue;
            }
            if let Err(error) = self.deliver_if_running(&machine.name).await {
                tracing::warn!(machine = %machine.name, %error, "the display's cookie isn't brought");
            }
        }
    }
}

/// Follows the sockets that machines were given: now, and whenever something changes where they are.
pub(crate) fn follow(controller: &Arc<Controller>) -> Followed {
    // One look is enough for all changes that came before it.
    let (tell, mut changed) = channel(1);
    let watch_place = |place: std::path::PathBuf| {
        let tell = tell.clone();
        watch(&place, RecursiveMode::NonRecursive, move |_| {
            let _ = tell.try_send(());
        })
        .inspect_err(|error| tracing::debug!(place = %place.display(), %error, "can't watch"))
        .ok()
    };
    let watches = capability::places(&*controller.host).into_iter().filter_map(watch_place).collect();
    let controller = Arc::clone(controller);
    let task = tokio::spawn(async move {
        loop {
            let looking = Arc::clone(&controller);
            let look = move || capability::follow(&*looking.host, &looking.paths.sockets());
            let Ok(moved) = tokio::task::spawn_blocking(look).await else { return };
            // Another X server has another cookie.
            if moved.contains(&capability::X11) {
                controller.bring_cookies().await;
            }
            if changed.recv().await.is_none() {
                return;
            }
        }
    });
    Followed { task, _watches: watches }
}
