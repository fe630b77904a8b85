//! What fails leaves what runs, shows why, and keeps what is wanted.

use codchi_tests::{cli::Outcome, repo::Repo, scene::Scene};

use crate::rebuild::{changing, module, what_runs};

/// As many lines as a terminal shows at once.
const SCREEN: usize = 40;

/// Rebuilds with a module that fails, and looks that nothing else happened; then mends it.
fn fails(scene: &Scene, repo: &Repo, body: &str) -> Outcome {
    let before = what_runs(scene);
    let wanted = scene.codchi.config_dir().join("machines/changing/machine.json");
    let spec = std::fs::read(&wanted).unwrap();
    repo.commit(&[("module.nix", body)]);
    let outcome = scene.codchi.fails(1, &["rebuild", "changing"]);
    assert_eq!(what_runs(scene), before, "{outcome}");
    assert_eq!(std::fs::read(&wanted).unwrap(), spec, "the draft is kept");
    let machine = scene.codchi.machine("changing");
    assert_eq!((&machine["status"], &machine["config"]), (&"running".into(), &"failed".into()), "{machine}");
    let error = outcome.stderr.rfind("error:").expect("an error");
    assert!(outcome.stderr[error..].lines().count() <= SCREEN, "the cause fits on one screen: {outcome}");
    outcome.says("codchi logs changing");
    let logs = scene.codchi.ok(&["logs", "changing"]);
    assert!(!logs.stdout.is_empty());

    repo.commit(&[("module.nix", &module("two"))]);
    scene.codchi.ok(&["rebuild", "changing"]);
    assert_eq!(scene.codchi.machine("changing")["config"], "up_to_date");
    outcome
}

fn error_of(outcome: &Outcome) -> &str {
    &outcome.stderr[outcome.stderr.rfind("error:").unwrap()..]
}

pub fn a_failing_evaluation_leaves_what_runs(scene: &mut Scene) {
    let repo = changing(scene);
    let unknown = fails(scene, &repo, r#"{ environment.etcetera."x".text = "y"; }"#);
    assert!(error_of(&unknown).contains("etcetera"), "{unknown}");
    let thrown = fails(scene, &repo, r#"{ environment.etc."x".text = throw "the reason why"; }"#);
    assert!(error_of(&thrown).contains("the reason why"), "{thrown}");
}

pub fn a_failing_build_leaves_what_runs(scene: &mut Scene) {
    let repo = changing(scene);
    let body = r#"{ pkgs, ... }: {
      environment.etc."x".source = pkgs.runCommand "broken-thing" { } "echo compiling; echo 'no rule to make it' >&2; exit 7";
    }"#;
    let outcome = fails(scene, &repo, body);
    let error = error_of(&outcome);
    assert!(error.contains("broken-thing") && error.contains("no rule to make it"), "{outcome}");
}

pub fn a_failing_activation_leaves_what_runs(scene: &mut Scene) {
    let repo = changing(scene);
    let script = r#"{ system.activationScripts.broken = "echo 'it hurts here' >&2; false"; environment.etc."greeting".text = "three"; }"#;
    let outcome = fails(scene, &repo, script);
    assert!(error_of(&outcome).contains("it hurts here"), "{outcome}");
    outcome.says("runs again");

    let unit = r#"{ systemd.services.broken = {
      wantedBy = [ "multi-user.target" ]; serviceConfig.Type = "oneshot"; script = "echo 'the unit says no' >&2; exit 3"; };
      environment.etc."greeting".text = "four"; }"#;
    let outcome = fails(scene, &repo, unit);
    assert!(error_of(&outcome).contains("broken.service"), "{outcome}");
}

pub fn a_failed_creation_is_continued(scene: &mut Scene) {
    let body = |text: &str| {
        format!(
            r#"{{ pkgs, ... }}: {{ environment.etc."x".source = pkgs.runCommand "first" {{ }} "{text}"; }}"#
        )
    };
    let repo = Repo::module(scene.place("first"), "first", &body("echo 'not yet' >&2; exit 1"));
    scene.codchi.fails(1, &["init", "first", &repo.url()]).says("not yet");
    let machine = scene.codchi.machine("first");
    assert_eq!(
        (&machine["status"], &machine["config"]),
        (&"not_installed".into(), &"failed".into()),
        "{machine}"
    );
    assert_eq!(machine["operation"]["state"], "failed", "{machine}");
    assert_eq!(machine["modules"][0]["name"], "first", "{machine}");
    scene.is_in_order();

    repo.commit(&[("module.nix", &body("echo now >$out"))]);
    scene.codchi.ok(&["init", "first", &repo.url()]);
    assert_eq!(scene.codchi.exec("first", &["cat", "/etc/x"]), "now");
    scene.codchi.ok(&["delete", "first", "--yes"]);
    scene.is_in_order();
}
