//! `codchi rebuild`: brings a machine to what is wanted of it.

use codchi_api::types::RebuildArgs as Wanted;
use codchi_controller::operation::{OperationKind, OperationOutcome};

use super::answers::{Answers, ask_for};
use crate::{
    app::App,
    exit::{Exit, Stop},
    follow,
    show::{operation::diff_lines, text::printable},
};

/// Updates a machine's modules, builds its system and switches to it.
#[derive(Debug, clap::Args)]
pub(crate) struct RebuildArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// Keep the modules at the commits they were last built from
    #[arg(long)]
    no_update: bool,
    /// Build and show what would change, but change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    answers: Answers,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: RebuildArgs) -> Result<Exit, Stop> {
    let name = args.name.clone();
    let wanted = Wanted {
        name: args.name,
        update: !args.no_update,
        dry_run: args.dry_run,
        answers: args.answers.read(app).await?,
        ask_for: ask_for(app, args.json),
    };
    let operation = follow::operation(app, args.json, "Begin", app.api.rebuild(wanted)).await?;
    app.outcome_warnings(&operation);
    if args.json {
        return Ok(Exit::DONE);
    }
    let stdout = &app.screen.stdout;
    let outcome = operation.outcome.unwrap_or_default();
    if let Some(diff) = outcome.diff.as_ref().filter(|diff| !diff.packages.is_empty()) {
        stdout.lines(diff_lines(diff, stdout.paint));
    }
    stdout.line(summary(&printable(&name), operation.kind, args.dry_run, &outcome));
    Ok(Exit::DONE)
}

fn summary(name: &str, kind: OperationKind, dry_run: bool, outcome: &OperationOutcome) -> String {
    let generation = outcome.generation.map(|number| format!(" (generation {number})")).unwrap_or_default();
    let same_packages = outcome.diff.as_ref().is_some_and(|diff| diff.packages.is_empty());
    match (dry_run, outcome.changed) {
        (_, false) => format!("{name} is up to date{generation}."),
        (true, true) if same_packages => {
            format!("{name} would get a new system of the same packages. Nothing was changed.")
        }
        (true, true) => format!("{name} would get a new system. Nothing was changed."),
        (false, true) if kind == OperationKind::Create => format!("{name} is built{generation}."),
        (false, true) => format!("{name} was switched to its new system{generation}."),
    }
}
