use std::fmt::Write as _;

use codchi_api::types::Event;
use codchi_controller::{
    failure::{Failure, FailureCode},
    operation::Door,
    settings::{Language, Settings},
};

use super::*;
use crate::testing::{self, NOW};

/// The tray as one would draw it on paper: disabled entries in parentheses, what an entry does behind an arrow.
fn draw(model: &TrayModel) -> String {
    fn entries(out: &mut String, depth: usize, list: &[Entry]) {
        let indent = "  ".repeat(depth);
        for entry in list {
            let _ = match entry {
                Entry::Line => writeln!(out, "{indent}---"),
                Entry::Item { label, choice: None, .. } => writeln!(out, "{indent}({label})"),
                Entry::Item { label, choice: Some(choice), .. } => {
                    writeln!(out, "{indent}{label} -> {choice:?}")
                }
                Entry::Menu { label, .. } => writeln!(out, "{indent}{label} >"),
            };
            if let Entry::Menu { entries: inner, .. } = entry {
                entries(out, depth + 1, inner);
            }
        }
    }
    let mut out = format!("{:?}\n{}\n\n", model.icon, model.tooltip);
    entries(&mut out, 0, &model.entries);
    out
}

fn picture(machines: Vec<MachineStatus>) -> Picture {
    let mut picture = Picture::new(Some(Settings::default()), NOW);
    picture.apply(&testing::machines(machines));
    picture
}

fn english(picture: &Picture) -> TrayModel {
    TrayModel::new(picture, false, Words::of(Language::En, None))
}

fn rebuilding(name: &str) -> MachineStatus {
    let mut machine = testing::machine(name);
    let mut operation = testing::operation(OperationKind::Rebuild, name);
    operation.enter(Phase::Build, NOW);
    operation.counts.planned = 4;
    operation.counts.running = 1;
    operation.counts.done = 3;
    machine.allowed = vec![Action::Exec, Action::Cancel];
    machine.operation = Some(operation);
    machine
}

fn failed(name: &str) -> MachineStatus {
    let mut machine = testing::stopped(name);
    let mut operation = testing::operation(OperationKind::Rebuild, name);
    operation.enter(Phase::Build, NOW);
    let failure = Failure {
        code: FailureCode::Build,
        message: "billing did not build".to_owned(),
        hints: vec![],
        causes: vec![],
        details: vec![],
    };
    operation.fail(OperationState::Failed, failure, NOW);
    machine.operation = Some(operation);
    machine
}

#[test]
fn before_the_first_event() {
    insta::assert_snapshot!(draw(&english(&Picture::new(Some(Settings::default()), NOW))));
}

#[test]
fn machines_in_every_group() {
    let draft =
        MachineStatus { status: RunState::NotInstalled, allowed: vec![], ..testing::machine("draft") };
    let machines =
        vec![testing::stopped("attic"), rebuilding("busy"), draft, failed("legacy"), testing::machine("web")];
    insta::assert_snapshot!(draw(&english(&picture(machines))));
}

#[test]
fn german() {
    let picture = picture(vec![rebuilding("busy"), testing::stopped("lager"), testing::machine("web")]);
    insta::assert_snapshot!(draw(&TrayModel::new(&picture, true, Words::of(Language::De, None))));
}

#[test]
fn the_engine_does_not_answer() {
    let mut picture = picture(vec![]);
    let mut engine = testing::engine();
    engine.available = false;
    let unknown = MachineStatus { status: RunState::Unknown, allowed: vec![], ..testing::machine("web") };
    picture.apply(&Event::MachinesChanged { changed: vec![unknown], removed: vec![], engine });
    insta::assert_snapshot!(draw(&english(&picture)));
}

#[test]
fn the_ninth_machine_is_in_a_menu_of_its_own() {
    let machines = (1..=10).map(|n| testing::machine(&format!("m{n:02}"))).collect();
    let model = english(&picture(machines));
    let menus: Vec<_> = model
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Menu { label, entries, .. } => Some((label.as_str(), entries.len())),
            _ => None,
        })
        .collect();
    assert_eq!(menus.len(), 9);
    assert_eq!(menus[7], ("m08: Running", 8));
    assert_eq!(menus[8], ("More machines (2)", 2));
}

#[test]
fn the_controller_is_installed() {
    let mut picture = picture(vec![]);
    let operation = Operation {
        id: testing::operation_id(9),
        ..Operation::begin(OperationKind::InstallController, None, Door::Window, NOW)
    };
    picture.apply(&Event::OperationChanged { operation });
    insta::assert_snapshot!(draw(&english(&picture)));
}

#[test]
fn a_machine_that_waits_is_answered_from_its_menu() {
    let mut machine = testing::machine("web");
    let mut operation = testing::operation(OperationKind::Rebuild, "web");
    operation.state = OperationState::WaitingForInput;
    operation.asks = Some(testing::asks(&["token"]));
    machine.operation = Some(operation);
    insta::assert_snapshot!(draw(&english(&picture(vec![machine]))));
}

#[test]
fn failed_checks_lead_to_the_doctor() {
    let mut picture = picture(vec![testing::machine("web")]);
    picture.problems = 2;
    insta::assert_snapshot!(draw(&english(&picture)));
}

#[test]
fn the_icon_tells_the_worst() {
    let icon = |machines| english(&picture(machines)).icon;
    assert_eq!(icon(vec![testing::stopped("a")]), Icon::Idle);
    assert_eq!(icon(vec![testing::stopped("a"), testing::machine("b")]), Icon::Running);
    assert_eq!(icon(vec![rebuilding("a"), testing::machine("b")]), Icon::Busy);
    assert_eq!(icon(vec![rebuilding("a"), failed("c")]), Icon::Problem);
}

#[test]
fn a_key_is_unique_among_its_neighbours_and_survives_a_change_of_state() {
    fn keys(entries: &[Entry]) -> Vec<String> {
        let mut all = vec![];
        for entry in entries {
            match entry {
                Entry::Line => {}
                Entry::Item { key, .. } => all.push(key.clone()),
                Entry::Menu { key, entries, .. } => {
                    all.push(key.clone());
                    all.extend(keys(entries).into_iter().map(|inner| format!("{key}/{inner}")));
                }
            }
        }
        all
    }
    let running = keys(&english(&picture(vec![testing::machine("a")])).entries);
    let stopped = keys(&english(&picture(vec![testing::stopped("a")])).entries);
    assert_eq!(running, stopped);
    assert_eq!(running.iter().collect::<std::collections::BTreeSet<_>>().len(), running.len());
}
