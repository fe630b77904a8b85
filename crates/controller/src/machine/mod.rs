//! Code machines as they are wanted: names, specifications and their files. What is observed of them is in [`crate::status`].

mod name;
mod spec;
mod store;

pub use name::{MAX_LEN, MachineName, NameError};
pub use spec::{MachineSpec, ModuleSpec, NixpkgsChoice};
pub(crate) use store::{Built, MachineRecord, MachineStore, Switching};
