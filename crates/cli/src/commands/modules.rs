//! `codchi modules`, `codchi add`, `codchi module list|remove`: what repositories offer and machines have.

use codchi_api::types::{AddArgs, ModuleArgs, Nothing};
use codchi_controller::{
    error::Error, failure::Failure, machine::NixpkgsChoice, nix::Repository, status::MachineStatus,
};
use serde::Serialize;

use super::answers::{Answers, ask_for};
use super::create::At;
use crate::{
    app::{App, machine_name},
    exit::{Exit, Stop},
    follow,
    show::{
        table::{Cell, Column, Table},
        text::{Tone, printable},
    },
};

/// Shows which modules a repository offers.
#[derive(Debug, clap::Args)]
pub(crate) struct OfferedArgs {
    /// The repository, such as https://github.com/acme/shop or ./shop
    #[arg(value_name = "URL")]
    url: String,
    #[command(flatten)]
    at: At,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Adds modules of a repository to a machine and rebuilds it.
#[derive(Debug, clap::Args)]
pub(crate) struct AddModulesArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// The repository
    #[arg(value_name = "URL")]
    url: String,
    /// Which of its modules; without any the one in the address, else `default`, else the only one
    #[arg(value_name = "MODULE")]
    modules: Vec<String>,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    answers: Answers,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

/// The modules of a machine.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ModuleCommand {
    /// Show the modules of a machine
    List {
        /// The machine
        #[arg(value_name = "NAME")]
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take a module out of a machine and rebuild it
    Remove {
        /// The machine
        #[arg(value_name = "NAME")]
        name: String,
        /// The module's name, as `codchi module list` shows it
        #[arg(value_name = "MODULE")]
        module: String,
        /// Print one JSON event a line
        #[arg(long)]
        json: bool,
    },
}

pub(crate) async fn offered(app: &App, args: OfferedArgs) -> Result<Exit, Stop> {
    let source = args.at.source(args.url);
    app.check_source(&source)?;
    app.prepare(false).await?;
    let doing = format!("Read {}", source.url);
    let repository = follow::wait(app, &doing, app.api.modules(source)).await??;
    if args.json {
        app.screen.stdout.json(&repository);
    } else {
        show_offered(app, &repository);
    }
    Ok(Exit::DONE)
}

fn show_offered(app: &App, repository: &Repository) {
    let stdout = &app.screen.stdout;
    let mut table = Table::new([
        Column::shrinking("MODULE"),
        Column::shrinking("ATTRIBUTE"),
        Column::shrinking("DESCRIPTION"),
    ]);
    for module in &repository.modules {
        let (note, tone) = match &module.error {
            Some(error) => (format!("can't be used: {error}"), Tone::Bad),
            None => (module.description.clone().unwrap_or_default(), Tone::Plain),
        };
        table.row([Cell::new(&module.name, Tone::Strong), (&module.attr).into(), Cell::new(note, tone)]);
    }
    if repository.modules.is_empty() {
        stdout.line(format_args!("{} offers no modules.", printable(&repository.url)));
    } else {
        stdout.lines(table.lines(stdout.paint, stdout.width()));
    }
    for problem in &repository.problems {
        app.warn(&problem.message);
    }
}

pub(crate) async fn add(app: &App, args: AddModulesArgs) -> Result<Exit, Stop> {
    let name = machine_name(&args.name)?;
    let source = args.at.source(args.url);
    app.check_source(&source)?;
    find(app, &args.name).await?;
    let answers = args.answers.read(app).await?;
    app.prepare(args.json).await?;
    let doing = format!("Read {}", source.url);
    let wanted =
        AddArgs { name: args.name, source, modules: args.modules, answers, ask_for: ask_for(app, args.json) };
    let operation = follow::operation(app, args.json, &doing, app.api.add(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.line(format_args!("{name} has the new modules."));
    }
    Ok(Exit::DONE)
}

pub(crate) async fn module(app: &App, command: ModuleCommand) -> Result<Exit, Stop> {
    match command {
        ModuleCommand::List { name, json } => list(app, &name, json).await,
        ModuleCommand::Remove { name, module, json } => remove(app, name, module, json).await,
    }
}

async fn remove(app: &App, name: String, module: String, json: bool) -> Result<Exit, Stop> {
    let said = format!("{} no longer has the module {}.", printable(&name), printable(&module));
    let wanted = ModuleArgs { name, module };
    let operation = follow::operation(app, json, "Remove the module", app.api.module_remove(wanted)).await?;
    app.outcome_warnings(&operation);
    if !json {
        app.screen.stdout.line(said);
    }
    Ok(Exit::DONE)
}

async fn list(app: &App, name: &str, json: bool) -> Result<Exit, Stop> {
    let machine = find(app, name).await?;
    let stdout = &app.screen.stdout;
    if json {
        stdout.json(&ModuleList {
            name: machine.name.as_str(),
            nixpkgs: &machine.nixpkgs,
            modules: &machine.modules,
        });
        return Ok(Exit::DONE);
    }
    if machine.modules.is_empty() {
        stdout.line(format_args!("{name} has no modules. `codchi add {name} URL` adds some."));
        return Ok(Exit::DONE);
    }
    let mut table = Table::new([
        Column::shrinking("MODULE"),
        Column::shrinking("ATTRIBUTE"),
        Column::shrinking("URL"),
        Column::whole("REVISION"),
    ]);
    for module in &machine.modules {
        let rev: String = module.rev.as_deref().unwrap_or_default().chars().take(12).collect();
        table.row([
            Cell::new(&module.name, Tone::Strong),
            (&module.attr).into(),
            (&module.url).into(),
            rev.into(),
        ]);
    }
    stdout.lines(table.lines(stdout.paint, stdout.width()));
    Ok(Exit::DONE)
}

/// The modules of one machine.
#[derive(Serialize)]
struct ModuleList<'a> {
    name: &'a str,
    nixpkgs: &'a NixpkgsChoice,
    modules: &'a [codchi_controller::status::ModuleStatus],
}

/// What is known of the machine of this name.
///
/// # Errors
/// When it isn't a name, or no machine's.
pub(crate) async fn find(app: &App, name: &str) -> Result<MachineStatus, Stop> {
    let name = machine_name(name)?;
    let machines = app.api.status(Nothing {}).await?.machines;
    let found = machines.into_iter().find(|machine| machine.name == name);
    found.ok_or_else(|| Stop::from(Failure::from(Error::MachineNotFound { name })))
}
