//! What the controller still has of machines that were deleted, and of repositories that no machine is made of any more. Nobody else uses
//! the controller while it is removed.

use std::collections::BTreeSet;

use super::setup::Need;
use crate::{controller::Controller, driver::Role, error::Error, lock::ControllerLock, machine::MachineName};

impl Controller {
    /// Removes both.
    pub(crate) async fn forget_deleted(&self) -> Result<(), Error> {
        let mut known: BTreeSet<MachineName> = self.machines.names()?.into_iter().collect();
        // A machine whose settings were lost or that is being renamed is still there.
        let roles = self.driver.instances().await?.into_iter().map(|instance| instance.role);
        known.extend(roles.filter_map(|role| match role {
            Role::Machine(name) => Some(name),
            Role::Controller => None,
        }));
        self.nix.forget_others(&known).await?;
        if let Err(error) = self.forget_repositories().await {
            tracing::warn!(%error, "what is kept of repositories that no machine is made of is still there");
        }
        Ok(())
    }

    /// Removes what belongs to repositories, if nobody uses the controller now. Else whoever starts it does, or whoever comes here next.
    pub(crate) async fn forget_repositories_if_unused(&self) {
        let forget = async {
            match ControllerLock::new(&self.paths).try_exclusive()? {
                Some(_alone) if self.controller_need().await? == Need::Nothing => {
                    self.forget_repositories().await
                }
                _ => Ok(()),
            }
        };
        if let Err(error) = forget.await {
            tracing::warn!(%error, "what is kept of repositories that no machine is made of is still there");
        }
    }

    /// None is removed while the settings of a machine can't be read: what it is made of isn't known.
    async fn forget_repositories(&self) -> Result<(), Error> {
        let specs = self.machines.names()?.into_iter().map(|name| self.machines.spec(&name));
        let specs = specs.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
        Ok(self.nix.forget_repositories(&specs).await?)
    }
}
