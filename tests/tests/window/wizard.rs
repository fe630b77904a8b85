//! From an address to a running machine, and what a failure looks like.

use std::time::Duration;

use codchi_tests::desktop::eventually;

use crate::{Stage, broken, row, step};

/// A first build makes the controller too.
const BUILD: Duration = Duration::from_secs(600);

pub(crate) async fn an_address_becomes_a_running_machine(stage: &Stage) {
    let repo = stage.scene.example("hello");
    let window = stage.window(&[]).await;
    window.wait_for_text("h1", "Your first code machine").await;
    window.picture(&step(0, "first-run")).await;

    window.choose("Search or run a command").await;
    window.choose("New machine").await;
    eventually("the palette is gone", async || (window.count("[role=dialog]").await == 0).then_some(()))
        .await;
    window.wait_for_text("body", "Where does the environment come from?").await;
    window.fill("Repository address", &repo.url()).await;
    window.picture(&step(1, "source")).await;
    window.choose("Continue").await;

    // The controller is installed for the first question that needs it.
    window.wait_long_for_any("body", &["What should be in the machine?"], BUILD).await;
    // The only module is chosen already: it is taken out, and chosen.
    let chosen = "main [role=checkbox][aria-checked=true]";
    assert_eq!(window.count(chosen).await, 1);
    window.click(chosen).await;
    window.wait_for_text("main", "0 modules").await;
    window.click("main [role=checkbox]").await;
    eventually("it is chosen", async || (window.count(chosen).await == 1).then_some(())).await;
    window.fill("Name", "hello").await;
    window.wait_for_text("body", "Free").await;
    window.picture(&step(2, "modules")).await;
    window.choose("Continue").await;

    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    window.wait_for_text("h1", "Create hello").await;
    // Something of the log is there before it ends.
    window.wait_long_for_any("[role=log]", &["will be built"], BUILD).await;
    window.picture(&step(3, "build")).await;
    let page = window.wait_long_for_any("main", &["Open hello", "What to do"], BUILD).await;
    assert_eq!(page, "Open hello", "{:?}", window.said("main").await);
    window.picture(&step(4, "built")).await;

    stage.start_again(&["--open", "machines"]);
    window.wait_for_text(&row("hello"), "Running").await;
    window.picture(&step(5, "running")).await;
    window.close().await;

    let greeting = stage.scene.codchi.ok(&["exec", "hello", "--", "hello"]);
    assert_eq!(greeting.stdout, "Hello from the module nixosModules.hello!\n");
}

pub(crate) async fn a_failure_is_shown_with_its_cause(stage: &Stage) {
    let repo = stage.changing();
    repo.commit(&[("module.nix", broken())]);
    let window = stage.window(&["--open", "machines/changing"]).await;
    window.choose("Rebuild").await;
    window.wait_long_for_any("section[role=alert]", &["no rule to make it"], BUILD).await;
    window.wait_for_text("section[role=alert]", "roken-thing did not build").await;
    window.wait_for_text("section[role=alert]", "Retry").await;
    window.picture("build-failed").await;
    window.close().await;
    assert_eq!(stage.scene.codchi.machine("changing")["status"], "running", "what runs stays");
    stage.changing();
}
