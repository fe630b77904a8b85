//! What a build asks its user for, in the real window, kept in a real keyring.

use std::time::{Duration, Instant};

use codchi_tests::{
    desktop::{Window, eventually, eventually_within},
    repo::Repo,
};

use crate::{Stage, row};

/// A first build makes the controller too.
const BUILD: Duration = Duration::from_secs(600);

/// A copied value stays for thirty seconds.
const STAYS: Duration = Duration::from_secs(45);

const VALUE: &str = "tk-0a1b2c3d";

fn module(optional: bool) -> String {
    format!(
        "{{
  codchi.secrets.token = {{
    description = ''
      Opens the **test** server.

      [Make one](https://example.org/tokens)
    '';
    env = \"TEST_TOKEN\";
    pattern = \"tk-[0-9a-f]{{8}}\";
  }};
  codchi.secrets.report = {{ description = \"Where reports go.\"; optional = {optional}; }};
}}
"
    )
}

/// A repository whose module asks for two secrets.
fn asking(stage: &Stage, name: &str) -> Repo {
    Repo::module(stage.scene.place(name), name, &module(true))
}

async fn close(stage: &Stage) {
    stage.desktop.screen.close(stage.desktop.screen.wait_for("Codchi").await);
    stage.desktop.screen.wait_for_none("Codchi").await;
}

/// What the value is in the machine.
fn delivered(stage: &Stage, machine: &str) -> String {
    stage.scene.codchi.exec(machine, &["sh", "-lc", "printf %s \"$TEST_TOKEN\""])
}

async fn no_dialog(window: &Window) {
    eventually("the dialog to go", async || window.said("[role=dialog]").await.is_none().then_some(())).await;
}

pub(crate) async fn a_build_that_waits_unseen_is_told_and_answered(stage: &Stage) {
    let repo = asking(stage, "asking");
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["New machine…"]).await;
    close(stage).await;

    // Nobody is there to answer the command line: it waits.
    let before = stage.desktop.notifications.all().len();
    stage.scene.codchi.fails(4, &["init", "asking", &repo.url()]);
    let told = stage.desktop.notifications.wait_for_more(before, "asking needs an answer").await;
    tray.entry(&["asking: Waiting for input", "Answer…"]).await;
    assert_eq!(tray.icon().await, "problem");

    // The app listens for a click only after the daemon has answered, so an early one is lost.
    eventually("the window after a click", async || {
        stage.desktop.notifications.click(&told).await;
        stage.desktop.screen.visible("Codchi")
    })
    .await;
    window.take_hold().await;
    window.wait_for_text("[role=dialog]", "Opens the test server.").await;
    window.wait_for_text("[role=dialog]", "Kept in this computer’s keyring").await;
    window.picture("secret-prompt").await;

    // A value that doesn't fit stays in the field.
    window.fill("Value TEST_TOKEN", "tk-wrong").await;
    window.wait_for_text("[role=dialog]", "It must look like tk-[0-9a-f]{8}.").await;
    window.picture("secret-wrong").await;

    // Who answers later leaves it waiting, and isn't asked again before they want it.
    window.choose("Answer later").await;
    no_dialog(&window).await;
    assert_eq!(stage.scene.codchi.machine("asking")["operation"]["state"], "waiting_for_input");
    window.wait_for_text("main", "Waiting for input:").await;
    window.picture("secret-waiting").await;
    window.choose("Answer…").await;

    window.fill("Value TEST_TOKEN", VALUE).await;
    window.choose("Save and continue").await;
    window.wait_for_text("[role=dialog]", "Where reports go.").await;
    window.picture("secret-optional").await;
    window.choose("Provide later").await;
    no_dialog(&window).await;
    let page = window.wait_long_for_any("main", &["Open asking", "What to do"], BUILD).await;
    assert_eq!(page, "Open asking", "{:?}", window.said("main").await);
    assert_eq!(delivered(stage, "asking"), VALUE);

    // What was kept, and what is provided later.
    stage.start_again(&["--open", "machines/asking"]);
    window.choose("Secrets").await;
    window.wait_for_text("main", "1 of 2 set").await;
    window.picture("machine-secrets").await;
    window.close().await;
}

