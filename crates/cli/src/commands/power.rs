//! `codchi start|stop|restart`.

use codchi_api::types::{MachineArgs, StopArgs};

use crate::{
    app::App,
    exit::{Exit, Stop},
    follow,
    show::text::printable,
};

/// Starts a machine and waits until its system is up.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

/// A machine that is to stop, for good or to start again.
#[derive(Debug, clap::Args)]
pub(crate) struct ForceArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// At once, without asking its system to shut down
    #[arg(long)]
    force: bool,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn start(app: &App, args: StartArgs) -> Result<Exit, Stop> {
    let said = printable(&args.name).into_owned();
    app.open_store_for(&args.name, args.json).await?;
    let begin = app.api.start(MachineArgs { name: args.name });
    let operation = follow::operation(app, args.json, "Start", begin).await?;
    app.outcome_warnings(&operation);
    let changed = operation.outcome.is_none_or(|outcome| outcome.changed);
    if !args.json {
        app.screen
            .stdout
            .line(format_args!("{said} {}.", if changed { "is running" } else { "was running already" }));
    }
    Ok(Exit::DONE)
}

pub(crate) async fn stop(app: &App, args: ForceArgs) -> Result<Exit, Stop> {
    let said = printable(&args.name).into_owned();
    let begin = app.api.stop(StopArgs { name: args.name, force: args.force });
    let operation = follow::operation(app, args.json, "Stop", begin).await?;
    app.outcome_warnings(&operation);
    let changed = operation.outcome.is_none_or(|outcome| outcome.changed);
    if !args.json {
        app.screen
            .stdout
            .line(format_args!("{said} {}.", if changed { "is stopped" } else { "was stopped already" }));
    }
    Ok(Exit::DONE)
}

pub(crate) async fn restart(app: &App, args: ForceArgs) -> Result<Exit, Stop> {
    let said = printable(&args.name).into_owned();
    app.open_store_for(&args.name, args.json).await?;
    let begin = app.api.restart(StopArgs { name: args.name, force: args.force });
    let operation = follow::operation(app, args.json, "Restart", begin).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.line(format_args!("{said} is running."));
    }
    Ok(Exit::DONE)
}
