//! The icon in the panel with its menu: [`model`] says what is in it, [`render`] draws that, [`host`] asks the desktop about its panel.

pub(crate) mod host;
pub(crate) mod model;
pub(crate) mod render;
