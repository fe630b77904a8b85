//! What a user can set for all machines: the content of `settings.json`.

use serde::{Deserialize, Serialize};

use crate::secret::StoreKind;

/// The window's colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The window's language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// As the system says.
    #[default]
    System,
    /// English.
    En,
    /// German.
    De,
}

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// The window's colours.
    pub theme: Theme,
    /// The window's language.
    pub language: Language,
    /// Whether closing the window keeps Codchi in the tray.
    pub close_to_tray: bool,
    /// Whether the system's notifications tell of finished builds.
    pub notifications: bool,
    /// Where secrets are kept.
    pub secret_store: StoreKind,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            language: Language::default(),
            close_to_tray: true,
            notifications: true,
            secret_store: StoreKind::default(),
        }
    }
}
