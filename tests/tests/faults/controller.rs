//! The controller is killed, deleted, too old, or its image is damaged.

use std::{fs, process::Command};

use codchi_tests::{repo::Repo, scene::Scene};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A module whose build takes so many seconds, or until its `sleep` is killed.
fn slow(text: &str, seconds: u32) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{ environment.etc."x".source = pkgs.runCommand "slow" {{ }} "sleep {seconds} || true; echo {text} >$out"; }}"#
    )
}

/// The machine `kept`, running, with this in `/etc/x` when it is rebuilt, which takes so many seconds.
fn kept_for(scene: &Scene, text: &str, seconds: u32) {
    let path = scene.place("kept");
    let repo = if path.exists() { Repo::at(path) } else { Repo::module(path, "slow", &slow("first", 3)) };
    scene.running("kept", &repo);
    repo.commit(&[("module.nix", &slow(text, seconds))]);
}

/// The same where it doesn't matter how long it takes.
fn kept(scene: &Scene, text: &str) {
    kept_for(scene, text, 3);
}

fn builds(event: &Value) -> bool {
    let activities = event["activities"].as_array();
    activities.is_some_and(|all| all.iter().any(|one| one["name"] == "slow" && one["state"] == "running"))
}

fn rebuilt(scene: &Scene, text: &str) {
    scene.codchi.ok(&["rebuild", "kept"]);
    assert_eq!(scene.codchi.exec("kept", &["cat", "/etc/x"]), text);
    scene.is_in_order();
}

pub fn a_nix_daemon_that_is_killed_is_back(scene: &mut Scene) {
    // The daemon must be killed before the build ends.
    kept_for(scene, "daemon", 20);
    let mut rebuild = scene.codchi.events(&["rebuild", "kept"]);
    rebuild.until("a running build", builds);
    assert!(!scene.kill_controller_processes("nix-daemon").is_empty());
    let (code, events) = rebuild.finish();
    assert_eq!(code, 1);
    let failure = &events.last().unwrap()["operation"]["failure"];
    assert!(!failure["message"].as_str().unwrap().is_empty(), "{failure:#}");
    assert_eq!(scene.codchi.exec("kept", &["cat", "/etc/x"]), "first");
    // The same build again; nobody has to wait for the rest of it.
    let mut again = scene.codchi.events(&["rebuild", "kept"]);
    again.until("a running build", builds);
    scene.kill_controller_processes("sleep");
    let (code, events) = again.finish();
    assert_eq!(code, 0, "{:#}", events.last().unwrap()["operation"]);
    rebuilt(scene, "daemon");
    scene.codchi.ok(&["doctor"]);
}

pub fn a_controller_that_is_gone_is_made_again(scene: &mut Scene) {
    kept(scene, "stopped");
    scene.world.client(&["stop", "--force", "codchi-controller"]);
    rebuilt(scene, "stopped");

    kept(scene, "deleted");
    let base = base_paths(scene);
    let generation = scene.codchi.machine("kept")["generation"].as_u64().unwrap();
    scene.world.client(&["delete", "--force", "codchi-controller"]);
    assert_eq!(scene.codchi.exec("kept", &["cat", "/etc/x"]), "stopped", "machines run on");
    let missing = scene.codchi.status();
    assert_eq!(missing["engine"]["controller"], "not_installed", "{missing:#}");
    rebuilt(scene, "deleted");
    assert_eq!(scene.codchi.machine("kept")["generation"].as_u64(), Some(generation + 1));
    assert!(base_paths(scene).is_superset(&base), "the store is what it was");
}

/// The paths of the store.
fn base_paths(scene: &Scene) -> std::collections::BTreeSet<String> {
    scene.in_controller(&["ls", "/nix/store"]).lines().map(str::to_owned).collect()
}

/// A copy of the images in which the controller's is another one.
fn another_release(scene: &Scene, name: &str) -> std::path::PathBuf {
    let dir = scene.place(name);
    fs::create_dir_all(&dir).unwrap();
    for entry in fs::read_dir(scene.codchi.variable("CODCHI_IMAGE_DIR")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
    }
    fs::create_dir_all(dir.join("etc")).unwrap();
    fs::write(dir.join("etc/another-release"), name).unwrap();
    let tar = dir.join("controller.tar");
    let output = Command::new("tar")
        .arg("--append")
        .arg("--file")
        .arg(&tar)
        .arg("-C")
        .arg(&dir)
        .arg("etc/another-release")
        .output();
    assert!(output.unwrap().status.success());
    let bytes = fs::read(&tar).unwrap();
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = dir.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    value["images"]["controller"]["sha256"] = sum.into();
    value["images"]["controller"]["size"] = bytes.len().into();
    fs::write(&manifest, value.to_string()).unwrap();
    dir
}

pub fn an_older_controller_is_replaced_and_the_store_stays(scene: &mut Scene) {
    kept(scene, "upgraded");
    let before = base_paths(scene);
    let newer = scene.codchi.clone().env("CODCHI_IMAGE_DIR", another_release(scene, "newer"));
    let boot = scene.codchi.exec("kept", &["stat", "-c", "%Y", "/proc/1"]);
    newer.ok(&["rebuild", "kept"]).says("replacing the controller");
    assert_eq!(scene.in_controller(&["cat", "/etc/another-release"]), "newer");
    assert!(base_paths(scene).is_superset(&before));
    assert_eq!(newer.exec("kept", &["cat", "/etc/x"]), "upgraded");
    assert_eq!(newer.exec("kept", &["stat", "-c", "%Y", "/proc/1"]), boot, "the machine ran on");
    assert_eq!(
        newer.exec("kept", &["nix-store", "-q", "--hash", "/run/current-system"]).len(),
        59,
        "and reaches the new daemon"
    );
    // Back again, with what the other cases use.
    kept(scene, "back");
    rebuilt(scene, "back");
}

pub fn a_damaged_image_is_refused(scene: &mut Scene) {
    scene.codchi.ok(&["modules", &scene.example("hello").url()]);
    let dir = another_release(scene, "damaged");
    let tar = dir.join("controller.tar");
    let mut bytes = fs::read(&tar).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&tar, bytes).unwrap();
    let created = |scene: &Scene| scene.query("/1.0/instances/codchi-controller")["created_at"].clone();
    let before = created(scene);
    let damaged = scene.codchi.clone().env("CODCHI_IMAGE_DIR", &dir);
    let outcome = damaged.fails(4, &["modules", &scene.example("hello").url()]);
    outcome.says("is damaged").says("controller.tar");
    let missing = scene.codchi.clone().env("CODCHI_IMAGE_DIR", scene.place("nowhere"));
    scene.world.client(&["stop", "--force", "codchi-controller"]);
    scene.codchi.ok(&["modules", &scene.example("hello").url()]);
    assert_eq!(created(scene), before, "it is the same as before");
    missing.ok(&["status"]);
}
