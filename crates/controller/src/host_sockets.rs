//! Following the host's sockets: a new session, or a server that was started again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use notify::RecursiveMode;
use tokio::{sync::mpsc::channel, task::JoinHandle};

use crate::{
    capability,
    controller::Controller,
    watch::{Watch, watch},
};

/// How long a server may take from making its socket to listening.
const SETTLING: Duration = Duration::from_secs(1);

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
    /// Follows the sockets that machines were given to where they are now.
    pub(crate) async fn follow_sockets(&self) {
        let (host, links) = (Arc::clone(&self.host), self.paths.sockets());
        let look = move || capability::follow(&*host, &links);
        let moved = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        // Another X server has another cookie.
        if moved.contains(&capability::X11) {
            self.bring_cookies().await;
        }
    }

    /// The sockets that machines could be given and weren't yet.
    async fn unused_sockets(&self) -> BTreeSet<&'static str> {
        let (host, links) = (Arc::clone(&self.host), self.paths.sockets());
        let look = move || capability::unused(&*host, &links);
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

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

/// Follows the sockets that machines were given: now, and whenever something changes where they are. `appeared` is told of one that no
/// machine was given yet.
pub(crate) fn follow(controller: &Arc<Controller>, appeared: impl Fn() + Send + 'static) -> Followed {
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
        // Whether something changed since the last look but one.
        let mut fresh = true;
        let mut unused = BTreeSet::new();
        loop {
            controller.follow_sockets().await;
            let now = controller.unused_sockets().await;
            if !now.is_subset(&unused) {
                appeared();
            }
            unused = now;
            // A server makes its socket first and listens then: what changed is looked at once more a little later.
            let again = std::mem::replace(&mut fresh, false);
            let told = match again {
                true => tokio::time::timeout(SETTLING, changed.recv()).await,
                false => Ok(changed.recv().await),
            };
            match told {
                Ok(Some(())) => fresh = true,
                Ok(None) => return,
                Err(_) => {}
            }
        }
    });
    Followed { task, _watches: watches }
}
