//! Running other programs so that a failure names the command and shows what it said.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// How many lines of a failed command's output an error shows.
const SHOWN: usize = 25;

/// Runs to the end; output only shows in the error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs to the end in front of the person: its output and input are ours.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{}`", shown(command)))?;
    if status.success() { Ok(()) } else { bail!("`{}` failed ({status})", shown(command)) }
}

/// Runs to the end and gives standard output as text.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let out = output(command)?;
    String::from_utf8(out.stdout).with_context(|| format!("`{}` printed no text", shown(command)))
}

/// Runs with `input` on standard input.
pub(crate) fn feed(command: &mut Command, input: &[u8]) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).with_context(|| format!("`{}` did not read its input", shown(command)))?;
    }
    let out = child.wait_with_output()?;
    check(command, &out)
}

/// Whether it runs and succeeds; what it prints is of no interest.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Whether a program of this name is on PATH (or in the directories only root has there).
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|d| std::path::Path::new(d).join(program).is_file())
}

fn output(command: &mut Command) -> Result<Output> {
    let out =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{}`", shown(command)))?;
    check(command, &out)?;
    Ok(out)
}

fn check(command: &Command, out: &Output) -> Result<()> {
    if out.status.success() {
        return Ok(());
    }
    let said = [out.stdout.as_slice(), out.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    let tail = lines[lines.len().saturating_sub(SHOWN)..].join("\n  ");
    bail!("`{}` failed ({})\n  {tail}", shown(command), out.status)
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|w| w.to_string_lossy()).collect();
    let line = words.join(" ");
    if line.len() > 200 { format!("{}…", line.chars().take(200).collect::<String>()) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_and_its_last_words() {
        let e =
            run(Command::new("sh").args(["-c", "echo out; echo oops >&2; exit 3"])).unwrap_err().to_string();
        assert!(e.contains("exit status: 3") && e.contains("oops") && e.contains("sh -c"), "{e}");
    }

    #[test]
    fn a_missing_program_is_named() {
        assert!(
            format!("{:#}", run(&mut Command::new("no-such-thing")).unwrap_err()).contains("no-such-thing")
        );
        assert!(!is_installed("no-such-thing") && is_installed("sh"));
    }

    #[test]
    fn input_is_fed() {
        feed(Command::new("grep").arg("-q").arg("abc"), b"xabcx\n").unwrap();
        assert!(feed(Command::new("grep").arg("-q").arg("abc"), b"nothing\n").is_err());
    }
}
