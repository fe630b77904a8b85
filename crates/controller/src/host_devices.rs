//! Following the host's devices: graphics cards, cameras and what kernel modules make come and go while machines run.
//!
//! USB devices aren't followed here: an engine does that itself.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use tokio::task::JoinHandle;

use crate::{
    controller::Controller,
    driver::{InstanceState, Role},
    error::Error,
    machine::MachineName,
};

/// How long changes are gathered: a device is several, one after the other.
const GATHER: Duration = Duration::from_millis(200);

/// Devices are followed until it is dropped.
pub(crate) struct Followed {
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Controller {
    /// Gives the machines that run what the host has for them now, and takes away what it hasn't any more.
    async fn follow_devices(&self) {
        let machines = match self.running_with_capabilities().await {
            Ok(machines) => machines,
            // Each machine is given what there is when it starts.
            Err(error) => return tracing::debug!(%error, "devices aren't followed"),
        };
        for machine in machines {
            if let Err(error) = self.configure_machine(&machine).await {
                tracing::warn!(%machine, %error, "it isn't given what devices there are now");
            }
        }
    }

    /// The machines that run and ask for something of the host.
    async fn running_with_capabilities(&self) -> Result<Vec<MachineName>, Error> {
        let mut asking = self.known_machines()?;
        asking.retain(|machine| {
            let given = machine.record.given();
            !given.capabilities.is_empty() || !given.optional_capabilities.is_empty()
        });
        if asking.is_empty() {
            return Ok(vec![]);
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

/// Follows the host's devices: now, and whenever one comes or goes.
pub(crate) fn follow(controller: &Arc<Controller>) -> Followed {
    let mut changes = controller.host.device_changes();
    let controller = Arc::clone(controller);
    let task = tokio::spawn(async move {
        loop {
            controller.follow_devices().await;
            if changes.next().await.is_none() {
                return;
            }
            // What comes while it waits is looked at with the first.
            while let Ok(Some(())) = tokio::time::timeout(GATHER, changes.next()).await {}
            controller.look_again();
        }
    });
    Followed { task }
}
