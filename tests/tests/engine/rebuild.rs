//! Bringing a machine to what is wanted of it.

use codchi_tests::{repo::Repo, scene::Scene};

use crate::modules::{built, done, outcome};

/// A module with a unit whose content is the text.
pub fn module(text: &str) -> String {
    format!(
        r#"{{ pkgs, ... }}: {{
          environment.etc."greeting".text = "{text}";
          systemd.services.greeter = {{
            wantedBy = [ "multi-user.target" ];
            script = "echo {text}; exec sleep infinity";
          }};
        }}"#
    )
}

/// The machine `changing` with one service, running.
pub fn changing(scene: &Scene) -> Repo {
    let path = scene.place("changing");
    if path.exists() {
        return Repo::at(path);
    }
    let repo = Repo::module(path, "changing", &module("one"));
    scene.codchi.ok(&["init", "changing", &repo.url()]);
    repo
}

/// What must stay when something fails: the system that runs, its generation, and the boot.
pub fn what_runs(scene: &Scene) -> [String; 4] {
    let run = |argv: &[&str]| scene.codchi.exec("changing", argv);
    [
        run(&["readlink", "-f", "/run/current-system"]),
        run(&["readlink", "/nix/var/nix/profiles/system"]),
        run(&["stat", "-c", "%Y", "/proc/1"]),
        run(&["cat", "/etc/greeting"]),
    ]
}

pub fn nothing_changed_ends_at_once(scene: &mut Scene) {
    changing(scene);
    let before = what_runs(scene);
    let said = scene.codchi.ok(&["rebuild", "changing"]);
    said.says("up to date");
    println!("  nothing changed: {:.2} s", said.took.as_secs_f32());
    let kept = scene.codchi.ok(&["rebuild", "changing", "--no-update"]);
    println!("  nothing changed, without asking for updates: {:.2} s", kept.took.as_secs_f32());
    let events = done(scene.codchi.events(&["rebuild", "changing"]));
    assert_eq!(built(&events), Vec::<String>::new());
    let operation = outcome(&events);
    assert_eq!(operation["outcome"]["changed"], false, "{operation}");
    let phase = |name: &str| {
        operation["phases"].as_array().unwrap().iter().find(|p| p["phase"] == name).unwrap()["state"].clone()
    };
    assert_eq!((phase("build"), phase("switch")), ("skipped".into(), "skipped".into()));
    assert_eq!(what_runs(scene), before);
}

pub fn a_dry_run_changes_nothing(scene: &mut Scene) {
    let repo = changing(scene);
    let before = (what_runs(scene), scene.wanted());
    repo.commit(&[("module.nix", &module("dry"))]);
    let said = scene.codchi.ok(&["rebuild", "changing", "--dry-run"]);
    said.says("Nothing was changed");
    assert_eq!((what_runs(scene), scene.wanted()), before);
    let machine = scene.codchi.machine("changing");
    assert_eq!((&machine["status"], &machine["generation"]), (&"running".into(), &1.into()), "{machine}");
    repo.commit(&[("module.nix", &module("one"))]);
}

pub fn a_changed_module_switches_without_restart(scene: &mut Scene) {
    let repo = changing(scene);
    let service =
        |scene: &Scene| scene.codchi.exec("changing", &["systemctl", "show", "-P", "MainPID", "greeter"]);
    let [old_system, _, old_boot, _] = what_runs(scene);
    let old_service = service(scene);
    let commit = repo.commit(&[("module.nix", &module("two"))]);

    let kept = scene.codchi.ok(&["rebuild", "changing", "--no-update"]);
    kept.says("up to date");
    scene.codchi.ok(&["rebuild", "changing"]).says("was switched");
    let [system, generation, boot, greeting] = what_runs(scene);
    assert_eq!(greeting, "two");
    assert_ne!(system, old_system);
    assert_eq!(boot, old_boot, "it was not restarted");
    assert_ne!(service(scene), old_service, "the changed service was");
    let machine = scene.codchi.machine("changing");
    assert_eq!(machine["modules"][0]["rev"], commit.as_str(), "{machine}");
    assert_eq!(format!("system-{}-link", machine["generation"]), generation);
    let generations = scene.codchi.ok(&["generations", "changing", "--json"]).json();
    let current: Vec<_> =
        generations["generations"].as_array().unwrap().iter().filter(|g| g["current"] == true).collect();
    assert_eq!(current.len(), 1, "{generations}");
    assert_eq!(current[0]["system"], system.as_str());
}
