//! Starting the app, once and again.

use std::process::Command;

use codchi_tests::desktop::Leaving;

use crate::Stage;

pub(crate) async fn a_second_start_shows_the_first_one(stage: &Stage) {
    stage.scene.hello();
    let window = stage.window(&[]).await;
    window.wait_for_text("h1", "Machines").await;
    println!("the list is there {:.0?} after the start", window.age());
    let icons = stage.desktop.panel.icon_of(window.id()).await;
    icons.entry(&["hello: Running"]).await;

    stage.start_again(&["--open", "machines/hello"]);
    window.wait_for_text("h1", "hello").await;
    window.picture("machine").await;
    stage.start_again(&["--open", "doctor"]);
    window.wait_for_text("h1", "Doctor").await;
    window.picture("doctor").await;
    // No page of ours: it is refused, and the first one stays where it is.
    let status = stage.desktop.command(&stage.app).args(["--open", "https://example.org"]).status().unwrap();
    assert_eq!(status.code(), Some(2));
    window.wait_for_text("h1", "Doctor").await;
    assert_eq!(stage.desktop.panel.icons(), 1);
    window.close().await;
}

pub(crate) async fn a_start_while_the_first_one_ends_becomes_the_first(stage: &Stage) {
    let first = Leaving::new(&stage.desktop).await;
    let app = stage.app(&[]);
    first.leave_when_told().await;
    stage.desktop.screen.wait_for("Codchi").await;
    let tray = stage.desktop.panel.icon_of(app.id()).await;
    stage.quit(app, &tray).await;
}

pub(crate) async fn without_a_display_it_says_so(stage: &Stage) {
    let mut command = Command::new(&stage.app);
    let output = command.env_clear().envs(stage.scene.world.env()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("no display") && said.contains("codchi status"), "{said}");

    let unreachable = stage.desktop.command(&stage.app).env("DISPLAY", ":4095").output().unwrap();
    let said = String::from_utf8(unreachable.stderr).unwrap();
    assert_eq!(unreachable.status.code(), Some(4), "{said}");
    assert!(said.contains("the display can't be reached"), "{said}");
}
