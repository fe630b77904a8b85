//! `codchi export`: writes a machine into a file.

use std::path::{Path, PathBuf};

use codchi_api::types::ExportArgs as Wanted;
use codchi_controller::{failure::FailureCode, secret::SecretValue};
use zeroize::Zeroizing;

use crate::{
    app::{App, machine_name},
    asking,
    exit::{Exit, Stop, failure},
    follow,
    show::text::printable,
};

/// Writes a machine into a file: its modules at their commits, and which secrets are set. Never their values, unless a passphrase
/// encrypts them.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// The file to write; one that is there is replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also write the values of its secrets, encrypted with a passphrase that is asked for
    #[arg(long)]
    with_secrets: bool,
    /// Take that passphrase from this file, for scripts
    #[arg(long, value_name = "FILE", requires = "with_secrets")]
    passphrase_file: Option<PathBuf>,
    /// Also write the machine's own files. They aren't encrypted, with whatever programs in it keep there
    #[arg(long)]
    data: bool,
    /// Print one JSON event a line
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: ExportArgs) -> Result<Exit, Stop> {
    let name = machine_name(&args.name)?;
    let passphrase = match (args.with_secrets, &args.passphrase_file) {
        (false, _) => None,
        (true, Some(file)) => Some(from_file(file)?),
        (true, None) if app.screen.stdin_is_terminal => {
            let typed = asking::passphrase(app, "Passphrase for the secrets in the file: ").await?;
            let again = asking::passphrase(app, "Once more: ").await?;
            match typed {
                Some(typed) if again.as_ref() == Some(&typed) => Some(typed),
                _ => {
                    let words = "the passphrases differ, or there is none";
                    return Err(Stop::usage(words, "nothing was written"));
                }
            }
        }
        (true, None) => {
            let words = "there is no terminal to ask for the passphrase on";
            return Err(Stop::usage(words, "--passphrase-file names a file that has it"));
        }
    };
    if passphrase.is_some() {
        app.open_store().await?;
    }
    let wanted = Wanted { name: args.name, path: absolute(&args.file), data: args.data, passphrase };
    let operation = follow::operation(app, args.json, "Begin", app.api.export(wanted)).await?;
    app.outcome_warnings(&operation);
    if !args.json {
        let stdout = &app.screen.stdout;
        stdout.line(format_args!("{name} is in {}.", printable(&args.file.to_string_lossy())));
        if !args.with_secrets {
            stdout.line("  The values of its secrets aren't in it.");
        }
        if args.data {
            stdout.line("  Its own files are, and aren't encrypted.");
        }
    }
    Ok(Exit::DONE)
}

/// The same file for every process.
pub(crate) fn absolute(file: &Path) -> String {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).to_string_lossy().into_owned()
}

/// The passphrase in a file; a line end after it isn't part of it.
pub(crate) fn from_file(file: &Path) -> Result<SecretValue, Stop> {
    let unreadable = |cause: String| {
        let message = format!("can't read the passphrase in {}", file.display());
        let mut why = failure(FailureCode::InvalidArgument, message, None);
        why.causes.push(cause);
        Stop::from(why)
    };
    let bytes = std::fs::read(file).map(Zeroizing::new).map_err(|error| unreadable(error.to_string()))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    SecretValue::new(line).map_err(|error| unreadable(error.to_string()))
}
