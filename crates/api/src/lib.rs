//! The one door behind all doors: every command that the window, the tray and the command line offer, with its types.
//!
//! No rendering, no argument parsing, no tauri; and no decisions: those are the domain's.

mod commands;
mod samples;
mod table;
pub mod types;

pub use commands::Api;
pub use table::COMMANDS;
#[cfg(feature = "ts")]
pub use table::export_typescript;
