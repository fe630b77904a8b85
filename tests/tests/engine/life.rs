//! Starting, stopping, deleting; several at once; other programs.

use std::time::{Duration, Instant};

use codchi_tests::{cli::running_phase, repo::Repo, scene::Scene};
use nix::sys::signal::Signal;

/// How long something may take that is expected to happen. Much less than what is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A module whose build takes until its `sleep` is killed, a new one for each text.
fn slow(text: &str) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{ environment.etc."x".source = pkgs.runCommand "slow" {{ }} "sleep 300 || true; echo {text} >$out"; }}"#
    )
}

/// Waits until so many slow builds run.
fn until_builds(scene: &Scene, count: usize) {
    let begin = Instant::now();
    loop {
        let running = scene.controller_processes("sleep");
        if running.len() == count {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{count} builds should run: {running:?}");
    }
}

pub fn stop_and_start_take_a_machine_down_and_up(scene: &mut Scene) {
    scene.hello();
    let status = |scene: &Scene| scene.codchi.machine("hello")["status"].as_str().unwrap().to_owned();
    scene.codchi.ok(&["stop", "hello"]).says("is stopped");
    assert_eq!(status(scene), "stopped");
    scene.codchi.ok(&["stop", "hello"]).says("was stopped already");
    scene.codchi.fails(1, &["exec", "hello", "--", "true"]).says("codchi start hello");
    scene.codchi.ok(&["start", "hello"]).says("is running");
    scene.codchi.ok(&["start", "hello"]).says("was running already");
    let boot = |scene: &Scene| scene.codchi.exec("hello", &["stat", "-c", "%Y", "/proc/1"]);
    let before = boot(scene);
    scene.codchi.ok(&["restart", "hello", "--force"]);
    assert_ne!(boot(scene), before);
    assert_eq!(scene.codchi.exec("hello", &["systemctl", "is-system-running"]), "running");
    assert_eq!(status(scene), "running");
}

pub fn what_another_program_does_is_seen(scene: &mut Scene) {
    scene.hello();
    scene.world.client(&["stop", "--force", "codchi-hello"]);
    assert_eq!(scene.codchi.machine("hello")["status"], "stopped");
    scene.world.client(&["start", "codchi-hello"]);
    assert_eq!(scene.codchi.machine("hello")["status"], "running");
    // Somebody else's instance stays theirs, whatever it is called.
    scene.world.client(&["init", "--empty", "codchi-theirs"]);
    assert!(scene.codchi.machine("theirs").is_null());
    scene.codchi.fails(3, &["delete", "theirs", "--yes"]);
    assert!(scene.instances().contains("codchi-theirs"));
    let hello = scene.example("hello");
    let taken = scene.codchi.run(&["init", "theirs", &hello.url()]);
    assert_ne!(taken.code, 0, "{taken}");
    assert!(scene.instances().contains("codchi-theirs"));
    scene.world.client(&["delete", "codchi-theirs"]);
    scene.codchi.ok(&["delete", "theirs", "--yes"]);
    scene.is_in_order();
}

pub fn two_operations_on_one_machine_are_refused_and_on_two_run_side_by_side(scene: &mut Scene) {
    let (a, b) = ("side-a", "side-b");
    let repo = |name: &str| Repo::module(scene.place(name), "slow", &slow(name));
    let (repo_a, repo_b) = (repo(a), repo(b));
    let mut first = scene.codchi.events(&["init", a, &repo_a.url()]);
    let mut second = scene.codchi.events(&["init", b, &repo_b.url()]);
    first.until_phase("build");
    second.until_phase("build");
    until_builds(scene, 2);
    let refused = scene.codchi.fails(1, &["rebuild", a]);
    refused.says("'side-a' is being worked on").says("create, started from the command line");
    scene.codchi.fails(1, &["delete", a, "--yes"]).says("is being worked on");
    for machine in [a, b] {
        assert_eq!(scene.codchi.machine(machine)["config"], "building", "{machine}");
    }

    assert_eq!(scene.kill_controller_processes("sleep").len(), 2, "none has ended");
    assert_eq!(first.finish().0, 0);
    assert_eq!(second.finish().0, 0);
    scene.codchi.ok(&["delete", a, "--yes"]);
    scene.codchi.ok(&["delete", b, "--yes"]);
    scene.is_in_order();
}

pub fn ctrl_c_cancels_and_leaves_what_runs(scene: &mut Scene) {
    let repo = Repo::module(scene.place("cancelled"), "cancelled", "{ }");
    scene.codchi.ok(&["init", "cancelled", &repo.url()]);
    let system = |scene: &Scene| scene.codchi.exec("cancelled", &["readlink", "-f", "/run/current-system"]);
    let before = system(scene);
    repo.commit(&[("module.nix", &slow("cancelled"))]);
    let mut rebuild = scene.codchi.events(&["rebuild", "cancelled"]);
    rebuild.until("a running build", |event| {
        let activities = event["activities"].as_array();
        activities.is_some_and(|all| all.iter().any(|one| one["name"] == "slow" && one["state"] == "running"))
    });
    rebuild.signal(Signal::SIGINT);
    let (code, events) = rebuild.finish();
    assert_eq!(code, 130);
    let operation = &events.last().unwrap()["operation"];
    assert_eq!(operation["state"], "cancelled", "{operation}");
    assert_eq!(running_phase(events.last().unwrap()), None);
    assert_eq!(system(scene), before);
    // Its build ends, a moment later.
    until_builds(scene, 0);
    scene.codchi.ok(&["delete", "cancelled", "--yes"]);
}

pub fn delete_leaves_nothing(scene: &mut Scene) {
    let repo = scene.example("hello");
    scene.running("gone", &repo);
    scene.codchi.fails(2, &["delete", "gone"]).says("--yes");
    scene.codchi.fails(3, &["delete", "nobody", "--yes"]).says("no machine 'nobody'");
    scene.codchi.ok(&["delete", "gone", "--yes"]);
    assert!(scene.codchi.machine("gone").is_null());
    scene.is_in_order();
    assert!(!scene.instances().contains("codchi-gone"));
    assert!(!scene.volumes().contains("codchi-profile-gone"));
    let left = scene.in_controller(&[
        "sh",
        "-c",
        "ls -d /config/machines/gone /nix/var/nix/profiles/per-instance/gone 2>/dev/null || true",
    ]);
    assert_eq!(left, "");
    assert!(!scene.codchi.config_dir().join("machines/gone").exists());
    scene.codchi.fails(3, &["delete", "gone", "--yes"]);
}
