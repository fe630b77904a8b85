//! `codchi debug`, for bug reports and tests: what the parsers make of something. Not in the help, but stable.

use std::io::{self, Read};

use codchi_controller::{activity::Unobserved, failure::FailureCode};
use codchi_nix::log::{ActivityIds, LogReader, Summary};
use time::OffsetDateTime;

use crate::{
    exit::{Exit, Stop, failure},
    show::screen::Stream,
};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What Codchi understands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DebugCommand {
    /// What a parser makes of something, as one JSON object
    #[command(subcommand)]
    Parse(ParseCommand),
}

/// The parsers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ParseCommand {
    /// The address of a repository
    Url {
        /// The address
        #[arg(value_name = "URL", allow_hyphen_values = true)]
        url: String,
    },
    /// What `nix --log-format internal-json` printed, from stdin
    NixLog,
}

pub(crate) fn run(stdout: &Stream, command: &DebugCommand) -> Result<Exit, Stop> {
    let DebugCommand::Parse(parse) = command;
    match parse {
        ParseCommand::Url { url } => stdout.json(&codchi_nix::flake_ref::describe(url)),
        ParseCommand::NixLog => {
            let summary = summarize(io::stdin().lock()).map_err(|error| {
                let mut why = failure(FailureCode::Failed, "can't read stdin", None);
                why.causes.push(error.to_string());
                why
            })?;
            stdout.json(&summary);
        }
    }
    Ok(Exit::DONE)
}

/// Reads a log without keeping it.
fn summarize(mut log: impl Read) -> io::Result<Summary> {
    let ids = ActivityIds::starting_at(0);
    let mut reader = LogReader::new(&Unobserved, &ids, OffsetDateTime::now_utc);
    let mut chunk = vec![0; CHUNK];
    loop {
        match log.read(&mut chunk)? {
            0 => return Ok(reader.finish(None).summary()),
            length => reader.feed(&chunk[..length]),
        }
    }
}
