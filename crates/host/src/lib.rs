//! This computer: where files are, which engine there is, what the environment says. The composition root, where the domain gets
//! its driver and its Nix.
//!
//! The only crate that reads environment variables. It decides nothing about machines and shows nothing.

mod access;
mod developer_log;
mod device_events;
mod engine;
mod environment;
mod error;
mod found_driver;
mod memory;
mod paths;
mod secrets;
mod this_host;

use std::sync::Arc;

use codchi_api::Api;
use codchi_controller::{Controller, Parts, driver::Driver, operation::Door};
use codchi_nix::ControllerNix;

use found_driver::FoundDriver;

pub use access::ThisUser;
pub use developer_log::keep_developer_log;
pub use environment::Environment;
pub use error::HostError;
pub use paths::paths;
pub use secrets::secret_stores;
pub use this_host::ThisHost;

/// The git of this computer, which reads repositories that only this user can see. Looked up in `PATH`.
const GIT: &str = "git";

/// Opens Codchi as this process' environment says, for one door. Must be called within a tokio runtime. Succeeds also when no engine
/// is there: what needs it then says so.
///
/// # Errors
/// When the environment makes no sense or there is nowhere to keep files.
pub fn open(door: Door) -> Result<Api, HostError> {
    let api = open_in(&Environment::of_process(), door)?;
    memory::protect(door);
    Ok(api)
}

/// [`open`] in another environment.
///
/// # Errors
/// As [`open`].
pub fn open_in(environment: &Environment, door: Door) -> Result<Api, HostError> {
    let paths = paths(environment)?;
    keep_developer_log(environment, &paths.data);
    let driver: Arc<dyn Driver> = Arc::new(FoundDriver::new(environment)?);
    let nix = Arc::new(ControllerNix::new(Arc::clone(&driver), GIT));
    let images = paths::images(environment);
    let stores = secret_stores(environment, &paths.data).into();
    let user = Arc::new(ThisUser::new(environment.clone(), GIT));
    let host = Arc::new(ThisHost::new(environment.clone()));
    let sealer = Arc::new(codchi_secrets::AgeSealer);
    let controller = Controller::new(Parts { paths, images, driver, nix, stores, sealer, user, host })?;
    Ok(Api::new(controller, door, environment.path("CODCHI_SAMPLES")))
}
