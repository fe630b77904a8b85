//! `codchi init`: a machine from the address of a repository.

use codchi_api::types::{InitArgs, SourceArgs};
use codchi_controller::driver::DriverKind;

use super::answers::{Answers, ask_for};
use crate::{
    address,
    app::{App, machine_name},
    exit::{Exit, Stop},
    follow,
};

/// Makes a machine from the modules of a repository, builds it and starts it.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What to call it: letters, digits and dashes, beginning with a letter
    #[arg(value_name = "NAME")]
    name: String,
    /// The repository, such as https://github.com/acme/shop or ./shop
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Which of its modules; without any the one in the address, else `default`, else the only one
    #[arg(value_name = "MODULE")]
    modules: Vec<String>,
    /// Make a machine without modules
    #[arg(long, conflicts_with_all = ["url", "modules"])]
    empty: bool,
    /// Where nixpkgs comes from: `builtin`, or the name of the module whose own is used
    #[arg(long, value_name = "builtin|MODULE")]
    nixpkgs: Option<String>,
    #[command(flatten)]
    at: At,
    /// The engine to use
    #[arg(long, value_name = "DRIVER")]
    driver: Option<Driver>,
    /// Build it, but don't start it
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    answers: Answers,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

/// Which version of a repository.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct At {
    /// Follow this branch instead of the default one
    #[arg(long)]
    branch: Option<String>,
    /// Stay at this tag
    #[arg(long)]
    tag: Option<String>,
    /// Stay at this commit
    #[arg(long)]
    rev: Option<String>,
}

impl At {
    /// That version of the repository at `url`.
    pub(crate) fn source(self, url: String) -> SourceArgs {
        SourceArgs { url: address::from_here(url), branch: self.branch, tag: self.tag, rev: self.rev }
    }
}

/// The engines that can be named: those whose driver is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Driver {
    Lxd,
    Incus,
}

impl From<Driver> for DriverKind {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Lxd => Self::Lxd,
            Driver::Incus => Self::Incus,
        }
    }
}

pub(crate) async fn run(app: &App, args: CreateArgs) -> Result<Exit, Stop> {
    let name = machine_name(&args.name)?;
    let source = match args.url {
        Some(url) => Some(args.at.source(url)),
        None if args.empty => None,
        None => {
            return Err(Stop::usage(
                format!("`codchi init {name}` needs the address of a repository"),
                format!(
                    "`codchi init {name} URL`, or `codchi init {name} --empty` for a machine without modules"
                ),
            ));
        }
    };
    if let Some(source) = &source {
        app.check_source(source)?;
    }
    let answers = args.answers.read(app).await?;
    if source.is_some() {
        app.prepare(args.json).await?;
    }
    let start = !args.no_start;
    let doing =
        source.as_ref().map_or_else(|| format!("Make {name}"), |source| format!("Read {}", source.url));
    let wanted = InitArgs {
        name: args.name,
        source,
        modules: args.modules,
        nixpkgs: args.nixpkgs,
        driver: args.driver.map(Into::into),
        start,
        answers,
        ask_for: ask_for(app, args.json),
    };
    let operation = follow::operation(app, args.json, &doing, app.api.init(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.lines(if start {
            [format!("{name} is running."), format!("  codchi exec {name}    opens a shell in it")]
        } else {
            [format!("{name} is built."), format!("  codchi start {name}   starts it")]
        });
    }
    Ok(Exit::DONE)
}
