//! Nix for Codchi: flake references, the generated flake, running Nix in the controller, and what its log means.
//!
//! Implements [`codchi_controller::nix::Nix`] over any [`codchi_controller::driver::Driver`]. What the answers mean for a machine is
//! not decided here.

pub mod attr_path;
mod controller;
pub mod diagnose;
pub mod flake;
pub mod flake_ref;
pub mod log;
mod nix_string;
pub mod sanitize;

pub use controller::ControllerNix;
