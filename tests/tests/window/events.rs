//! What happens without the app is seen in it, without anybody asking.

use std::time::{Duration, Instant};

use codchi_driver_lxd::Flavour;
use nix::sys::signal::Signal;

use crate::{Stage, row};

/// How soon it must be seen also on a slow computer that does other things. It is to be within a second; how long it takes is printed.
const SOON: Duration = Duration::from_secs(15);

pub(crate) async fn another_program_is_seen_at_once(stage: &Stage) {
    stage.scene.hello();
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["hello: Running"]).await;
    window.wait_for_text(&row("hello"), "Running").await;

    for (verb, word) in [("stop", "Stopped"), ("start", "Running")] {
        let before = Instant::now();
        let args: &[&str] =
            if verb == "stop" { &["stop", "codchi-hello", "--force"] } else { &["start", "codchi-hello"] };
        stage.scene.world.client(args);
        let done = Instant::now();
        let label = format!("hello: {word}");
        tray.entry(&[&label]).await;
        let in_tray = done.elapsed();
        window.wait_for_text(&row("hello"), word).await;
        let in_window = done.elapsed();
        println!(
            "{verb} by another program took {:.0?}; seen in the tray {in_tray:.0?}, in the window {in_window:.0?} later",
            done - before
        );
        assert!(
            in_tray < SOON && in_window < SOON,
            "{verb}: tray after {in_tray:?}, window after {in_window:?}"
        );
    }
    window.close().await;
}

pub(crate) async fn an_engine_that_goes_and_comes_back(stage: &Stage) {
    stage.scene.hello();
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    tray.entry(&["hello: Running"]).await;
    let engine = match stage.scene.world.flavour() {
        Flavour::Lxd => "LXD",
        Flavour::Incus => "Incus",
    };

    stage.scene.world.kill_engine(Signal::SIGKILL);
    tray.entry(&[&format!("{engine} does not answer")]).await;
    tray.entry(&["hello: Unknown", "Stop (no answer)"]).await;
    assert_eq!(tray.icon().await, "problem");
    window.wait_for_text("main", &format!("{engine} does not answer")).await;
    window.picture("engine-offline").await;

    stage.scene.world.start_engine();
    tray.entry(&["hello: Running", "Stop"]).await;
    window.wait_for_text(&row("hello"), "Running").await;
    // The host is examined anew as well.
    let is_well = async || (tray.icon().await == "running").then_some(());
    codchi_tests::desktop::eventually("the icon says that all is well", is_well).await;
    window.close().await;
}
