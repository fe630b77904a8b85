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
            let controller = Arc::clone(&controller);
            let look = move || capability::follow(&*controller.host, &controller.paths.sockets());
            if tokio::task::spawn_blocking(look).await.is_err() || changed.recv().await.is_none() {
                return;
            }
        }
    });
    Followed { task, _watches: watches }
}
