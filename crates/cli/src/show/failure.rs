//! An error as people read it on a terminal: what happened, why, the last lines, what now.

use codchi_controller::failure::Failure;

use super::text::{Paint, Tone, printable};

/// The lines for stderr.
pub(crate) fn lines(failure: &Failure, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("{} {}", paint.tone(Tone::Bad, "error:"), printable(&failure.message))];
    why_and_what_now(&mut lines, failure, paint);
    lines
}

/// The lines of something that is worth knowing although it stops nothing.
pub(crate) fn warning_lines(failure: &Failure, paint: Paint) -> Vec<String> {
    let mut lines = vec![warning_line(&failure.message, paint)];
    why_and_what_now(&mut lines, failure, paint);
    lines
}

/// One line of warning.
pub(crate) fn warning_line(text: &str, paint: Paint) -> String {
    format!("{} {}", paint.tone(Tone::Attention, "warning:"), printable(text))
}

fn why_and_what_now(lines: &mut Vec<String>, failure: &Failure, paint: Paint) {
    let new = failure.causes.iter().filter(|cause| !failure.message.contains(cause.as_str()));
    for cause in new.flat_map(|cause| cause.lines()) {
        lines.push(format!("  {}", printable(cause)));
    }
    if !failure.details.is_empty() {
        lines.push(String::new());
        let details = failure.details.iter().flat_map(|detail| detail.lines());
        lines.extend(
            details.map(|line| format!("  {} {}", paint.tone(Tone::Quiet, "|"), paint.log_text(line))),
        );
        if !failure.hints.is_empty() {
            lines.push(String::new());
        }
    }
    for hint in &failure.hints {
        lines.push(format!("{} {}", paint.tone(Tone::Busy, "hint:"), printable(hint)));
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::failure::FailureCode;

    use super::*;

    #[test]
    fn says_what_why_and_what_now() {
        let failure = Failure {
            code: FailureCode::Build,
            message: "hello-2.12 did not build: no rule to make target\nx".into(),
            hints: vec!["run `codchi logs hello`".into()],
            causes: vec!["builder failed with exit code 2".into(), "no rule to make target".into()],
            details: vec!["\x1b[1mmake\x1b[0m: *** no rule".into(), "make: stopped".into()],
        };
        insta::assert_snapshot!(lines(&failure, Paint { colour: false }).join("\n"), @r#"
        error: hello-2.12 did not build: no rule to make target�x
          builder failed with exit code 2

          | make: *** no rule
          | make: stopped

        hint: run `codchi logs hello`
        "#);
    }
}
