//! The icon in the panel and its menu.

use std::{fs, os::unix::fs::PermissionsExt as _};

use codchi_tests::desktop::{App, eventually};
use serde_json::json;

use crate::{Stage, row};

pub(crate) async fn the_menu_is_read_and_stop_is_clicked(stage: &Stage) {
    stage.scene.hello();
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["hello: Running"]).await;
    assert_eq!((tray.title().await, tray.icon().await), ("Codchi".into(), "running".into()));
    let menu = tray.drawn().await;
    println!("{menu}");
    for line in [
        "Start (running)",
        "  Stop\n",
        "  Restart\n",
        "  Open terminal\n",
        "New machine…",
        "Open Codchi",
        "Quit",
    ] {
        assert!(menu.contains(line), "{line:?} is not in\n{menu}");
    }
    window.wait_for_text(&row("hello"), "Running").await;

    tray.click(&["hello: Running", "Stop"]).await;

    tray.entry(&["hello: Stopped", "Stop (not running)"]).await;
    assert!(tray.entry(&["hello: Stopped", "Start"]).await.enabled);
    window.wait_for_text(&row("hello"), "Stopped").await;
    assert_eq!(
        stage.scene.query("/1.0/instances/codchi-hello")["status"],
        "Stopped",
        "the engine says so too"
    );
    window.picture("machines-stopped").await;

    tray.click(&["hello: Stopped", "Start"]).await;
    tray.entry(&["hello: Running"]).await;
    window.wait_for_text(&row("hello"), "Running").await;
    assert_eq!(tray.icon().await, "running");
    window.close().await;
}

pub(crate) async fn a_terminal_opens_with_a_shell_in_the_machine(stage: &Stage) {
    stage.scene.hello();
    // A terminal emulator that writes down what it is asked to run.
    let directory = stage.desktop.dir().join("bin");
    let asked = directory.join("asked");
    let terminal = directory.join("x-terminal-emulator");
    fs::create_dir_all(&directory).unwrap();
    fs::write(
        &terminal,
        format!("#!/bin/sh\nprintf '%s\\n' \"$@\" > {0}.new && mv {0}.new {0}\n", asked.display()),
    )
    .unwrap();
    fs::set_permissions(&terminal, fs::Permissions::from_mode(0o755)).unwrap();

    let path = format!("{}:{}", directory.display(), stage.desktop.env()["PATH"]);
    let mut command = stage.desktop.command(&stage.app);
    let app = App::run(&stage.desktop, command.arg("--hidden").env("PATH", path));
    let tray = stage.desktop.panel.icon_of(app.id()).await;
    tray.click(&["hello: Running", "Open terminal"]).await;

    let arguments = eventually("the terminal's arguments", async || fs::read_to_string(&asked).ok()).await;
    let codchi = stage.app.with_file_name("codchi");
    assert_eq!(arguments, format!("-e\n{}\nexec\nhello\n", codchi.display()));
    stage.quit(app, &tray).await;
}

pub(crate) async fn the_language_follows_the_settings(stage: &Stage) {
    stage.scene.hello();
    let (app, tray) = stage.app_in_tray().await;
    tray.entry(&["hello: Running"]).await;
    stage.set(&json!({ "version": 1, "language": "de" }));
    tray.entry(&["hello: Läuft", "Stoppen"]).await;
    tray.entry(&["Beenden"]).await;
    stage.set(&json!({ "version": 1 }));
    tray.entry(&["hello: Running", "Stop"]).await;
    stage.quit(app, &tray).await;
}
