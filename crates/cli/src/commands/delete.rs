//! `codchi delete`: removes a machine, after asking.

use codchi_api::types::DeleteArgs as Wanted;
use codchi_controller::status::MachineStatus;

use super::modules::find;
use crate::{
    app::{App, machine_name},
    asking,
    exit::{Exit, Stop},
    follow,
};

/// Removes a machine and everything in it.
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Keep the values of its secrets, for a machine of the same name
    #[arg(long)]
    keep_secrets: bool,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: DeleteArgs) -> Result<Exit, Stop> {
    let name = machine_name(&args.name)?;
    if !args.yes {
        let machine = find(app, &args.name).await?;
        if !app.screen.stdin_is_terminal {
            return Err(Stop::usage(
                format!("{name} is not deleted without being asked, and here is no terminal to ask on"),
                format!("`codchi delete {name} --yes` deletes it without asking"),
            ));
        }
        if !confirm(app, &machine, args.keep_secrets).await? {
            app.screen.stderr.line("Nothing was deleted.");
            return Ok(Exit::CANCELLED);
        }
    }
    if !args.keep_secrets {
        app.open_store_for(&args.name, args.json).await?;
    }
    let begin = app.api.delete(Wanted { name: args.name, keep_secrets: args.keep_secrets });
    let operation = follow::operation(app, args.json, "Delete", begin).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.line(format_args!("{name} is deleted."));
    }
    Ok(Exit::DONE)
}

/// Asks on the terminal; only a clear yes is one.
async fn confirm(app: &App, machine: &MachineStatus, keep_secrets: bool) -> Result<bool, Stop> {
    let name = &machine.name;
    app.screen.stderr.line(format_args!(
        "This deletes the machine {name} with all files in it and all its generations. It can't be undone."
    ));
    app.screen.stderr.line(if keep_secrets {
        "The values of its secrets are kept."
    } else {
        "The values of its secrets are removed too."
    });
    asking::confirm(app, &format!("Delete {name}?")).await
}
