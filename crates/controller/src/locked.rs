//! Which machines there are for us, and having one to oneself: whoever changes a machine holds its lock.

use crate::{
    controller::Controller,
    driver::DriverKind,
    error::Error,
    lock,
    machine::{MachineName, MachineSpec},
};

/// A machine on which nobody else works.
pub(crate) struct LockedMachine {
    pub(crate) name: MachineName,
    _held: lock::Held,
}

impl Controller {
    pub(crate) fn exists(&self, name: &MachineName) -> Result<(), Error> {
        if self.machines.names()?.contains(name) {
            Ok(())
        } else {
            Err(Error::MachineNotFound { name: name.clone() })
        }
    }

    pub(crate) fn wanted(&self, name: &MachineName) -> Result<MachineSpec, Error> {
        let spec = self.machines.spec(name)?.ok_or_else(|| Error::MachineNotFound { name: name.clone() })?;
        self.is_here(name, spec.driver)?;
        Ok(spec)
    }

    /// Another engine than the one that keeps a machine knows nothing of it, and must not be taken for the one that does.
    pub(crate) fn is_here(&self, name: &MachineName, driver: DriverKind) -> Result<(), Error> {
        let here = self.driver.kind();
        if driver == here { Ok(()) } else { Err(Error::OtherEngine { machine: name.clone(), driver, here }) }
    }

    /// Whether there is such a machine, on this engine.
    pub(crate) fn exists_here(&self, name: &MachineName) -> Result<(), Error> {
        self.exists(name)?;
        // What can't be read may still be removed, from where it was last built.
        let wanted = self.machines.spec(name).ok().flatten();
        let built = self.machines.record(name).ok().and_then(|record| record.built);
        match wanted.or(built.map(|built| built.spec)) {
            Some(spec) => self.is_here(name, spec.driver),
            None => Ok(()),
        }
    }

    /// Whether the name isn't that of a container without settings. An engine that doesn't answer is asked again before one is made.
    pub(crate) async fn has_no_container(&self, name: &MachineName) -> Result<(), Error> {
        match self.instance(name).await {
            Ok(Some(_)) => Err(Error::WithoutSettings { machine: name.clone() }),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn lock_existing(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        self.exists_here(name)?;
        self.lock(name)
    }

    pub(crate) fn lock(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        let machine = self.lock_whatever(name)?;
        match self.machines.record(name)?.renaming {
            None => Ok(machine),
            Some(renaming) => Err(renaming.unfinished()),
        }
    }

    /// The same, also for one that is being given another name.
    pub(crate) fn lock_whatever(&self, name: &MachineName) -> Result<LockedMachine, Error> {
        match lock::machine(&self.paths, name)? {
            Some(held) => Ok(LockedMachine { name: name.clone(), _held: held }),
            None => {
                let operation = self.machines.record(name)?.last_operation;
                let operation =
                    operation.and_then(|id| self.operations.read(id).ok().flatten()).map(Box::new);
                Err(Error::Busy { machine: name.clone(), operation })
            }
        }
    }
}
