//! The engine goes away in the middle.

use codchi_tests::{repo::Repo, scene::Scene};
use nix::sys::signal::Signal;
use serde_json::Value;

fn slow(text: &str) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{ environment.etc."x".source = pkgs.runCommand "slow" {{ }} "sleep 3; echo {text} >$out"; }}"#
    )
}

fn builds(event: &Value) -> bool {
    let activities = event["activities"].as_array();
    activities.is_some_and(|all| all.iter().any(|one| one["name"] == "slow" && one["state"] == "running"))
}

/// Ends the engine while a build runs; the operation must end by itself, and the machine run on.
fn ends_while_building(scene: &Scene, machine: &str, signal: Signal) {
    let repo = Repo::module(scene.place(machine), "slow", &slow("before"));
    scene.codchi.ok(&["init", machine, &repo.url()]);
    let boot = scene.codchi.exec(machine, &["stat", "-c", "%Y", "/proc/1"]);
    repo.commit(&[("module.nix", &slow(&format!("after {machine}")))]);
    let mut rebuild = scene.codchi.events(&["rebuild", machine]);
    rebuild.until("a running build", builds);
    scene.world.kill_engine(signal);
    let (code, events) = rebuild.finish();
    let operation = &events.last().unwrap()["operation"];
    assert_eq!(operation["state"], "failed", "{operation:#}");
    assert_ne!(code, 0);
    let failure = &operation["failure"];
    assert!(!failure["message"].as_str().unwrap().is_empty(), "{failure:#}");
    assert_eq!(scene.codchi.status()["engine"]["available"], false);

    scene.world.start_engine();
    assert_eq!(scene.codchi.exec(machine, &["stat", "-c", "%Y", "/proc/1"]), boot, "it ran on");
    assert_eq!(scene.codchi.exec(machine, &["cat", "/etc/x"]), "before");
    scene.codchi.ok(&["rebuild", machine]);
    assert_eq!(scene.codchi.exec(machine, &["cat", "/etc/x"]), format!("after {machine}"));
    scene.is_in_order();
    scene.codchi.ok(&["delete", machine, "--yes"]);
}

pub fn an_engine_that_is_killed_fails_the_operation(scene: &mut Scene) {
    ends_while_building(scene, "killed", Signal::SIGKILL);
}

pub fn an_engine_that_is_restarted_keeps_machines_running(scene: &mut Scene) {
    ends_while_building(scene, "restarted", Signal::SIGTERM);
}
