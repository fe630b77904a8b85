//! `kill -9` of the process that works, in each phase of each operation: it is explained, nothing is orphaned or damaged, and the same
//! command finishes it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

use std::process::ExitCode;

use codchi_tests::{
    cli::running_phase,
    gateway::{Gateway, Held},
    repo::Repo,
    scene::Scene,
    suite::{self, Case},
};
use serde_json::Value;

/// Tells an event at which the process is killed.
type Holds = dyn Fn(&Value) -> bool;

const CASES: &[Case<Scene>] = &[
    Case { name: "killed_while_the_controller_is_installed", run: killed_while_the_controller_is_installed },
    Case { name: "killed_in_each_phase_of_a_creation", run: killed_in_each_phase_of_a_creation },
    Case { name: "killed_in_each_phase_of_a_rebuild", run: killed_in_each_phase_of_a_rebuild },
    Case { name: "killed_in_each_phase_of_a_removal", run: killed_in_each_phase_of_a_removal },
];

fn main() -> ExitCode {
    suite::main("kills", || Scene::new(&[]), CASES)
}

/// A module with this greeting, whose build takes a moment.
fn module(text: &str) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{
          environment.etc."greeting".source = pkgs.runCommand "greeting" {{ }} "sleep 2; echo {text} >$out";
          systemd.services.greeter = {{ wantedBy = [ "multi-user.target" ]; script = "echo {text}; exec sleep infinity"; }};
        }}"#
    )
}

/// Runs a command until an event of which this holds, and kills it then. Returns the phase in which it was.
fn kill_when(scene: &Scene, args: &[&str], what: &str, holds: impl Fn(&Value) -> bool) -> String {
    let mut phase = String::new();
    let mut running = scene.codchi.events(args);
    running.until(what, |event| {
        if let Some(now) = running_phase(event) {
            now.clone_into(&mut phase);
        }
        holds(event)
    });
    running.kill();
    phase
}

/// Kills a command as soon as its operation is in this phase, and looks that the operation is explained and nothing is orphaned.
fn kill_in(scene: &Scene, machine: &str, args: &[&str], phase: &str) {
    // A phase may be over before anybody hears of it; then it is the next one that is hit.
    let from = |event: &Value| {
        let phases = event["operation"]["phases"].as_array()?;
        let wanted = phases.iter().position(|one| one["phase"] == phase)?;
        phases.iter().position(|one| one["state"] == "running").filter(|running| *running >= wanted)
    };
    kill_when(scene, args, phase, |event| from(event).is_some());
    is_explained(scene, machine);
}

fn is_explained(scene: &Scene, machine: &str) {
    scene.engine_is_done();
    let status = scene.codchi.machine(machine);
    let operation = &status["operation"];
    assert_eq!(operation["state"], "interrupted", "{status:#}");
    assert_eq!(operation["failure"]["code"], "interrupted", "{status:#}");
    assert!(operation["failure"]["message"].as_str().unwrap().contains(machine), "{status:#}");
    assert!(!operation["failure"]["hints"].as_array().unwrap().is_empty(), "{status:#}");
    let phases = operation["phases"].as_array().unwrap();
    let hit = phases.iter().find(|phase| phase["state"] == "failed").expect("the phase that was hit");
    println!("  {} hit in {}", operation["kind"].as_str().unwrap(), hit["phase"].as_str().unwrap());
    scene.codchi.ok(&["status"]).says(machine);
    scene.is_in_order();
}

fn names(event: &Value, activity: &str) -> bool {
    event["activities"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == activity))
}

