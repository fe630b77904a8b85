//! `codchi logs`: what an operation said.

use codchi_api::types::{Event, LogArgs, OperationArgs, OperationsArgs};
use codchi_controller::{
    activity::{Activity, ActivityId, ActivityKind},
    failure::FailureCode,
    operation::{Operation, OperationId},
};
use futures::StreamExt;
use std::collections::HashMap;

use super::modules::find;
use crate::{
    app::{App, machine_name},
    exit::{Exit, Stop, failure},
    show::{
        operation::{operation_noun, state_words},
        text::{LogLines, Tone, moment, printable},
    },
};

/// Log lines that are read at once.
const PAGE: u32 = 5_000;

/// Shows the log of a machine's last operation, or of another one.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// The machine
    #[arg(value_name = "NAME", required_unless_present = "operation")]
    name: Option<String>,
    /// This operation's log instead of the last one's
    #[arg(long, value_name = "ID")]
    operation: Option<String>,
    /// Go on until the operation is over
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: LogsArgs) -> Result<Exit, Stop> {
    let operation = wanted(app, &args).await?;
    let detail = app.api.operation(OperationArgs { id: operation.id }).await?;
    if app.screen.stdout.is_terminal && !args.json {
        app.screen.stderr.line(app.screen.stderr.paint.tone(Tone::Quiet, title(&detail.operation)));
    }
    let mut log = Log {
        app,
        id: operation.id,
        json: args.json,
        names: HashMap::new(),
        printed: 0,
        lines: LogLines::new(app.screen.stdout.paint),
    };
    log.learn(detail.activities);
    if args.follow {
        log.follow().await?;
    }
    log.print().await?;
    Ok(Exit::DONE)
}

/// The operation that is meant.
async fn wanted(app: &App, args: &LogsArgs) -> Result<Operation, Stop> {
    let name = args.name.as_deref().map(machine_name).transpose()?;
    if let Some(id) = &args.operation {
        let id: OperationId = id.parse().map_err(|_| {
            Stop::usage(
                format!("{:?} is not the identity of an operation", printable(id)),
                "identities look like 019a2b3c-4d5e-7f60-8123-456789abcdef",
            )
        })?;
        let operation = app.api.operation(OperationArgs { id }).await?.operation;
        return match name {
            Some(name) if operation.machine.as_ref() != Some(&name) => {
                let message = format!("operation {id} is not one of the machine '{name}'");
                Err(failure(FailureCode::OperationNotFound, message, None).into())
            }
            _ => Ok(operation),
        };
    }
    let list = app.api.operations(OperationsArgs { machine: args.name.clone(), limit: 1 }).await?;
    match (list.operations.into_iter().next(), &args.name) {
        (Some(operation), _) => Ok(operation),
        (None, Some(name)) => {
            find(app, name).await?;
            let message = format!("the machine '{name}' has no operations yet");
            Err(failure(FailureCode::OperationNotFound, message, None).into())
        }
        (None, None) => Err(Stop::usage("the name of a machine is missing", "`codchi logs NAME`")),
    }
}

fn title(operation: &Operation) -> String {
    let (state, _) = state_words(operation.state);
    format!("{}, {}: {state}", operation_noun(operation), moment(operation.started))
}

/// A log that is printed.
struct Log<'a> {
    app: &'a App,
    id: OperationId,
    json: bool,
    names: HashMap<ActivityId, String>,
    printed: u64,
    lines: LogLines,
}

impl Log<'_> {
    /// Remembers what activities are called.
    fn learn(&mut self, activities: Vec<Activity>) {
        let builds = activities.into_iter().filter(|activity| activity.kind == ActivityKind::Build);
        self.names.extend(builds.map(|build| (build.id, printable(&build.name).into_owned())));
    }

    /// Prints what comes until the operation is over.
    async fn follow(&mut self) -> Result<(), Stop> {
        let mut events = self.app.api.follow(self.id)?;
        while let Some(event) = events.next().await {
            match event {
                Event::ActivitiesChanged { activities, .. } => self.learn(activities),
                Event::LogGrew { .. } => self.print().await?,
                _ => {}
            }
            if self.app.screen.stdout.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// Prints what was not yet printed.
    async fn print(&mut self) -> Result<(), Stop> {
        let stdout = &self.app.screen.stdout;
        loop {
            let args = LogArgs { id: self.id, from: self.printed, limit: PAGE, activity: None };
            let page = self.app.api.operation_log(args).await?;
            if page.lines.is_empty() || stdout.is_closed() {
                return Ok(());
            }
            self.printed += page.lines.len() as u64;
            if self.json {
                page.lines.iter().for_each(|line| stdout.json(line));
            } else {
                stdout.lines(page.lines.iter().map(|line| {
                    let name = line.activity.and_then(|id| self.names.get(&id));
                    self.lines.next(line, name.map(String::as_str))
                }));
            }
        }
    }
}
