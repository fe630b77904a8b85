//! What a machine asks of this computer and isn't there: said in the wizard before anything is built, left out where the user wishes,
//! and remembered. This desktop has no sound server.

use std::time::Duration;

use codchi_tests::repo::Repo;

use crate::{Stage, row};

const BUILD: Duration = Duration::from_secs(180);

const MODULE: &str = "{ codchi.requiredCapabilities = [ \"sound\" ]; }\n";

fn repository(stage: &Stage, name: &str) -> Repo {
    Repo::module(stage.scene.place(name), name, MODULE)
}

/// How a phase of the machine's last operation went.
fn phase(stage: &Stage, machine: &str, phase: &str) -> String {
    let operation = &stage.scene.codchi.machine(machine)["operation"];
    let found = operation["phases"].as_array().expect("phases").iter().find(|each| each["phase"] == phase);
    found.unwrap_or_else(|| panic!("{operation:#}"))["state"].as_str().unwrap().to_owned()
}

pub(crate) async fn what_this_computer_lacks_is_said_before_the_build(stage: &Stage) {
    let repo = repository(stage, "silent");
    let window = stage.window(&["--open", "new"]).await;
    window.fill("Repository address", &repo.url()).await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["What should be in the machine?"], BUILD).await;
    window.fill("Name", "silent").await;
    window.wait_for_text("body", "Free").await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["Before the build starts"], BUILD).await;
    window.wait_for_text("main", "No sound server runs in this session.").await;
    window.wait_for_text("main", "1 fix to go.").await;
    window.picture("wizard-lacks").await;
    assert_eq!(phase(stage, "silent", "build"), "pending", "nothing is built before it is decided");
    assert!(!stage.scene.instances().contains("codchi-silent"));

    window.choose("Build without Sound").await;
    window.wait_for_text("main", "All there.").await;
    window.picture("wizard-without").await;
    window.choose("Build machine").await;
    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    let page = window.wait_long_for_any("main", &["Open silent", "What to do"], BUILD).await;
    assert_eq!(page, "Open silent", "{:?}", window.said("main").await);

    // It is remembered: the next build asks nothing.
    repo.commit(&[("note", "another commit")]);
    stage.start_again(&["--open", "machines/silent"]);
    window.wait_for_text("h1", "silent").await;
    window.choose("Rebuild").await;
    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    let page = window.wait_long_for_any("main", &["Open silent", "What to do", "Waiting"], BUILD).await;
    assert_eq!(page, "Open silent", "{:?}", window.said("main").await);

    stage.start_again(&["--open", "machines"]);
    window.wait_for_text(&row("silent"), "Running").await;
    stage.start_again(&["--open", "machines/silent"]);
    window.choose("Capabilities").await;
    window.wait_for_text("main", "Built without").await;
    window.wait_for_text("main", "No sound server runs in this session.").await;
    window.picture("machine-capabilities").await;
    window.close().await;
}
