//! Nix for Codchi: flake references, the generated flake, running Nix in the controller, and what its log means.
//!
//! Implements [`codchi_controller::nix::Nix`] over any [`codchi_controller::driver::Driver`]. What the answers mean for a machine is
//! not decided here.

pub mod attr_path;
pub mod flake_ref;
mod nix_string;

pub mod flake;
