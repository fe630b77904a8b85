//! `codchi exec`: a command, or a shell, in a machine.

use std::collections::BTreeMap;

use codchi_controller::driver::{ExecSpec, ExecStdin};

use crate::{
    app::{App, machine_name},
    exit::{Exit, Stop, failure},
    relay::{self, Streams},
    terminal::{self, RawMode},
};
use codchi_controller::failure::FailureCode;

/// Runs a command in a machine as its user, with the arguments as they are given; without one, a login shell.
#[derive(Debug, clap::Args)]
#[command(override_usage = "codchi exec <NAME> [--] [CMD]...")]
pub(crate) struct ExecArgs {
    /// The machine
    #[arg(value_name = "NAME")]
    name: String,
    /// The command and its arguments
    #[arg(value_name = "CMD", trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[cfg(test)]
impl ExecArgs {
    pub(crate) fn command(&self) -> &[String] {
        &self.command
    }
}

pub(crate) async fn run(app: &App, args: ExecArgs) -> Result<Exit, Stop> {
    machine_name(&args.name)?;
    let on_terminal = app.screen.stdin_is_terminal && app.screen.stdout.is_terminal;
    let mut env = BTreeMap::new();
    if on_terminal {
        env.extend(app.environment.text("TERM").map(|kind| ("TERM".to_owned(), kind)));
    }
    let spec = ExecSpec {
        argv: args.command,
        env,
        terminal: on_terminal.then(terminal::size),
        stdin: ExecStdin::Piped,
        ..ExecSpec::default()
    };
    let exec = app.api.exec(&args.name, spec).await?;
    let raw = on_terminal.then(RawMode::begin).transpose().map_err(|error| {
        let mut why = failure(FailureCode::Failed, "can't use the terminal", None);
        why.causes.push(error.to_string());
        why
    })?;
    let code = relay::relay(exec, Streams::of_process(app.screen.stdin.clone()), on_terminal).await;
    drop(raw);
    Ok(Exit(u8::try_from(code?).unwrap_or(u8::MAX)))
}
