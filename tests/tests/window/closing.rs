//! How the window closes and how the app ends.

use std::time::Duration;

use codchi_tests::desktop::eventually;
use serde_json::json;

use crate::{Stage, has_webview};

/// What isn't drawn on for this long is complete.
const QUIET: Duration = Duration::from_secs(3);

pub(crate) async fn closing_keeps_the_tray_and_gives_the_memory_back(stage: &Stage) {
    stage.scene.hello();
    let paints = stage.desktop.screen.paints();
    let mut app = stage.app(&[]);
    let window = stage.desktop.screen.wait_for("Codchi").await;
    let tray = stage.desktop.panel.icon_of(app.id()).await;
    tray.entry(&["hello: Running"]).await;
    assert!(has_webview(&app));
    // Before its page is there, the window holds little.
    paints.settled(QUIET);
    let open = app.settled_memory().await;

    stage.desktop.screen.close(window);
    stage.desktop.screen.wait_for_none("Codchi").await;
    eventually("the webview's end", async || (!has_webview(&app)).then_some(())).await;
    assert!(app.runs());
    let closed = app.settled_memory().await;
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "memory: {} MiB open ({} in the app), {} MiB closed ({} in the app)",
        mib(open.all),
        mib(open.app),
        mib(closed.all),
        mib(closed.app)
    );
    assert!(closed.all < open.all * 6 / 10, "{closed:?} closed, {open:?} open");

    // It still works, and the window comes back.
    tray.click(&["hello: Running", "Stop"]).await;
    tray.entry(&["hello: Stopped"]).await;
    tray.click(&["hello: Stopped", "Start"]).await;
    tray.entry(&["hello: Running"]).await;
    tray.click(&["Open Codchi"]).await;
    stage.desktop.screen.wait_for("Codchi").await;
    stage.quit(app, &tray).await;
    stage.desktop.panel.wait_for_none().await;
}

pub(crate) async fn closing_quits_where_there_is_no_tray(stage: &Stage) {
    stage.desktop.panel.take_away().await;
    let mut app = stage.app(&[]);
    stage.desktop.screen.close(stage.desktop.screen.wait_for("Codchi").await);
    assert_eq!(app.end().await, 0);
    stage.desktop.panel.put_back().await;
}

pub(crate) async fn closing_quits_where_the_user_wants_it(stage: &Stage) {
    stage.set(&json!({ "version": 1, "closeToTray": false }));
    let mut app = stage.app(&[]);
    stage.desktop.panel.icon_of(app.id()).await;
    stage.desktop.screen.close(stage.desktop.screen.wait_for("Codchi").await);
    assert_eq!(app.end().await, 0);
}

pub(crate) async fn quit_waits_for_what_runs(stage: &Stage) {
    stage.scene.hello();
    let (mut app, tray) = stage.app_in_tray().await;
    tray.click(&["hello: Running", "Restart"]).await;
    tray.entry(&["hello: Restarting"]).await;
    let before = stage.desktop.notifications.all().len();
    tray.click(&["Quit"]).await;
    stage.desktop.notifications.wait_for_more(before, "Codchi ends when the work is done").await;
    assert_eq!(app.end().await, 0);
    let machine = stage.scene.codchi.machine("hello");
    assert_eq!(
        (&machine["status"], &machine["operation"]),
        (&json!("running"), &json!(null)),
        "it was restarted"
    );
}

pub(crate) async fn a_second_quit_does_not_wait(stage: &Stage) {
    stage.scene.hello();
    let (mut app, tray) = stage.app_in_tray().await;
    tray.click(&["hello: Running", "Restart"]).await;
    tray.entry(&["hello: Restarting"]).await;
    tray.click(&["Quit"]).await;
    tray.click(&["Quit now, interrupting what runs"]).await;
    assert_eq!(app.end().await, 0);
    // What was interrupted is explained, and the same command finishes it.
    let machine = stage.scene.codchi.machine("hello");
    assert_eq!(machine["operation"]["state"], "interrupted", "{machine}");
    stage.scene.hello();
}
