//! Words for operations and their phases, and what an operation that ended well has changed.

use codchi_controller::{
    nix::{ClosureDiff, PackageChange},
    operation::{Operation, OperationKind, OperationState, Phase},
};

use super::text::{Paint, Tone, bytes, count, printable};

/// At most so many packages of a comparison are listed.
const MOST_PACKAGES: usize = 30;

/// What is done in a phase.
pub(crate) fn phase_title(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "Resolve sources",
        Phase::Requirements => "Read requirements",
        Phase::Check => "Check this computer",
        Phase::Ask => "Ask for secrets",
        Phase::Build => "Build the system",
        Phase::Review => "Compare with the running system",
        Phase::Switch => "Switch to the new system",
        Phase::Finish => "Wait until it is up",
        Phase::Prepare => "Prepare the controller",
        Phase::Stop => "Stop the machine",
        Phase::Start => "Start the machine",
        Phase::Remove => "Remove the machine",
        Phase::Rename => "Move everything to the new name",
        Phase::Export => "Write the file",
        Phase::Fix => "Fix it",
        Phase::Verify => "Check again",
    }
}

/// The kind of operation as a noun.
fn kind_noun(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create => "creation",
        OperationKind::Rebuild => "rebuild",
        OperationKind::Start => "start",
        OperationKind::Stop => "stop",
        OperationKind::Restart => "restart",
        OperationKind::Delete => "removal",
        OperationKind::Rename => "renaming",
        OperationKind::Export => "export",
        OperationKind::InstallController => "installation of the controller",
        OperationKind::Fix => "fix",
    }
}

/// An operation as a noun: `creation of hello`.
pub(crate) fn operation_noun(operation: &Operation) -> String {
    let noun = kind_noun(operation.kind);
    operation.machine.as_ref().map_or_else(|| noun.to_owned(), |machine| format!("{noun} of {machine}"))
}

/// The state of an operation, after its noun.
pub(crate) fn state_words(state: OperationState) -> (&'static str, Tone) {
    match state {
        OperationState::Running => ("runs", Tone::Busy),
        OperationState::WaitingForInput => ("waits for an answer", Tone::Attention),
        OperationState::Succeeded => ("succeeded", Tone::Good),
        OperationState::Failed => ("failed", Tone::Bad),
        OperationState::Cancelled => ("was cancelled", Tone::Attention),
        OperationState::Interrupted => ("was interrupted", Tone::Attention),
    }
}

/// How two systems differ, a line for each package.
pub(crate) fn diff_lines(diff: &ClosureDiff, paint: Paint) -> Vec<String> {
    let mut lines: Vec<String> =
        diff.packages.iter().take(MOST_PACKAGES).map(|package| package_line(package, paint)).collect();
    if let Some(rest) = diff.packages.len().checked_sub(MOST_PACKAGES).filter(|rest| *rest > 0) {
        lines.push(format!("  … and {} more", count(rest, "package", "packages")));
    }
    lines.push(format!(
        "{} changed, {} on disk",
        count(diff.packages.len(), "package", "packages"),
        signed_bytes(diff.size)
    ));
    lines
}

fn package_line(package: &PackageChange, paint: Paint) -> String {
    let name = printable(&package.name);
    let (before, after) = (versions(&package.before), versions(&package.after));
    let (sign, tone, change) = match (package.before.is_empty(), package.after.is_empty()) {
        (true, _) => ("+", Tone::Good, after),
        (false, true) => ("-", Tone::Bad, before),
        (false, false) if before == after => ("~", Tone::Attention, format!("{before} (rebuilt)")),
        (false, false) => ("~", Tone::Attention, format!("{before} → {after}")),
    };
    let size = if package.size == 0 { String::new() } else { format!(", {}", signed_bytes(package.size)) };
    format!("  {} {name} {change}{size}", paint.tone(tone, sign))
}

fn versions(versions: &[String]) -> String {
    printable(&versions.join(", ")).into_owned()
}

fn signed_bytes(size: i64) -> String {
    format!("{}{}", if size < 0 { "-" } else { "+" }, bytes(size.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_names_what_came_went_and_changed() {
        let package = |name: &str, before: &[&str], after: &[&str], size| PackageChange {
            name: name.into(),
            before: before.iter().map(ToString::to_string).collect(),
            after: after.iter().map(ToString::to_string).collect(),
            size,
        };
        let diff = ClosureDiff {
            packages: vec![
                package("hello", &["2.10"], &["2.12"], 1_200),
                package("cowsay", &[], &["3.04"], 45_000),
                package("nano", &["8.0"], &[], -3_000_000),
                package("etc", &["1"], &["1"], 0),
            ],
            size: -2_953_800,
        };
        insta::assert_snapshot!(diff_lines(&diff, Paint { colour: false }).join("\n"), @r#"
          ~ hello 2.10 → 2.12, +1.2 kB
          + cowsay 3.04, +45.0 kB
          - nano 8.0, -3.0 MB
          ~ etc 1 (rebuilt)
        4 packages changed, -3.0 MB on disk
        "#);
    }
}
