//! `codchi rename`: gives a machine another name.

use codchi_api::types::RenameArgs as Wanted;

use crate::{
    app::{App, machine_name},
    exit::{Exit, Stop},
    follow,
};

/// Gives a machine another name. One that runs is stopped, and started again.
#[derive(Debug, clap::Args)]
pub(crate) struct RenameArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// The name that it gets
    #[arg(value_name = "NEW")]
    new: String,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: RenameArgs) -> Result<Exit, Stop> {
    let (old, new) = (machine_name(&args.name)?, machine_name(&args.new)?);
    app.open_store().await?;
    let wanted = Wanted { name: args.name, new_name: args.new };
    let operation = follow::operation(app, args.json, "Rename", app.api.rename(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.line(format_args!("{old} is called {new} now."));
    }
    Ok(Exit::DONE)
}
