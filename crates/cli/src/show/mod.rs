//! How things look: on a terminal with colour and fitted to its width, elsewhere as plain, stable lines.
//!
//! Everything here but [`screen`] is pure: values in, lines out.

pub(crate) mod failure;
pub(crate) mod operation;
pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod text;
