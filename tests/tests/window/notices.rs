//! Notifications of the desktop.

use codchi_tests::desktop::eventually;

use crate::{Stage, broken, greeting};

pub(crate) async fn a_build_that_ends_unseen_is_told(stage: &Stage) {
    let repo = stage.changing();
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["changing: Running"]).await;
    stage.desktop.screen.close(stage.desktop.screen.wait_for("Codchi").await);
    stage.desktop.screen.wait_for_none("Codchi").await;

    let before = stage.desktop.notifications.all().len();
    repo.commit(&[("module.nix", &greeting("two"))]);
    stage.scene.codchi.ok(&["rebuild", "changing"]);
    let told = stage.desktop.notifications.wait_for_more(before, "changing was rebuilt").await;
    assert_eq!(told.app, "Codchi");
    assert!(told.body.starts_with("Generation "), "{told:?}");

    // A click opens the build. The app listens for it only after the daemon has answered, so an early one is lost.
    eventually("the window after a click", async || {
        stage.desktop.notifications.click(&told).await;
        stage.desktop.screen.visible("Codchi")
    })
    .await;
    window.take_hold().await;
    window.wait_for_text("h1", "Rebuild changing").await;
    assert!(window.path().await.starts_with("/builds/"));
    window.close().await;
}

pub(crate) async fn a_build_that_fails_unseen_is_told(stage: &Stage) {
    let repo = stage.changing();
    let (app, tray) = stage.app_in_tray().await;
    tray.entry(&["changing: Running"]).await;
    let before = stage.desktop.notifications.all().len();
    repo.commit(&[("module.nix", broken())]);
    stage.scene.codchi.fails(1, &["rebuild", "changing"]);
    let told = stage.desktop.notifications.wait_for_more(before, "changing did not build").await;
    assert!(told.body.contains("broken-thing"), "{told:?}");
    tray.entry(&["changing: Build failed"]).await;
    assert_eq!(tray.icon().await, "problem");
    stage.changing();
    tray.entry(&["changing: Running"]).await;
    stage.quit(app, &tray).await;
}

pub(crate) async fn what_is_seen_is_not_told(stage: &Stage) {
    let repo = stage.changing();
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["changing: Running"]).await;
    let before = stage.desktop.notifications.all().len();
    repo.commit(&[("module.nix", &greeting("three"))]);
    let mut rebuild = stage.scene.codchi.events(&["rebuild", "changing"]);
    let begun = rebuild.until("it has begun", |event| event["operation"]["id"].is_string());
    let page = format!("builds/{}", begun["operation"]["id"].as_str().unwrap());
    stage.start_again(&["--open", &page]);
    assert_eq!(rebuild.finish().0, 0);
    // Only of a build that is over; "Done" is each of its activities, too.
    window.wait_for_text("main", "took ").await;

    // What comes after it is told, and nothing else was.
    stage.desktop.screen.close(stage.desktop.screen.wait_for("Codchi").await);
    stage.desktop.screen.wait_for_none("Codchi").await;
    repo.commit(&[("module.nix", broken())]);
    stage.scene.codchi.fails(1, &["rebuild", "changing"]);
    stage.desktop.notifications.wait_for_more(before, "changing did not build").await;
    let told = stage.desktop.notifications.all();
    assert_eq!(told.len(), before + 1, "{told:?}");
    stage.changing();
    tray.entry(&["changing: Running"]).await;
    tray.click(&["Quit"]).await;
    stage.desktop.panel.wait_for_none().await;
}