fn killed_while_the_controller_is_installed(scene: &mut Scene) {
    let repo = scene.example("hello");
    let init = ["init", "hello", &repo.url()];
    let stages: [(&str, &Holds); 3] = [
        ("its beginning", &|event| running_phase(event) == Some("prepare")),
        ("the image on its way", &|event| names(event, "controller image")),
        ("a log line", &|event| event["event"] == "log_grew" && event["lines"].as_u64() >= Some(2)),
    ];
    for (what, holds) in stages {
        let phase = kill_when(scene, &init, what, holds);
        assert_eq!(phase, "prepare");
        assert!(scene.codchi.machine("hello").is_null(), "the machine wasn't begun");
        scene.codchi.ok(&["status"]);
        scene.files_are_whole();
        let instances = scene.instances();
        assert!(instances.iter().all(|name| name == "codchi-controller"), "{instances:?}");
    }
    scene.codchi.ok(&init);
    assert!(scene.codchi.exec("hello", &["hello"]).contains("Hello"));
    scene.is_in_order();
}

fn killed_in_each_phase_of_a_creation(scene: &mut Scene) {
    for phase in ["resolve", "requirements", "build", "switch", "finish"] {
        let machine = format!("made-{phase}");
        let repo = Repo::module(scene.place(&machine), "greeting", &module(phase));
        let init = ["init", &machine, &repo.url()];
        kill_in(scene, &machine, &init, phase);
        scene.codchi.ok(&init);
        assert_eq!(scene.codchi.exec(&machine, &["cat", "/etc/greeting"]), phase);
        assert_eq!(scene.codchi.exec(&machine, &["systemctl", "is-system-running"]), "running");
        assert_eq!(scene.codchi.machine(&machine)["operation"], Value::Null);
        scene.is_in_order();
        scene.codchi.ok(&["delete", &machine, "--yes"]);
    }
}

fn killed_in_each_phase_of_a_rebuild(scene: &mut Scene) {
    let repo = Repo::module(scene.place("rebuilt"), "greeting", &module("zero"));
    scene.codchi.ok(&["init", "rebuilt", &repo.url()]);
    let boot = |scene: &Scene| scene.codchi.exec("rebuilt", &["stat", "-c", "%Y", "/proc/1"]);
    let begin = boot(scene);
    for phase in ["resolve", "requirements", "build", "review", "switch"] {
        repo.commit(&[("module.nix", &module(phase))]);
        kill_in(scene, "rebuilt", &["rebuild", "rebuilt"], phase);
        assert_eq!(scene.codchi.exec("rebuilt", &["systemctl", "is-active", "greeter"]), "active");
        scene.codchi.ok(&["rebuild", "rebuilt"]);
        assert_eq!(scene.codchi.exec("rebuilt", &["cat", "/etc/greeting"]), phase);
        assert_eq!(scene.codchi.exec("rebuilt", &["systemctl", "is-system-running"]), "running");
        let current = scene.codchi.exec("rebuilt", &["readlink", "-f", "/run/current-system"]);
        assert_eq!(
            current,
            scene.codchi.exec("rebuilt", &["readlink", "-f", "/nix/var/nix/profiles/system"])
        );
        scene.is_in_order();
    }
    assert_eq!(boot(scene), begin, "it was never restarted");
    scene.codchi.ok(&["delete", "rebuilt", "--yes"]);
}

fn killed_in_each_phase_of_a_removal(scene: &mut Scene) {
    let repo = scene.example("hello");
    let delete = ["delete", "removed", "--yes"];
    scene.running("removed", &repo);
    kill_in(scene, "removed", &delete, "stop");
    scene.codchi.ok(&delete);
    // What comes after the stop would be done before anybody hears of it.
    let container = "DELETE /1.0/instances/codchi-removed";
    let volume = "DELETE /1.0/storage-pools/default/volumes/custom/codchi-profile-removed";
    for (request, held) in [(container, Held::Before), (container, Held::After), (volume, Held::Before)] {
        scene.running("removed", &repo);
        let gateway = Gateway::new(&scene.world, request, held);
        let running = gateway.through(&scene.codchi).events(&delete);
        gateway.wait();
        running.kill();
        println!("  {held:?} {request}");
        is_explained(scene, "removed");
        scene.codchi.ok(&delete);
        assert!(scene.codchi.machine("removed").is_null());
        scene.is_in_order();
    }
}
