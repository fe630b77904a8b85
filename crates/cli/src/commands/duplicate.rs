//! `codchi duplicate`: makes a machine like another one.

use codchi_api::types::{DuplicateArgs as Wanted, MachineArgs};

use super::answers::{Answers, ask_for};
use crate::{
    app::{App, machine_name},
    asking,
    exit::{Exit, Stop},
    follow,
};

/// Makes a machine with the same modules at the same commits, and a copy of its files. What the first one may use of yours is asked
/// for again.
#[derive(Debug, clap::Args)]
pub(crate) struct DuplicateArgs {
    /// The machine there is
    #[arg(value_name = "NAME")]
    name: String,
    /// The new one's name
    #[arg(value_name = "NEW")]
    new: String,
    /// Copy its secrets, or ask for them; without it you are asked which, and without a terminal they are asked for
    #[arg(long, value_name = "WHAT")]
    secrets: Option<Secrets>,
    /// Begin with an empty disk
    #[arg(long)]
    no_data: bool,
    /// Build it, but don't start it
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    answers: Answers,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

/// What becomes of the secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Secrets {
    Copy,
    Ask,
}

pub(crate) async fn run(app: &App, args: DuplicateArgs) -> Result<Exit, Stop> {
    let (name, new) = (machine_name(&args.name)?, machine_name(&args.new)?);
    let set = app.api.secrets(MachineArgs { name: args.name.clone() }).await?.secrets;
    let set = set.iter().filter(|secret| secret.set).count();
    let secrets = match args.secrets {
        Some(secrets) => secrets == Secrets::Copy,
        None if set > 0 && app.can_ask(args.json) => {
            asking::confirm(app, &format!("{name} has {set} of its secrets. Copy them to {new}?")).await?
        }
        None => false,
    };
    if secrets && set > 0 {
        app.open_store().await?;
    }
    let start = !args.no_start;
    let wanted = Wanted {
        name: args.name,
        new_name: args.new,
        data: !args.no_data,
        secrets,
        start,
        answers: args.answers.read(app).await?,
        ask_for: ask_for(app, args.json),
    };
    let operation = follow::operation(app, args.json, "Begin", app.api.duplicate(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        let done = if start { "runs" } else { "is built" };
        app.screen.stdout.line(format_args!("{new}, a copy of {name}, {done}."));
    }
    Ok(Exit::DONE)
}
