//! The words of the command line, and what to say to those that aren't.

use std::ffi::OsString;

use clap::{
    CommandFactory, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use codchi_controller::{error::Error, failure::Failure, machine::MachineName};

use crate::{
    commands::{
        access, capabilities, completion, create, debug, delete, diagnostics, doctor, duplicate, exec,
        export, generations, import, logs, modules, power, rebuild, rename, secrets, status,
    },
    exit::Stop,
};

/// Code machines: complete, isolated, reproducible development environments from the URL of a repository.
#[derive(Debug, Parser)]
#[command(name = "codchi", version, max_term_width = 100, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 bad usage, 3 not found, 4 this computer isn't ready, 5 cancelled, 130 interrupted.
`codchi doctor` says what is missing on this computer.";

/// The commands.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show all machines (default)
    Status(status::StatusArgs),
    /// Make a machine from the modules of a repository, build it and start it
    Init(create::CreateArgs),
    /// Add modules of a repository to a machine and rebuild it
    Add(modules::AddModulesArgs),
    /// Show or remove the modules of a machine
    #[command(subcommand)]
    Module(modules::ModuleCommand),
    /// Show which modules a repository offers
    Modules(modules::OfferedArgs),
    /// Update a machine's modules, build its system and switch to it
    Rebuild(rebuild::RebuildArgs),
    /// Start a machine and wait until its system is up
    Start(power::StartArgs),
    /// Stop a machine
    Stop(power::ForceArgs),
    /// Stop a machine and start it again
    Restart(power::ForceArgs),
    /// Run a command in a machine; without one, a login shell
    Exec(exec::ExecArgs),
    /// Show, set and forget the secrets that a machine's modules ask for
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    /// Keep a token for a host of private repositories
    Login(access::LoginArgs),
    /// Forget the token for a host
    Logout(access::LogoutArgs),
    /// Show what can be used to fetch repositories: tokens, SSH agent, certificates, proxy
    Access(access::AccessArgs),
    /// Show what a machine's modules ask of this computer, and whether it has that
    Capabilities(capabilities::CapabilitiesArgs),
    /// Remove a machine and everything in it
    Delete(delete::DeleteArgs),
    /// Make a machine like another one
    Duplicate(duplicate::DuplicateArgs),
    /// Give a machine another name
    Rename(rename::RenameArgs),
    /// Write a machine into a file
    Export(export::ExportArgs),
    /// Make a machine from a file that one was exported to
    Import(import::ImportArgs),
    /// Show the systems that were built for a machine
    Generations(generations::GenerationsArgs),
    /// Show what a machine's last operation said, or another one's
    Logs(logs::LogsArgs),
    /// Check whether this computer has everything that machines need
    Doctor(doctor::DoctorArgs),
    /// Write a zip for a bug report
    Diagnostics(diagnostics::DiagnosticsArgs),
    /// Print a shell's completion script
    Completion(completion::CompletionArgs),
    /// What Codchi makes of something
    #[command(subcommand, hide = true)]
    Debug(debug::DebugCommand),
}

/// Commands whose first argument is a machine's name.
const NAME_FIRST: [&str; 14] = [
    "init",
    "add",
    "rebuild",
    "start",
    "stop",
    "restart",
    "exec",
    "capabilities",
    "delete",
    "duplicate",
    "rename",
    "export",
    "generations",
    "logs",
];

/// Why there is no command.
#[derive(Debug)]
pub(crate) enum Misunderstood {
    /// Clap says it (help and version are among these).
    Clap(clap::Error),
    /// We say it.
    Ours(Stop),
}

/// Understands the arguments of this process, the first of which is its own name.
///
/// # Errors
/// Says what isn't understood.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Command, Misunderstood> {
    if let Some(name) = name_like_short_options(arguments) {
        return Err(Misunderstood::Ours(not_a_name(name)));
    }
    match CommandLine::try_parse_from(arguments) {
        Ok(line) => Ok(line.command.unwrap_or(Command::Status(status::StatusArgs::default()))),
        Err(error) => Err(name_like_unknown_option(&error, arguments)
            .map_or(Misunderstood::Clap(error), |name| Misunderstood::Ours(not_a_name(name)))),
    }
}

