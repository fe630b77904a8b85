//! The domain of Codchi: code machines, what is wanted of them, what is observed, and the operations that bring one to the other.
//!
//! This crate never names a concrete driver, never runs Nix itself, never prints and never reads the environment. It defines the
//! traits it needs ([`driver::Driver`], [`nix::Nix`]); the crates that implement them depend on it.

pub mod access;
pub mod activity;
pub mod archive;
mod ask;
pub mod capability;
mod check;
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
pub mod host;
mod idle;
pub mod images;
mod import;
mod live;
mod lock;
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
pub mod status;
mod watch;

pub use controller::{Controller, Dialogue, NewMachine, Parts};
pub use duplicate::Duplicate;
pub use export::ExportRequest;
pub use import::ImportRequest;
