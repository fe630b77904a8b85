//! The command line of the app, of a first start and of those that only wake the first one.

use clap::Parser;

use crate::page::Page;

/// Codchi's window and tray icon. The command line is `codchi`.
#[derive(Debug, Parser)]
#[command(name = "codchi-app", version)]
pub(crate) struct Arguments {
    /// The page to open: machines, machines/NAME, builds/ID, new, doctor, settings.
    #[arg(long, value_name = "PAGE", value_parser = page)]
    pub(crate) open: Option<Page>,

    /// Start in the tray, without a window.
    #[arg(long, conflicts_with = "open")]
    pub(crate) hidden: bool,
}

fn page(text: &str) -> Result<Page, String> {
    text.parse().map_err(|_| "there is no such page".to_owned())
}
