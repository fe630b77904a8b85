//! `codchi completion SHELL`.

use clap_complete::Shell;

use crate::show::screen::Stream;

/// Prints a shell's completion script.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(stdout: &Stream, args: &CompletionArgs, mut grammar: clap::Command) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut grammar, "codchi", &mut script);
    stdout.text(&String::from_utf8_lossy(&script));
}
