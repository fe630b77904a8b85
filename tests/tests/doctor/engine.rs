//! The engine doesn't answer.

use std::fs;

use nix::sys::signal::Signal;

use crate::patient::{OwnEtc, Patient, check, fails, is_well, mends, run};

pub fn an_engine_that_does_not_run_is_started(_: &mut ()) {
    let patient = Patient::new();
    let before = patient.setup();
    is_well(&patient.codchi, "engine");
    patient.world.kill_engine(Signal::SIGKILL);
    let found = fails(&patient.codchi, "engine", "stopped", "is installed and doesn't run", "engine-start");
    assert_eq!(check(&patient.codchi, "pool")["state"], "unknown");
    mends(&patient.codchi, "engine-start", &found).says("engine");
    is_well(&patient.codchi, "engine");
    assert_eq!(patient.setup(), before);
    // What is well isn't mended again.
    patient.codchi.ok(&["doctor", "--fix", "engine"]).says("nothing to fix");
}

pub fn a_socket_that_is_not_permitted_is_opened_by_its_group(_: &mut ()) {
    let group = if codchi_tests::scene::engine().name() == "Incus" { "incus-admin" } else { "lxd" };
    let patient = Patient::with(&["--group", group]);
    let before = patient.setup();
    let (real_groups, real_users) = (fs::read("/etc/group").unwrap(), fs::read("/etc/passwd").unwrap());
    // A user who may become the administrator without a password, and is in no group. They exist in a copy of /etc only.
    let etc = OwnEtc::new(&patient);
    etc.run(&["useradd", "--no-create-home", "--shell", "/bin/sh", "--user-group", "codchi-patient"]);
    fs::write(etc.path("sudoers.d/codchi-patient"), "codchi-patient ALL=(ALL) NOPASSWD: ALL\n").unwrap();
    run("chmod", &["440", etc.path("sudoers.d/codchi-patient").to_str().unwrap()]);
    let home = patient.place("home");
    fs::create_dir_all(&home).unwrap();
    etc.run(&["chown", "codchi-patient:", home.to_str().unwrap()]);
    let ids = ["setpriv", "--reuid=codchi-patient", "--regid=codchi-patient"];
    let codchi = |groups: &[&str]| {
        let words: Vec<&str> = ids.iter().chain(groups).chain(&["--"]).copied().collect();
        etc.codchi(&patient.codchi, &words)
            .env("HOME", &home)
            .without("CODCHI_CONFIG_DIR")
            .without("CODCHI_DATA_DIR")
    };
    // A session that began before the user was put into the group has what it has.
    let session = codchi(&["--clear-groups"]);
    let found = fails(&session, "engine", "denied", group, "engine-group");
    assert_eq!(found["fix"]["commands"][0][0], "usermod");
    assert_eq!(found["fix"]["elevates"], true);
    session.fails(2, &["doctor", "--fix", "engine-group"]).says("usermod");
    let mended = session.fails(4, &["doctor", "--fix", "engine-group", "--yes"]);
    mended.says("newgrp");
    assert_eq!(check(&session, "engine")["reason"], "relogin");
    is_well(&codchi(&["--init-groups"]), "engine");
    assert_eq!(patient.setup(), before);
    assert!((fs::read("/etc/group").unwrap(), fs::read("/etc/passwd").unwrap()) == (real_groups, real_users));
}
