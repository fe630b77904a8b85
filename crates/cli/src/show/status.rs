//! All machines in a table, and what is wrong with them.

use codchi_controller::{
    operation::{Operation, OperationKind, OperationState, Phase},
    status::{ConfigState, MachineStatus, RunState, Snapshot},
};

use super::{
    operation::{operation_noun, state_words},
    table::{Cell, Column, Table},
    text::{Paint, Tone, printable},
};

/// What a machine does, in a word.
pub(crate) fn run_state(state: RunState) -> (&'static str, &'static str, Tone) {
    match state {
        RunState::NotInstalled => ("◌", "not installed", Tone::Quiet),
        RunState::Starting => ("◐", "starting", Tone::Busy),
        RunState::Running => ("●", "running", Tone::Good),
        RunState::Stopping => ("◐", "stopping", Tone::Busy),
        RunState::Stopped => ("○", "stopped", Tone::Plain),
        RunState::Error => ("✗", "error", Tone::Bad),
        RunState::Unknown => ("?", "unknown", Tone::Attention),
    }
}

/// How current a machine is, in words.
pub(crate) fn config_state(state: ConfigState) -> (&'static str, Tone) {
    match state {
        ConfigState::NeverBuilt => ("never built", Tone::Quiet),
        ConfigState::Building => ("building", Tone::Busy),
        ConfigState::Modified => ("modified", Tone::Attention),
        ConfigState::UpToDate => ("up to date", Tone::Plain),
        ConfigState::Failed => ("failed", Tone::Bad),
    }
}

/// The table for stdout. `glyphs` says whether states get a sign besides their word.
pub(crate) fn lines(snapshot: &Snapshot, paint: Paint, width: Option<usize>, glyphs: bool) -> Vec<String> {
    if snapshot.machines.is_empty() {
        return vec!["There are no machines yet. `codchi init NAME URL` makes one.".to_owned()];
    }
    let mut table = Table::new([
        Column::shrinking("NAME"),
        Column::whole("STATUS"),
        Column::whole("CONFIG"),
        Column::whole("GENERATION"),
        Column::whole("ADDRESS"),
        Column::shrinking("MODULES"),
    ]);
    for machine in &snapshot.machines {
        let (glyph, word, tone) = run_state(machine.status);
        let status = if glyphs { format!("{glyph} {word}") } else { word.to_owned() };
        let (config, config_tone) = config(machine);
        let modules: Vec<&str> = machine.modules.iter().map(|module| module.name.as_str()).collect();
        table.row([
            Cell::new(machine.name.as_str(), Tone::Strong),
            Cell::new(status, tone),
            Cell::new(config, config_tone),
            machine.generation.map(|number| number.to_string()).unwrap_or_default().into(),
            machine.address.as_deref().unwrap_or_default().into(),
            modules.join(", ").into(),
        ]);
    }
    table.lines(paint, width)
}

fn config(machine: &MachineStatus) -> (String, Tone) {
    let (word, tone) = config_state(machine.config);
    let running = machine.operation.as_ref().filter(|operation| !operation.state.is_over());
    match running {
        Some(operation) if operation.state == OperationState::WaitingForInput => {
            ("waits for an answer".to_owned(), Tone::Attention)
        }
        Some(operation) if operation.phase() == Some(Phase::Build) => {
            let counts = operation.counts;
            let all = counts.planned + counts.running + counts.done + counts.failed;
            (format!("{word} {}/{all}", counts.done), tone)
        }
        _ => (word.to_owned(), tone),
    }
}

/// What is wrong with single machines, for stderr.
pub(crate) fn problem_lines(snapshot: &Snapshot, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for machine in &snapshot.machines {
        let name = &machine.name;
        if let Some(problem) = &machine.problem {
            let label = paint.tone(Tone::Bad, format_args!("{name}:"));
            lines.push(format!("{label} {}", printable(&problem.message)));
            lines.extend(problem.causes.iter().map(|cause| format!("  {}", printable(cause))));
            lines.extend(problem.hints.iter().map(|hint| format!("  {}", printable(hint))));
        }
        let operation =
            machine.operation.iter().filter(|operation| !is_made_good(machine.status, operation.kind));
        lines.extend(operation.flat_map(|operation| unhappy_end(operation, paint)));
    }
    lines
}

/// Whether what an operation was to bring about is so all the same: somebody else did it.
fn is_made_good(status: RunState, kind: OperationKind) -> bool {
    matches!(
        (kind, status),
        (OperationKind::Start | OperationKind::Restart, RunState::Running)
            | (OperationKind::Stop, RunState::Stopped)
    )
}

/// What is told of an operation that is over and didn't end well.
fn unhappy_end(operation: &Operation, paint: Paint) -> Vec<String> {
    let Some(name) = operation.machine.as_ref().filter(|_| operation.state.is_over()) else {
        return Vec::new();
    };
    let (words, tone) = state_words(operation.state);
    let why = match &operation.failure {
        Some(failure) if operation.state == OperationState::Failed => {
            format!(": {}", printable(&failure.message))
        }
        _ => String::new(),
    };
    let what = format!("the {} {words}{why}", operation_noun(operation));
    vec![format!("{} {what}", paint.tone(tone, "note:")), format!("  `codchi logs {name}` shows its log")]
}

