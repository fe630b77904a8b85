//! The domain of Codchi: code machines, what is wanted of them, what is observed, and the operations that bring one to the other.
//!
//! This crate never names a concrete driver, never runs Nix itself, never prints and never reads the environment. It defines the
//! traits it needs ([`driver::Driver`], [`nix::Nix`]); the crates that implement them depend on it.

pub mod access;
pub mod activity;
mod build;
pub mod capability;
pub mod containers;
mod controller;
pub mod diagnostics;
pub mod doctor;
pub mod driver;
pub mod error;
pub mod event;
pub mod failure;
pub mod files;
mod history;
pub mod host;
mod host_devices;
mod host_sockets;
mod lifecycle;
mod live;
mod lock;
mod locked;
pub mod machine;
mod moves;
pub mod nix;
pub mod operation;
pub mod secret;
pub mod settings;
mod spawn;
pub mod status;
mod watch;

pub use build::{Dialogue, NewMachine};
pub use containers::images;
pub use controller::{Controller, Parts};
pub use moves::{Duplicate, ExportRequest, ImportRequest, archive};
