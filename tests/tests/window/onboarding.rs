//! The first start on a computer that isn't ready: three checks, and one button that makes it so.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::Stage;

/// The controller is installed as well.
const READY: Duration = Duration::from_secs(600);

/// The panel with the three checks.
const CHECKS: &str = "section[aria-label]";

/// From the button to the first machine that could be made.
async fn one_button(stage: &Stage, name: &str, reason: &str, button: &str) {
    let window = stage.window(&[]).await;
    window.wait_for_text("h1", "Your first code machine").await;
    window.wait_for_text("main", "Getting this computer ready").await;
    window.wait_for_text("main", reason).await;
    assert_eq!(window.count("main [data-check]").await, 3, "three checks");
    assert_eq!(window.count("main [data-check] button[data-run]").await, 1, "one button");
    window.picture(&format!("onboarding-{name}")).await;
    window.choose(button).await;
    window.wait_long_for_any("[data-check=controller]", &["Installing"], READY).await;
    window.picture(&format!("onboarding-{name}-working")).await;
    window.wait_long_for_any("[data-check=nix-daemon]", &["Passed"], READY).await;
    assert_eq!(window.count("main [data-check][data-state=ok]").await, 3, "{:?}", window.said(CHECKS).await);
    window.picture(&format!("onboarding-{name}-ready")).await;
    window.close().await;
    // What was promised: machines can be made now.
    stage.scene.hello();
    assert!(stage.scene.codchi.exec("hello", &["hello"]).starts_with("Hello"));
}

pub(crate) async fn an_engine_that_is_not_set_up_is_made_ready_by_one_button(stage: &Stage) {
    let stage = stage.apart().await;
    for device in ["root", "eth0"] {
        stage.scene.world.client(&["profile", "device", "remove", "default", device]);
    }
    stage.scene.world.client(&["storage", "delete", "default"]);
    one_button(&stage, "uninitialised", "no storage pool", "Run").await;
}

pub(crate) async fn an_engine_that_does_not_run_is_made_ready_by_one_button(stage: &Stage) {
    let stage = stage.apart().await;
    stage.scene.world.kill_engine(Signal::SIGKILL);
    one_button(&stage, "stopped", "is installed and doesn't run", "Run as administrator").await;
}