pub(crate) async fn a_locked_keyring_is_said_and_unlocked(stage: &Stage) {
    let repo = asking(stage, "locked");
    stage.scene.codchi.fails(4, &["init", "locked", &repo.url()]);
    stage.desktop.keyring.lock().await;
    let window = stage.window(&["--open", "machines"]).await;
    window.wait_for_text("[role=dialog]", "The keyring is locked.").await;
    window.fill("Value TEST_TOKEN", VALUE).await;
    window.picture("secret-locked").await;

    // Nobody answers the system's prompt here; its user unlocks it elsewhere.
    window.choose("Unlock").await;
    window.wait_for_text("[role=dialog] [role=alert]", "keyring").await;
    stage.desktop.keyring.unlock().await;
    window.choose("Unlock").await;
    window.wait_for_text("[role=dialog]", "Kept in this computer’s keyring").await;
    window.choose("Save and continue").await;
    window.wait_for_text("[role=dialog]", "Where reports go.").await;
    window.choose("Answer later").await;
    no_dialog(&window).await;
    window.wait_for_text(&row("locked"), "Secret report").await;
    window.close().await;
    // It would ask again in the next window. The app that ran it may take a moment to end.
    let delete = async || (stage.scene.codchi.run(&["delete", "locked", "--yes"]).code == 0).then_some(());
    eventually("the waiting machine to go", delete).await;
}

pub(crate) async fn the_wizard_asks_for_everything_at_once(stage: &Stage) {
    let repo = asking(stage, "wizard");
    let window = stage.window(&["--open", "new"]).await;
    window.fill("Repository address", &repo.url()).await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["What should be in the machine?"], BUILD).await;
    window.fill("Name", "wizard").await;
    window.wait_for_text("body", "Free").await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["Before the build starts"], BUILD).await;
    window.wait_for_text("main", "1 value to go.").await;
    window.picture("requirements").await;
    window.fill("token TEST_TOKEN", VALUE).await;
    window.wait_for_text("main", "All there.").await;
    window.choose("Create machine").await;
    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    let page = window.wait_long_for_any("main", &["Open wizard", "What to do"], BUILD).await;
    assert_eq!(page, "Open wizard", "{:?}", window.said("main").await);
    assert_eq!(delivered(stage, "wizard"), VALUE);
    window.close().await;
}

pub(crate) async fn a_value_is_shown_after_asking_and_leaves_the_clipboard(stage: &Stage) {
    let repo = asking(stage, "copied");
    let answers = format!("{{\"token\": \"{VALUE}\", \"report\": \"here\"}}");
    let init = ["init", "copied", &repo.url(), "--secrets-from", "-"];
    let made = stage.scene.codchi.run_with(&init, answers.as_bytes());
    assert_eq!(made.code, 0, "{made:?}");
    let window = stage.window(&["--open", "machines/copied"]).await;
    window.choose("Secrets").await;
    window.wait_for_text("main", "2 of 2 set").await;

    let before = Instant::now();
    window.choose("Copy token").await;
    window.wait_for_text("body", "token is in the clipboard for 30 seconds").await;
    assert_eq!(stage.desktop.screen.clipboard().as_deref(), Some(VALUE));
    // It went there without the page.
    assert!(
        !window.run("return document.documentElement.outerHTML", vec![]).await.to_string().contains(VALUE)
    );

    window.choose("More for token").await;
    window.choose("Show…").await;
    window.wait_for_text("[role=alertdialog]", "Show token?").await;
    window.picture("secret-reveal-asks").await;
    assert!(
        !window.run("return document.documentElement.outerHTML", vec![]).await.to_string().contains(VALUE)
    );
    window.choose("Show it").await;
    window.wait_for_text("[role=dialog]", VALUE).await;
    window.picture("secret-revealed").await;

    // The app takes it back also when its window is closed.
    close(stage).await;
    eventually_within("the clipboard to be empty", STAYS, async || {
        stage.desktop.screen.clipboard().is_none().then_some(())
    })
    .await;
    assert!(
        before.elapsed() >= Duration::from_secs(29),
        "it stays as long as was said: {:?}",
        before.elapsed()
    );
    window.close().await;
}
