//! Machines from machines: copies, other names, and files that they are written into and come back from.

pub mod archive;
mod duplicate;
mod export;
mod import;
pub(crate) mod origin;
pub(crate) mod rename;

pub use duplicate::Duplicate;
pub use export::ExportRequest;
pub use import::ImportRequest;
