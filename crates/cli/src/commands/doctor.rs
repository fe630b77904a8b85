//! `codchi doctor`: is everything there that machines need, and if not, what now.

use std::path::PathBuf;

use codchi_api::types::{FixArgs, Nothing};
use codchi_controller::doctor::{Check, CheckGroup, CheckState, Diagnosis, Fix};

use crate::{
    app::App,
    asking,
    exit::{Exit, Stop},
    follow,
    show::text::{Paint, Tone, printable},
};

/// Checks whether this computer has everything that machines need.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object; with --fix, one JSON event a line
    #[arg(long)]
    json: bool,

    /// Show what fixes this check, ask, run it, and check again
    #[arg(long, value_name = "ID")]
    fix: Option<String>,

    /// Don't ask before fixing
    #[arg(long, requires = "fix")]
    yes: bool,

    /// The file that the fix needs: a certificate authority in PEM format
    #[arg(long, value_name = "FILE", requires = "fix")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(app: &App, args: DoctorArgs) -> Result<Exit, Stop> {
    let diagnosis = look(app).await?;
    let diagnosis = match &args.fix {
        None => diagnosis,
        Some(id) => match mend(app, &args, id, &diagnosis).await? {
            Some(exit) => return Ok(exit),
            // With events on stdout there is no place for the checks.
            None if args.json => return Ok(Exit::DONE),
            None => look(app).await?,
        },
    };
    let stdout = &app.screen.stdout;
    if args.json {
        stdout.json(&diagnosis);
    } else {
        stdout.lines(lines(&diagnosis, stdout.paint));
    }
    Ok(if diagnosis.ok { Exit::DONE } else { Exit::HOST_NOT_READY })
}

async fn look(app: &App) -> Result<Diagnosis, Stop> {
    Ok(follow::wait(app, "Check this computer", app.api.doctor(Nothing {})).await??)
}

/// Runs what mends a check; an exit code where it wasn't run.
async fn mend(app: &App, args: &DoctorArgs, id: &str, diagnosis: &Diagnosis) -> Result<Option<Exit>, Stop> {
    let stderr = &app.screen.stderr;
    if let Some(check) =
        diagnosis.named(id).filter(|check| check.state == CheckState::Ok && check.fix.is_none())
    {
        stderr.line(format_args!("{}: there is nothing to fix.", printable(&check.title)));
        return Ok(None);
    }
    let fix = diagnosis.named(id).and_then(|check| check.fix.as_ref());
    if let Some(fix) = fix.filter(|fix| !args.yes && !fix.by_hand) {
        stderr.lines(fix_lines(fix));
        if !app.screen.stdin_is_terminal {
            return Err(Stop::usage(
                "nothing is run without being asked, and here is no terminal to ask on",
                format!("`codchi doctor --fix {id} --yes` runs it without asking"),
            ));
        }
        if !asking::confirm(app, "Run it?").await? {
            stderr.line("Nothing was run.");
            return Ok(Some(Exit::CANCELLED));
        }
    }
    let file = args.file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let begin = app.api.doctor_fix(FixArgs { id: id.to_owned(), file });
    let operation = follow::operation(app, args.json, "Fix it", begin).await?;
    app.outcome_warnings(&operation);
    Ok(None)
}

/// What a group of checks is called.
fn group_title(group: CheckGroup) -> &'static str {
    match group {
        CheckGroup::Engine => "Engine",
        CheckGroup::Controller => "Controller",
        CheckGroup::Network => "Network and trust",
        CheckGroup::Desktop => "Desktop",
        CheckGroup::Capabilities => "Capabilities",
    }
}

fn lines(diagnosis: &Diagnosis, paint: Paint) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut group = None;
    for check in &diagnosis.checks {
        if group.replace(check.group) != Some(check.group) {
            lines.push(paint.tone(Tone::Quiet, group_title(check.group)));
        }
        lines.extend(check_lines(check, paint));
    }
    let failed = diagnosis.checks.iter().filter(|check| check.state == CheckState::Fail).count();
    lines.push(String::new());
    lines.push(match failed {
        0 if diagnosis.ok => "This computer is ready.".to_owned(),
        0 | 1 => "This computer is not ready.".to_owned(),
        many => format!("This computer is not ready; {many} checks failed."),
    });
    lines
}

fn check_lines(check: &Check, paint: Paint) -> Vec<String> {
    let (word, tone) = match check.state {
        CheckState::Ok => ("ok", Tone::Good),
        CheckState::Warn => ("warn", Tone::Attention),
        CheckState::Fail => ("fail", Tone::Bad),
        CheckState::Unknown => ("?", Tone::Quiet),
    };
    let label = paint.tone(tone, format_args!("{word:<4}"));
    let title = paint.tone(Tone::Strong, printable(&check.title));
    let evidence = printable(&check.evidence);
    let evidence = if evidence.is_empty() {
        String::new()
    } else {
        paint.tone(Tone::Quiet, format_args!("  {evidence}"))
    };
    let mut lines = vec![format!("{label}  {title}{evidence}")];
    if check.state != CheckState::Ok {
        lines.extend(check.explanation.lines().map(|line| format!("      {}", printable(line))));
        lines.extend(check.fix.iter().flat_map(fix_lines));
        let runnable = check.fix.as_ref().filter(|fix| !fix.by_hand);
        lines.extend(runnable.map(|fix| {
            let file = if fix.needs_file { " --file FILE" } else { "" };
            format!("      `codchi doctor --fix {}{file}` runs it", printable(&fix.id))
        }));
    }
    lines
}

fn fix_lines(fix: &Fix) -> Vec<String> {
    let who = if fix.elevates { " (as administrator)" } else { "" };
    std::iter::once(format!("      what fixes it{who}:"))
        .chain(fix.commands.iter().map(|command| format!("        {}", printable(&command_line(command)))))
        .collect()
}

/// A command as one would type it.
pub(super) fn command_line(command: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    let quoted = command.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_says_what_mends_it() {
        let check = |id: &str, state, explanation: &str, fix| Check {
            id: id.into(),
            group: CheckGroup::Engine,
            state,
            reason: "why".into(),
            parameters: Default::default(),
            title: format!("The {id}"),
            explanation: explanation.into(),
            evidence: "LXD 5.0.2".into(),
            fix,
        };
        let fix = Fix {
            id: "join-group".into(),
            commands: vec![["usermod", "-aG", "lxd", "it's me"].map(str::to_owned).to_vec()],
            elevates: true,
            needs_file: false,
            by_hand: false,
        };
        let diagnosis = Diagnosis {
            ok: false,
            checks: vec![
                check("engine", CheckState::Ok, "not shown", None),
                check("group", CheckState::Fail, "This user may not use LXD.", Some(fix)),
                check("controller", CheckState::Unknown, "It couldn't be asked.", None),
            ],
        };
        insta::assert_snapshot!(lines(&diagnosis, Paint { colour: false }).join("\n"), @r#"
        Engine
        ok    The engine  LXD 5.0.2
        fail  The group  LXD 5.0.2
              This user may not use LXD.
              what fixes it (as administrator):
                usermod -aG lxd 'it'\''s me'
              `codchi doctor --fix join-group` runs it
        ?     The controller  LXD 5.0.2
              It couldn't be asked.

        This computer is not ready.
        "#);
    }
}
