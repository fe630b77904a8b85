//! What is wrong with this computer: the way from the tray to the page, the reason, the commands, and that they mend it.

use serde_json::{Value, json};

use crate::Stage;

/// What `codchi doctor` says of one check.
fn check(stage: &Stage, id: &str) -> Value {
    let diagnosis = stage.scene.codchi.run(&["doctor", "--json"]).json();
    let found = diagnosis["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no check {id}: {diagnosis:#}")).clone()
}

/// The bridge of the world's engine.
fn bridge(stage: &Stage) -> String {
    let profile = stage.scene.query("/1.0/profiles/default");
    profile["devices"]["eth0"]["network"].as_str().unwrap().to_owned()
}

pub(crate) async fn what_is_broken_is_shown_and_mended(stage: &Stage) {
    let bridge = bridge(stage);
    stage.scene.world.client(&["network", "set", &bridge, "ipv4.nat=false"]);
    let window = stage.window(&[]).await;
    let tray = stage.desktop.panel.icon_of(window.id()).await;
    let leads = ["Doctor: 1 check needs you"];
    tray.entry(&leads).await;
    assert_eq!(tray.icon().await, "problem");
    tray.click(&leads).await;
    window.wait_for_text("h1", "Doctor").await;

    let page = "main";
    window.wait_for_text(page, "Needs you").await;
    window.wait_for_text(page, check(stage, "network")["explanation"].as_str().unwrap()).await;
    window.picture("doctor-broken").await;
    let fix = "[data-check=network] button";
    window.click(fix).await;
    let command = format!("network set {bridge} ipv4.nat=true");
    window.wait_for_text(page, &command).await;
    assert_eq!(check(stage, "network")["state"], "fail", "what is shown isn't run");
    window.picture("doctor-fix").await;

    stage.set(&json!({ "version": 1, "language": "de" }));
    window.wait_for_text(page, "hat kein NAT: Maschinen erreichen nichts").await;
    window.picture("doctor-german").await;
    stage.set(&json!({ "version": 1 }));
    window.wait_for_text(page, "Needs you").await;

    window.choose("Run").await;
    window.wait_for_text("[data-check=network][data-state=ok]", "Passed").await;
    window.picture("doctor-mended").await;
    tray.wait_for_none(&leads).await;
    assert_ne!(tray.icon().await, "problem");
    assert_eq!(check(stage, "network")["state"], "ok");

    // It was an operation, with its commands in the log.
    window.choose("Builds").await;
    window.choose("Fix this computer").await;
    window.wait_for_text("[role=log]", &command).await;
    window.picture("doctor-log").await;
    window.close().await;
}
