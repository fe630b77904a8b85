//! Copies, other names, and files that machines are written into and come back from.

use codchi_tests::{
    gateway::{Gateway, Held},
    scene::Scene,
};
use serde_json::Value;

fn kept(scene: &Scene, machine: &str) -> String {
    scene.codchi.exec(machine, &["sh", "-c", "cat kept; stat -c ' %U %a %h' kept"])
}

fn original(scene: &Scene) {
    let repo = scene.example("hello");
    scene.running("original", &repo);
    scene.codchi.exec("original", &["sh", "-c", "printf kept >kept; chmod 640 kept; ln -f kept hard"]);
}

fn machine_id(scene: &Scene, machine: &str) -> String {
    scene.codchi.exec(machine, &["cat", "/etc/machine-id"])
}

pub fn a_duplicate_is_another_machine_with_the_same_files(scene: &mut Scene) {
    original(scene);
    scene.codchi.ok(&["duplicate", "original", "copied"]);
    assert_eq!(kept(scene, "copied"), "kept codchi 640 2");
    assert_eq!(scene.codchi.exec("copied", &["hostname"]).trim(), "copied");
    assert_eq!(scene.codchi.exec("copied", &["systemctl", "is-system-running"]).trim(), "running");
    assert_ne!(machine_id(scene, "copied"), machine_id(scene, "original"));
    let address = |machine: &str| scene.codchi.machine(machine)["address"].as_str().map(str::to_owned);
    assert_ne!(address("copied"), address("original"));
    scene.codchi.exec("copied", &["sh", "-c", "printf changed >kept"]);
    assert_eq!(kept(scene, "original"), "kept codchi 640 2");
    scene.is_in_order();
    scene.codchi.fails(2, &["duplicate", "original", "copied"]);
    scene.codchi.ok(&["delete", "copied", "--yes"]);
}

pub fn a_copy_that_was_killed_is_finished(scene: &mut Scene) {
    original(scene);
    for step in ["copy the container", "make it another machine"] {
        let duplicate = ["duplicate", "original", "killed"];
        let mut running = scene.codchi.events(&duplicate);
        running.until(step, |event| event.to_string().contains(step));
        running.kill();
        assert_eq!(scene.codchi.machine("killed")["operation"]["state"], "interrupted", "{step}");
        scene.codchi.ok(&duplicate);
        assert_eq!(kept(scene, "killed"), "kept codchi 640 2");
        scene.is_in_order();
        scene.codchi.ok(&["delete", "killed", "--yes"]);
    }
}

pub fn another_name_keeps_everything(scene: &mut Scene) {
    original(scene);
    let (id, generations) =
        (machine_id(scene, "original"), scene.codchi.ok(&["generations", "original"]).stdout);
    scene.codchi.ok(&["rename", "original", "renamed"]);
    assert!(scene.codchi.machine("original").is_null());
    assert_eq!(kept(scene, "renamed"), "kept codchi 640 2");
    assert_eq!(machine_id(scene, "renamed"), id, "it is the same machine");
    assert_eq!(scene.codchi.exec("renamed", &["hostname"]).trim(), "renamed");
    assert_eq!(scene.codchi.ok(&["generations", "renamed"]).stdout, generations);
    scene.is_in_order();
    scene.codchi.ok(&["rename", "renamed", "original"]);
    scene.is_in_order();
}

pub fn a_renaming_that_was_killed_is_finished(scene: &mut Scene) {
    original(scene);
    let steps = [
        ("PUT /1.0/instances/codchi-FROM/state", Held::Before),
        ("POST /1.0/storage-pools/default/volumes/custom", Held::Before),
        ("POST /1.0/instances/codchi-FROM ", Held::Before),
        ("POST /1.0/instances/codchi-FROM ", Held::After),
        ("DELETE /1.0/storage-pools/default/volumes/custom/codchi-profile-FROM", Held::Before),
    ];
    let (mut from, mut to) = ("original", "moved");
    for (request, held) in steps {
        let rename = ["rename", from, to];
        let gateway = Gateway::new(&scene.world, &request.replace("FROM", from), held);
        let running = gateway.through(&scene.codchi).events(&rename);
        gateway.wait();
        running.kill();
        println!("  {held:?} {request}");
        let known = [from, to].map(|name| scene.codchi.machine(name));
        let named = known.iter().filter(|machine| **machine != Value::Null).count();
        assert_eq!(named, 1, "it has one name: {known:#?}");
        scene.codchi.ok(&rename);
        assert!(scene.codchi.machine(from).is_null(), "{request}");
        assert_eq!(scene.codchi.machine(to)["operation"], Value::Null, "{request}");
        scene.running(to, &scene.example("hello"));
        assert_eq!(kept(scene, to), "kept codchi 640 2");
        scene.is_in_order();
        (from, to) = (to, from);
    }
}

pub fn an_exported_machine_comes_back(scene: &mut Scene) {
    original(scene);
    let file = scene.world.dir().join("original.codchi").display().to_string();
    for state in ["running", "stopped"] {
        if state == "stopped" {
            scene.codchi.ok(&["stop", "original"]);
        }
        scene.codchi.ok(&["export", "original", &file, "--data"]);
        assert_eq!(scene.codchi.machine("original")["status"], state);
        scene.codchi.ok(&["import", &file, "--name", "back"]);
        assert_eq!(kept(scene, "back"), "kept codchi 640 2");
        assert_eq!(scene.codchi.exec("back", &["systemctl", "is-system-running"]).trim(), "running");
        scene.is_in_order();
        scene.codchi.ok(&["delete", "back", "--yes"]);
    }
    scene.codchi.ok(&["start", "original"]);
}

pub fn an_import_that_was_killed_is_finished(scene: &mut Scene) {
    original(scene);
    let file = scene.world.dir().join("killed.codchi").display().to_string();
    scene.codchi.ok(&["export", "original", &file, "--data"]);
    let import = ["import", &file, "--name", "back"];
    let mut running = scene.codchi.events(&import);
    running.until("the files", |event| event.to_string().contains("unpack its own files"));
    running.kill();
    scene.codchi.ok(&import);
    assert_eq!(kept(scene, "back"), "kept codchi 640 2");
    scene.is_in_order();
    scene.codchi.ok(&["delete", "back", "--yes"]);
}

pub fn a_file_that_is_something_else_changes_nothing(scene: &mut Scene) {
    let file = scene.world.dir().join("strange.codchi");
    let import = ["import", &file.display().to_string(), "--name", "strange"].map(str::to_owned);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    scene.codchi.fails(1, &import);
    for bytes in [&b"hello"[..], b"PK\x05\x06", &[0; 4096]] {
        std::fs::write(&file, bytes).unwrap();
        scene.codchi.fails(1, &import).says("can't be imported");
    }
    assert!(scene.codchi.machine("strange").is_null());
    assert!(!scene.codchi.config_dir().join("machines/strange").exists());
}