#[cfg(test)]
mod tests {
    use codchi_controller::{
        driver::DriverKind,
        failure::{Failure, FailureCode},
        machine::NixpkgsChoice,
        operation::Door,
        status::{EngineStatus, ModuleStatus},
    };
    use time::macros::datetime;

    use super::*;

    const PLAIN: Paint = Paint { colour: false };

    fn machine(name: &str, status: RunState, config: ConfigState) -> MachineStatus {
        MachineStatus {
            name: name.parse().unwrap(),
            driver: DriverKind::Lxd,
            status,
            config,
            modules: vec![ModuleStatus {
                name: "hello".into(),
                url: "github:acme/hello".into(),
                attr: "nixosModules.hello".into(),
                rev: None,
            }],
            nixpkgs: NixpkgsChoice::Builtin,
            generation: Some(3),
            built: None,
            since: None,
            address: Some("10.0.3.17".into()),
            allowed: vec![],
            operation: None,
            problem: None,
        }
    }

    fn snapshot(machines: Vec<MachineStatus>) -> Snapshot {
        Snapshot {
            machines,
            engine: EngineStatus {
                driver: DriverKind::Lxd,
                available: true,
                controller: Some(RunState::Running),
                problem: None,
            },
        }
    }

    fn failed() -> Failure {
        Failure {
            code: FailureCode::Build,
            message: "hello-2.12 did not build: no rule".into(),
            hints: vec![],
            causes: vec![],
            details: vec![],
        }
    }

    #[test]
    fn states_are_words() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let mut building = machine("web", RunState::Stopped, ConfigState::Building);
        let mut operation = Operation::begin(OperationKind::Rebuild, None, Door::Window, now);
        operation.enter(Phase::Build, now);
        (operation.counts.done, operation.counts.planned) = (3, 9);
        building.operation = Some(operation);
        let mut broken = machine("broken", RunState::NotInstalled, ConfigState::Failed);
        (broken.generation, broken.address) = (None, None);
        let mut operation =
            Operation::begin(OperationKind::Create, Some(broken.name.clone()), Door::Window, now);
        operation.fail(OperationState::Failed, failed(), now);
        broken.operation = Some(operation);
        let snapshot =
            snapshot(vec![broken, machine("hello", RunState::Running, ConfigState::UpToDate), building]);
        insta::assert_snapshot!(lines(&snapshot, PLAIN, None, false).join("\n"), @r#"
        NAME    STATUS         CONFIG         GENERATION  ADDRESS    MODULES
        broken  not installed  failed                                hello
        hello   running        up to date     3           10.0.3.17  hello
        web     stopped        building 3/12  3           10.0.3.17  hello
        "#);
        insta::assert_snapshot!(lines(&snapshot, PLAIN, Some(64), true).join("\n"), @r#"
        NAME    STATUS           CONFIG         GENERATION  ADDRESS    MODULES
        broken  ◌ not installed  failed                                hello
        hello   ● running        up to date     3           10.0.3.17  hello
        web     ○ stopped        building 3/12  3           10.0.3.17  hello
        "#);
        insta::assert_snapshot!(problem_lines(&snapshot, PLAIN).join("\n"), @r#"
        note: the creation of broken failed: hello-2.12 did not build: no rule
          `codchi logs broken` shows its log
        "#);
    }

    #[test]
    fn a_start_that_failed_is_past_when_the_machine_runs() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let mut hello = machine("hello", RunState::Stopped, ConfigState::UpToDate);
        let mut operation =
            Operation::begin(OperationKind::Start, Some(hello.name.clone()), Door::Window, now);
        operation.fail(OperationState::Failed, failed(), now);
        hello.operation = Some(operation);
        assert_eq!(problem_lines(&snapshot(vec![hello.clone()]), PLAIN).len(), 2);
        hello.status = RunState::Running;
        assert_eq!(problem_lines(&snapshot(vec![hello]), PLAIN), Vec::<String>::new());
    }

    #[test]
    fn an_engine_that_is_down_leaves_the_machines_listed() {
        let mut machine = machine("hello", RunState::Unknown, ConfigState::UpToDate);
        machine.address = None;
        let lines = lines(&snapshot(vec![machine]), PLAIN, None, false);
        insta::assert_snapshot!(lines.join("\n"), @r#"
        NAME   STATUS   CONFIG      GENERATION  ADDRESS  MODULES
        hello  unknown  up to date  3                    hello
        "#);
    }

    #[test]
    fn the_first_time_it_says_what_to_do() {
        let lines = lines(&snapshot(vec![]), PLAIN, Some(80), true);
        assert_eq!(lines, ["There are no machines yet. `codchi init NAME URL` makes one."]);
    }
}
