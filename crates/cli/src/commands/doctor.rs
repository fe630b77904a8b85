//! `codchi doctor`: is everything there that machines need, and if not, what now.

use codchi_api::types::Nothing;
use codchi_controller::doctor::{Check, CheckState, Diagnosis, Fix};

use crate::{
    app::App,
    exit::{Exit, Stop},
    follow,
    show::text::{Paint, Tone, printable},
};

/// Checks whether this computer has everything that machines need.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Mend what this check found, then check everything again
    #[arg(long, value_name = "CHECK")]
    fix: Option<Mendable>,
}

/// The checks that Codchi can mend by itself.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mendable {
    /// Install, replace or start the controller
    Controller,
}

pub(crate) async fn run(app: &App, args: &DoctorArgs) -> Result<Exit, Stop> {
    if let Some(Mendable::Controller) = args.fix {
        app.prepare(args.json).await?;
    }
    let diagnosis = follow::wait(app, "Check this computer", app.api.doctor(Nothing {})).await??;
    let stdout = &app.screen.stdout;
    if args.json {
        stdout.json(&diagnosis);
    } else {
        stdout.lines(lines(&diagnosis, stdout.paint));
    }
    Ok(if diagnosis.ok { Exit::DONE } else { Exit::HOST_NOT_READY })
}

fn lines(diagnosis: &Diagnosis, paint: Paint) -> Vec<String> {
    let mut lines: Vec<String> =
        diagnosis.checks.iter().flat_map(|check| check_lines(check, paint)).collect();
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
    }
    lines
}

fn fix_lines(fix: &Fix) -> Vec<String> {
    let who = if fix.elevates { " (as administrator)" } else { "" };
    std::iter::once(format!("      what mends it{who}:"))
        .chain(fix.commands.iter().map(|command| format!("        {}", printable(&command_line(command)))))
        .collect()
}

/// A command as one would type it.
fn command_line(command: &[String]) -> String {
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
            state,
            title: format!("The {id}"),
            explanation: explanation.into(),
            evidence: "LXD 5.0.2".into(),
            fix,
        };
        let fix = Fix {
            id: "join-group".into(),
            commands: vec![["usermod", "-aG", "lxd", "it's me"].map(str::to_owned).to_vec()],
            elevates: true,
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
        ok    The engine  LXD 5.0.2
        fail  The group  LXD 5.0.2
              This user may not use LXD.
              what mends it (as administrator):
                usermod -aG lxd 'it'\''s me'
        ?     The controller  LXD 5.0.2
              It couldn't be asked.

        This computer is not ready.
        "#);
    }
}
