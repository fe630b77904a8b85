//! `codchi generations NAME`: the systems that a machine has had.

use codchi_api::types::MachineArgs;

use crate::{
    app::App,
    exit::{Exit, Stop},
    show::{
        table::{Cell, Column, Table},
        text::{Tone, moment, printable},
    },
};

/// Shows the generations of a machine, the systems that were built for it.
#[derive(Debug, clap::Args)]
pub(crate) struct GenerationsArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// What to do
    #[command(subcommand)]
    command: Option<GenerationsCommand>,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
}

/// What can be done with generations.
#[derive(Debug, clap::Subcommand)]
enum GenerationsCommand {
    /// Show them (default)
    List,
}

pub(crate) async fn run(app: &App, args: GenerationsArgs) -> Result<Exit, Stop> {
    let GenerationsCommand::List = args.command.unwrap_or(GenerationsCommand::List);
    let said = printable(&args.name).into_owned();
    let list = app.api.generations(MachineArgs { name: args.name }).await?;
    let stdout = &app.screen.stdout;
    if args.json {
        stdout.json(&list);
        return Ok(Exit::DONE);
    }
    if list.generations.is_empty() {
        stdout.line(format_args!("{said} was never built."));
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::whole("GENERATION"),
        Column::whole("CREATED"),
        Column::shrinking("SYSTEM"),
        Column::whole("CURRENT"),
    ]);
    for generation in &list.generations {
        table.row([
            generation.number.to_string().into(),
            moment(generation.created).into(),
            (&generation.system.0).into(),
            Cell::new(if generation.current { "current" } else { "" }, Tone::Good),
        ]);
    }
    stdout.lines(table.lines(stdout.paint, stdout.width()));
    Ok(Exit::DONE)
}
