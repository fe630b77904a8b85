//! Following the host's devices: graphics cards, cameras and what kernel modules make come and go while machines run.
//!
//! USB devices aren't followed here: an engine does that itself.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::{
    sync::mpsc::{Sender, channel},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    controller::Controller,
    driver::{InstanceState, Role},
    error::Error,
    lock,
    machine::MachineName,
    secret::HostSecret,
};

/// How long changes are gathered: a device is several, one after the other.
const GATHER: Duration = Duration::from_millis(200);

/// How long they are gathered at most.
const GATHER_AT_MOST: Duration = Duration::from_secs(2);

/// When it is looked once more: for machines that were worked on, and for nodes that a program makes after the kernel told of a device.
const LATER: Duration = Duration::from_secs(1);

/// Devices are followed until it is dropped.
pub(crate) struct Followed {
    task: JoinHandle<()>,
    look: Sender<()>,
}

impl Followed {
    /// What looks at all machines that run: any of them may lack what has come.
    pub(crate) fn look(&self) -> impl Fn() + Send + 'static {
        let look = self.look.clone();
        move || {
            // One look is enough for all that came before it.
            let _ = look.try_send(());
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controller {
    /// Gives these machines what the host has for them now, and takes away what it hasn't any more. Returns those that somebody works on.
    async fn follow_devices(&self, machines: BTreeSet<MachineName>) -> BTreeSet<MachineName> {
        let mut busy = BTreeSet::new();
        for machine in machines {
            match self.give_devices(&machine).await {
                Ok(true) => {}
                Ok(false) => drop(busy.insert(machine)),
                // It is given what there is when it starts.
                Err(error) => tracing::warn!(%machine, %error, "it isn't given what devices there are now"),
            }
        }
        busy
    }

    /// The same for one; false when somebody works on it.
    async fn give_devices(&self, name: &MachineName) -> Result<bool, Error> {
        let Some(_alone) = lock::machine(&self.paths, name)? else { return Ok(false) };
        let Some(images) = self.images.as_ref().filter(|_| self.exists(name).is_ok()) else {
            return Ok(true);
        };
        let instance = self.instance(name).await?;
        let runs = instance.is_some_and(|instance| instance.state == InstanceState::Running);
        if !runs || self.machines.record(name)?.idle {
            return Ok(true);
        }
        loop {
            let record = self.machines.record(name)?;
            let spec = self.machine_spec(name, &record.given(), &images.machine.image)?;
            self.driver.configure(&spec).await?;
            // Answers are given without the machine's lock: the last word is theirs.
            if self.machine_spec(name, &record.given(), &images.machine.image)? == spec {
                return Ok(true);
            }
        }
    }

    /// The machines that run and ask for something of the host.
    async fn running_with_capabilities(&self) -> Result<BTreeSet<MachineName>, Error> {
        let mut asking = self.known_machines()?;
        asking.retain(|machine| {
            let given = machine.record.given();
            let asks = !given.capabilities.is_empty() || !given.optional_capabilities.is_empty();
            asks || given.wanted_host_secrets().contains(&HostSecret::SshAgent)
        });
        if asking.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut running = self.driver.instances().await?;
        running.retain(|instance| instance.state == InstanceState::Running);
        let names = asking.into_iter().map(|machine| machine.name);
        let runs = |name: &MachineName| {
            running.iter().any(|instance| matches!(&instance.role, Role::Machine(one) if one == name))
        };
        Ok(names.filter(runs).collect())
    }
}

/// Follows the host's devices: whenever one comes or goes, and when it is told to look.
pub(crate) fn follow(controller: &Arc<Controller>) -> Followed {
    let (look, told) = channel(1);
    let mut changes = stream::select(controller.host.device_changes(), ReceiverStream::new(told));
    let controller = Arc::clone(controller);
    let task = tokio::spawn(async move {
        // Whether it is looked once more, and at which machines if nothing changes meanwhile.
        let (mut once_more, mut busy) = (false, BTreeSet::new());
        loop {
            let change = match once_more || !busy.is_empty() {
                true => timeout(LATER, changes.next()).await,
                false => Ok(changes.next().await),
            };
            let is_new = match change {
                Ok(Some(())) => true,
                Ok(None) => return,
                Err(_) => false,
            };
            if is_new {
                let gather = async { while let Ok(Some(())) = timeout(GATHER, changes.next()).await {} };
                let _ = timeout(GATHER_AT_MOST, gather).await;
                controller.look_again();
            }
            let machines = match is_new || once_more {
                // An engine that doesn't answer now is followed by a look when it does.
                true => controller.running_with_capabilities().await.unwrap_or_default(),
                false => std::mem::take(&mut busy),
            };
            once_more = is_new;
            busy = controller.follow_devices(machines).await;
        }
    });
    Followed { task, look }
}
