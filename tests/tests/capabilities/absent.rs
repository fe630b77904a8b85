//! What isn't there: said before the build, left out where the user wishes, and never attached.

use std::{fs, os::unix::net::UnixListener, path::Path};

use codchi_tests::{hardware::Camera, terminal::Terminal};
use serde_json::{Value, json};

use crate::session::{ASKING, PLAIN, Session};

pub fn what_is_missing_is_said_before_anything_is_built(session: &mut Session) {
    // Nobody is logged in here, so there is no display.
    let codchi = &session.scene.codchi;
    let url = session.repo().url();
    let refused = codchi.fails(4, &["init", "display", &url, "display"]);
    refused.says("video").says("--without video");
    assert!(!session.scene.instances().contains("codchi-display"));
    let operation = &codchi.machine("display")["operation"];
    let state = |name: &str| {
        let phases = operation["phases"].as_array().expect("phases").iter();
        phases.clone().find(|phase| phase["phase"] == name).map(|phase| phase["state"].clone())
    };
    assert_eq!(
        (state("check"), state("build")),
        (Some(json!("failed")), Some(json!("pending"))),
        "{operation}"
    );

    codchi.ok(&["rebuild", "display", "--without", "video"]);
    assert_eq!(codchi.machine("display")["status"], "running");
    let repo = session.repo();
    repo.commit(&[("note", "another commit")]);
    codchi.ok(&["rebuild", "display"]);
    let list = codchi.ok(&["capabilities", "display", "--json"]).json();
    let video = &list["capabilities"][0];
    assert_eq!((&video["capability"], &video["without"]), (&json!("video"), &json!(true)), "{list}");
    codchi.ok(&["capabilities", "display"]).says("left out");
    codchi.ok(&["delete", "display", "--yes"]);
}

pub fn a_terminal_is_asked_and_its_answer_can_be_undone(session: &mut Session) {
    let codchi = session.scene.codchi.clone();
    let url = session.repo().url();
    const QUESTION: &str = "Build it without, or check again? [y/c/N] ";
    // No.
    let mut terminal = Terminal::new(&codchi, &["init", "answered", &url, "sounding"]);
    terminal.until("No sound server runs").until(QUESTION).types("n");
    let (code, said) = terminal.finish();
    assert_eq!(code, Some(5), "{said}");
    assert!(!session.scene.instances().contains("codchi-answered"));
    // Check again: while it isn't there, and when it is.
    let mut terminal = Terminal::new(&codchi, &["rebuild", "answered"]);
    terminal.until(QUESTION).types("c").until(QUESTION);
    let socket = Path::new(codchi.variable("XDG_RUNTIME_DIR")).join("pulse/native");
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let server = UnixListener::bind(&socket).unwrap();
    terminal.types("C");
    let (code, said) = terminal.finish();
    assert_eq!(code, Some(0), "{said}");
    let without =
        || codchi.ok(&["capabilities", "answered", "--json"]).json()["capabilities"][0]["without"].clone();
    assert_eq!((codchi.machine("answered")["status"].clone(), without()), (json!("running"), json!(false)));
    // Without it, now and later.
    drop(server);
    fs::remove_file(&socket).unwrap();
    session.repo().commit(&[("note", "sounding again")]);
    let mut terminal = Terminal::new(&codchi, &["rebuild", "answered"]);
    terminal.until(QUESTION).types("yes");
    let (code, said) = terminal.finish();
    assert_eq!((code, without()), (Some(0), json!(true)), "{said}");
    session.repo().commit(&[("note", "and again")]);
    codchi.ok(&["rebuild", "answered"]);
    // Not without it any more.
    codchi.fails(4, &["rebuild", "answered", "--with", "sound"]).says("No sound server runs");
    assert_eq!(without(), json!(false));
    codchi.fails(4, &["rebuild", "answered"]).says("--without sound");
    assert_eq!(codchi.machine("answered")["status"], "running", "what runs is left");
    codchi.ok(&["delete", "answered", "--yes"]);
}

pub fn nothing_absent_is_attached(session: &mut Session) {
    let list = session.asking().ok(&["capabilities", ASKING, "--json"]).json();
    let there = |name: &str| {
        let all = list["capabilities"].as_array().unwrap();
        let check =
            all.iter().find(|one| one["capability"] == name).unwrap_or_else(|| panic!("{name}: {list}"));
        check["check"]["state"] == "ok"
    };
    let instance = session.scene.query(&format!("/1.0/instances/codchi-{ASKING}"));
    let devices = instance["devices"].as_object().unwrap();
    let names: Vec<&String> = devices.keys().filter(|name| !Camera::is_ours(name)).collect();
    let has = |device: &str| names.iter().any(|name| name.starts_with(device));
    for (capability, device) in [
        ("gpu", "codchi-node-dri-"),
        ("usb", "codchi-usb"),
        ("kvm", "codchi-node-kvm."),
        ("camera", "codchi-node-video"),
        ("fuse", "codchi-node-fuse."),
        ("tun", "codchi-node-net-tun."),
        ("ssh-agent", "codchi-socket-ssh-agent"),
        ("sound", "codchi-socket-pulse"),
        ("video", "codchi-socket-x11"),
    ] {
        assert_eq!(has(device), there(capability), "{capability}: {instance}");
    }
    assert_eq!(instance["config"]["nvidia.runtime"] == "true", there("cuda"), "{instance}");
    assert_eq!(session.codchi.machine(ASKING)["status"], "running");
}

pub fn a_machine_that_asks_for_nothing_has_nothing(session: &mut Session) {
    session.plain();
    let instance = session.scene.query(&format!("/1.0/instances/codchi-{PLAIN}"));
    let devices = instance["devices"].as_object().unwrap().iter();
    let kinds: Vec<&Value> = devices.map(|(_, device)| &device["type"]).collect();
    assert!(kinds.iter().all(|kind| *kind == "disk"), "{instance}");
    assert_eq!(session.sh(PLAIN, "ls /.codchi"), "ctrl-serve");
    let set = session.sh(PLAIN, "env");
    for name in ["SSH_AUTH_SOCK", "PULSE_SERVER", "DISPLAY", "WAYLAND_DISPLAY"] {
        assert!(!set.lines().any(|line| line.starts_with(&format!("{name}="))), "{set}");
    }
    session.plain().ok(&["capabilities", PLAIN]).says("asks for nothing");
}
