//! `codchi import`: makes a machine from a file that one was exported to.

use std::path::PathBuf;

use codchi_api::types::{ArchiveArgs, ImportArgs as Wanted};
use codchi_controller::archive::ArchiveContents;

use super::{
    answers::{Answers, ask_for},
    export::{absolute, from_file},
};
use crate::{
    app::{App, machine_name},
    asking,
    exit::{Exit, Stop},
    follow,
    show::text::{bytes, count, printable},
};

/// Makes a machine from a file that `codchi export` wrote. It is built, and asks for what isn't in the file, as any new one.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its name, if not the one in the file
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Take the passphrase of the secrets in it from this file, for scripts
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Build it, but don't start it
    #[arg(long)]
    no_start: bool,
    #[command(flatten)]
    answers: Answers,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: ImportArgs) -> Result<Exit, Stop> {
    if let Some(name) = &args.name {
        machine_name(name)?;
    }
    let path = absolute(&args.file);
    let contents = app.api.archive(ArchiveArgs { path: path.clone() }).await?;
    if !args.json {
        app.screen.stderr.lines(lines(&contents));
    }
    let passphrase = match &args.passphrase_file {
        Some(file) => Some(from_file(file)?),
        None if contents.sealed && app.can_ask(args.json) => {
            asking::passphrase(app, "Passphrase of the secrets (empty: they are asked for): ").await?
        }
        None => None,
    };
    let start = !args.no_start;
    let name = args.name.clone().unwrap_or_else(|| contents.name.to_string());
    let wanted = Wanted {
        path,
        name: args.name,
        passphrase,
        start,
        answers: args.answers.read(app).await?,
        ask_for: ask_for(app, args.json),
    };
    let operation = follow::operation(app, args.json, "Begin", app.api.import(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        app.screen.stdout.line(format_args!("{name} {}.", if start { "runs" } else { "is built" }));
    }
    Ok(Exit::DONE)
}

/// What is in the file, for whoever decides.
fn lines(contents: &ArchiveContents) -> Vec<String> {
    let mut lines =
        vec![format!("{}, {}", contents.name, count(contents.modules.len(), "module", "modules"))];
    lines.extend(
        contents.modules.iter().map(|one| format!("  {} of {}", printable(&one.name), printable(&one.url))),
    );
    if !contents.secrets.is_empty() {
        let values =
            if contents.sealed { "their values are encrypted in it" } else { "their values aren't in it" };
        lines.push(format!("  {}; {values}", count(contents.secrets.len(), "secret", "secrets")));
    }
    lines.extend(contents.data.map(|size| format!("  its own files, {}", bytes(size))));
    lines
}
