//! What users keep in their machines (`result` of a build, direnv's profiles) keeps its paths in the store: the controller sees the
//! machines' roots, and `ctrl-serve roots` there follows the links in them.
//!
//! Not every storage pool and project of an engine can show them. Builds and machines work all the same; only the collection of garbage
//! is refused then, see `doctor/collect`.

use std::collections::BTreeSet;

use crate::{
    containers,
    controller::Controller,
    driver::{Device, DriverError, Role},
    error::Error,
    machine::MachineName,
};

impl Controller {
    /// Shows a machine's root to the controller. Once more after its first start: how the owners of its files are kept is settled then.
    pub(crate) async fn show_root(&self, machine: &MachineName) {
        let Device::InstanceRoot { of, path } = containers::root_in_controller(machine) else { return };
        if let Err(error) = self.driver.attach_root(&Role::Controller.instance(), &of, &path).await {
            tracing::warn!(%machine, %error, "the controller doesn't see its files");
        }
    }

    /// Takes a machine's root out of the controller, before its container goes away or becomes another one.
    ///
    /// # Errors
    /// When the engine refuses. A controller that isn't there sees nothing.
    pub(crate) async fn hide_root(&self, machine: &MachineName) -> Result<(), DriverError> {
        let of = Role::Machine(machine.clone()).instance();
        match self.driver.detach_root(&Role::Controller.instance(), &of).await {
            Err(DriverError::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Keeps what the machines keep now, and says whose files are seen. The controller must run.
    ///
    /// # Errors
    /// When the controller can't.
    pub(crate) async fn keep_roots(&self) -> Result<BTreeSet<String>, Error> {
        let command = containers::in_controller(["/bin/ctrl-serve", "roots"]);
        let output = self.driver.exec(&Role::Controller.instance(), command).await?.output().await?;
        if output.code != 0 {
            let report = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::RootsUnknown { report });
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}
