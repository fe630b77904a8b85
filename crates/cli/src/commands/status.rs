//! `codchi status`: all machines.

use codchi_api::types::Nothing;

use crate::{
    app::App,
    exit::{Exit, Stop},
    show::{failure, status},
};

/// Shows all machines: what they do and how current they are.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct StatusArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: &StatusArgs) -> Result<Exit, Stop> {
    let snapshot = app.api.status(Nothing {}).await?;
    let (stdout, stderr) = (&app.screen.stdout, &app.screen.stderr);
    if args.json {
        stdout.json(&snapshot);
        return Ok(Exit::DONE);
    }
    stdout.lines(status::lines(&snapshot, stdout.paint, stdout.width(), stdout.is_terminal));
    if let Some(problem) = &snapshot.engine.problem {
        stderr.lines(failure::warning_lines(problem, stderr.paint));
    }
    stderr.lines(status::problem_lines(&snapshot, stderr.paint));
    Ok(Exit::DONE)
}
