//! Following the host's sockets while we run: a new session, or a server that was started again.

use std::sync::Arc;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{sync::mpsc::channel, task::JoinHandle};

use crate::{capability, controller::Controller};

/// Sockets are followed until it is dropped.
pub(crate) struct Followed {
    task: JoinHandle<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Follows the sockets that machines were given: now, and whenever something changes where they are. Where the system can't tell, they
/// are followed when a machine is started.
pub(crate) fn follow(controller: &Arc<Controller>) -> Followed {
    // One look is enough for all changes that came before it.
    let (tell, mut changed) = channel(1);
    let watcher = notify::recommended_watcher(move |_| {
        let _ = tell.try_send(());
    });
    let watcher = watcher.inspect_err(|error| tracing::warn!(%error, "can't watch the session's sockets"));
    let mut watcher = watcher.ok();
    for place in capability::places(&*controller.host) {
        if let Some(watcher) = &mut watcher
            && let Err(error) = watcher.watch(&place, RecursiveMode::NonRecursive)
        {
            tracing::debug!(place = %place.display(), %error, "can't watch");
        }
    }
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
    Followed { task, _watcher: watcher }
}