/// The grammar, for completions.
pub(crate) fn grammar() -> clap::Command {
    CommandLine::command()
}

/// The text where a machine's name belongs.
fn name_place(arguments: &[OsString]) -> Option<&str> {
    let command = arguments.get(1)?.to_str()?;
    if NAME_FIRST.contains(&command) { arguments.get(2)?.to_str() } else { None }
}

/// Something like `-hello` in a name's place: no command has several short options, so it isn't `-h -e -l …`.
fn name_like_short_options(arguments: &[OsString]) -> Option<&str> {
    let place = name_place(arguments)?;
    (place.len() > 2 && place.starts_with('-') && !place.starts_with("--")).then_some(place)
}

/// An option that doesn't exist in a name's place, unless it resembles one that does (`--help` resembles too much).
fn name_like_unknown_option<'a>(error: &clap::Error, arguments: &'a [OsString]) -> Option<&'a str> {
    let place = name_place(arguments)?;
    let says = |kind, text: &str| matches!(error.get(kind), Some(ContextValue::String(said)) if said == text);
    let meant = error.get(ContextKind::SuggestedArg).is_some() && !says(ContextKind::SuggestedArg, "--help");
    let unknown = error.kind() == ErrorKind::UnknownArgument && says(ContextKind::InvalidArg, place);
    (unknown && !meant && place.starts_with('-')).then_some(place)
}

fn not_a_name(text: &str) -> Stop {
    match MachineName::new(text) {
        Err(error) => {
            let mut why = Failure::from(Error::from(error));
            why.hints.push(
                "if it was to be an option: `codchi --help` lists the commands, and each has its own --help"
                    .into(),
            );
            why.into()
        }
        Ok(name) => Stop::usage(format!("{name} was not expected"), "see `codchi --help`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Command, Misunderstood> {
        let arguments: Vec<OsString> =
            std::iter::once("codchi").chain(words.iter().copied()).map(Into::into).collect();
        super::parse(&arguments)
    }

    #[test]
    fn the_grammar_is_consistent() {
        grammar().debug_assert();
    }

    #[test]
    fn without_a_command_it_is_status() {
        assert!(matches!(parse(&[]), Ok(Command::Status(_))));
    }

    #[test]
    fn a_command_for_the_machine_keeps_every_argument() {
        for (words, expected) in [
            (vec!["exec", "hello"], vec![]),
            (vec!["exec", "hello", "--", "ls", "-l"], vec!["ls", "-l"]),
            (vec!["exec", "hello", "ls", "-l", "--help"], vec!["ls", "-l", "--help"]),
            (vec!["exec", "hello", "sh", "-c", "x", "--", "--json"], vec!["sh", "-c", "x", "--", "--json"]),
            (vec!["exec", "hello", "--", "--", "a b", ""], vec!["--", "a b", ""]),
        ] {
            let Ok(Command::Exec(args)) = parse(&words) else { panic!("{words:?} is a command") };
            assert_eq!(args.command(), expected, "{words:?}");
        }
    }

    #[test]
    fn a_name_with_a_dash_is_refused_as_a_name() {
        for words in [["init", "-x"], ["init", "-hello"], ["start", "--hello"], ["exec", "-rf"]] {
            let Err(Misunderstood::Ours(stop)) = parse(&words) else {
                panic!("{words:?} is refused as a name")
            };
            assert_eq!(stop.exit, crate::exit::Exit::USAGE);
            assert!(stop.failure.is_some_and(|why| why.message.contains("must begin with a letter")));
        }
        for words in [["rebuild", "--dry-runs"], ["init", "--help"], ["init", "-h"]] {
            assert!(matches!(parse(&words), Err(Misunderstood::Clap(_))), "{words:?} is left to clap");
        }
    }
}
