//! The domain of Codchi: code machines, what is wanted of them, what is observed, and the operations that bring one to the other.
//!
//! This crate never names a concrete driver, never runs Nix itself, never prints and never reads the environment. It defines the
//! traits it needs ([`driver::Driver`], [`nix::Nix`]); the crates that implement them depend on it.

pub mod access;
pub mod activity;
pub mod archive;
mod ask;
mod build;
pub mod capability;
mod check;
mod choose;
pub mod containers;
mod controller;
pub mod diagnostics;
pub mod doctor;
pub mod driver;
mod duplicate;
pub mod error;
pub mod event;
mod export;
pub mod failure;
pub mod files;
mod guest;
mod history;
pub mod host;
mod idle;
pub mod images;
mod import;
mod lifecycle;
mod live;
mod lock;
mod locked;
pub mod machine;
mod moving;
pub mod nix;
pub mod operation;
mod origin;
mod pipeline;
mod rename;
mod roots;
pub mod secret;
pub mod settings;
mod setup;
mod spawn;
pub mod status;
mod watch;

pub use build::{Dialogue, NewMachine};
pub use controller::{Controller, Parts};
pub use duplicate::Duplicate;
pub use export::ExportRequest;
pub use import::ImportRequest;
