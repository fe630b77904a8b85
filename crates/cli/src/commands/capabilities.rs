//! `codchi capabilities NAME`: what a machine's modules ask of this computer.

use codchi_api::types::MachineArgs;
use codchi_controller::doctor::CheckState;

use super::doctor::command_line;
use crate::{
    app::App,
    exit::{Exit, Stop},
    show::{
        table::{Cell, Column, Table},
        text::{Tone, printable},
    },
};

/// Shows what a machine's modules ask of this computer, and whether it has that.
#[derive(Debug, clap::Args)]
pub(crate) struct CapabilitiesArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: CapabilitiesArgs) -> Result<Exit, Stop> {
    let said = printable(&args.name).into_owned();
    let list = app.api.capabilities(MachineArgs { name: args.name }).await?;
    let stdout = &app.screen.stdout;
    if args.json {
        stdout.json(&list);
        return Ok(Exit::DONE);
    }
    if list.capabilities.is_empty() {
        stdout.line(format_args!("{said} asks for nothing of this computer."));
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::whole("CAPABILITY"),
        Column::whole("NEEDED"),
        Column::whole("STATE"),
        Column::shrinking("WHAT WAS FOUND"),
    ]);
    for checked in &list.capabilities {
        let (state, tone) = match checked.check.state {
            _ if checked.without => ("left out", Tone::Plain),
            CheckState::Ok => ("there", Tone::Good),
            _ => ("missing", Tone::Bad),
        };
        let found = if checked.check.state == CheckState::Ok {
            &checked.check.evidence
        } else {
            &checked.check.explanation
        };
        table.row([
            (&checked.capability).into(),
            if checked.required { "required" } else { "optional" }.into(),
            Cell::new(state, tone),
            found.into(),
        ]);
    }
    stdout.lines(table.lines(stdout.paint, stdout.width()));
    for fix in list.capabilities.iter().filter_map(|checked| checked.check.fix.as_ref()) {
        for command in &fix.commands {
            let (id, command) = (printable(&fix.id), command_line(command));
            stdout.line(format_args!("{id}: run `{}` as the administrator", printable(&command)));
        }
    }
    Ok(Exit::DONE)
}
