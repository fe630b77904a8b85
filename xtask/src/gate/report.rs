//! The table at the end of the gate, and its verdict.

use std::path::Path;

use super::counts::Counts;
use super::schedule::{Outcome, Status};

/// Prints the table; whether everything passed. The last line of all is the sum, alone.
pub(crate) fn print(outcomes: &[Outcome], logs: &Path) -> bool {
    let (text, is_open) = render(outcomes);
    if !is_open {
        eprintln!("\nthe gate is closed; the logs are in {}", logs.display());
    }
    print!("{text}");
    is_open
}

fn render(outcomes: &[Outcome]) -> (String, bool) {
    let mut text = String::from("\nstage       result      time   passed failed skipped\n");
    let mut reasons = String::new();
    for o in outcomes {
        let result = match &o.status {
            Status::Passed => "ok",
            Status::Failed(why) => {
                reasons += &format!("{} failed: {}\n", o.name, why.lines().next().unwrap_or_default());
                "FAILED"
            }
            Status::NotRun(why) => {
                reasons += &format!("{} not run: {why}\n", o.name);
                "not run"
            }
        };
        let tests = o.counts.map(|c| format!("{:>8} {:>6} {:>7}", c.passed, c.failed, c.skipped));
        let line = format!(
            "{:<11} {result:<7} {:>7.1} s{}",
            o.name,
            o.time.as_secs_f64(),
            tests.unwrap_or_default()
        );
        text += line.trim_end();
        text.push('\n');
    }
    let total = outcomes.iter().map(counted).fold(Counts::default(), Counts::plus);
    let is_open = outcomes.iter().all(|o| o.status == Status::Passed);
    text +=
        &format!("{reasons}\n{} passed, {} failed, {} skipped\n", total.passed, total.failed, total.skipped);
    (text, is_open)
}

/// What a stage adds to the sum: its tests; one failure if it failed without any; one skipped if it did not run.
fn counted(o: &Outcome) -> Counts {
    let counts = o.counts.unwrap_or_default();
    match &o.status {
        Status::Failed(_) if counts.failed == 0 => counts.plus(Counts { failed: 1, ..Counts::default() }),
        Status::NotRun(_) => counts.plus(Counts { skipped: 1, ..Counts::default() }),
        _ => counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn outcome(name: &'static str, status: Status, counts: Option<Counts>) -> Outcome {
        Outcome { name, status, time: Duration::from_millis(1500), counts }
    }

    #[test]
    fn the_last_line_is_the_sum_and_trouble_is_named() {
        let c = Counts { passed: 5, failed: 0, skipped: 1 };
        let (text, is_open) = render(&[
            outcome("unit", Status::Passed, Some(c)),
            outcome("clippy", Status::Failed("`cargo clippy` failed\nmore".into()), None),
            outcome("lxd", Status::NotRun("needs images".into()), None),
        ]);
        assert!(!is_open);
        assert_eq!(text.lines().last(), Some("5 passed, 1 failed, 2 skipped"));
        assert!(text.contains("lxd not run: needs images\n"), "{text}");
        assert!(text.contains("clippy failed: `cargo clippy` failed\n"), "{text}");
    }

    #[test]
    fn all_passed_opens_the_gate() {
        let (text, is_open) =
            render(&[outcome("unit", Status::Passed, Some(Counts { passed: 2, failed: 0, skipped: 0 }))]);
        assert!(is_open);
        assert!(text.ends_with("\n2 passed, 0 failed, 0 skipped\n"));
    }
}
