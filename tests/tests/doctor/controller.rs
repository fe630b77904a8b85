//! The controller is broken, or has no room.

use std::{fs, path::PathBuf};

use nix::sys::signal::Signal;

use crate::patient::{Patient, fails, is_well, mends, run};

/// A small file system that is unmounted in any case.
struct Small(PathBuf);

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

pub fn a_full_pool_is_collected(_: &mut ()) {
    let patient = Patient::new();
    let small = Small(patient.place("small"));
    fs::create_dir_all(&small.0).unwrap();
    let place = small.0.to_str().unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=2500m,mode=711", "tmpfs", place]);
    patient.world.client(&["storage", "create", "small", "dir", &format!("source={place}")]);
    patient.world.client(&["profile", "device", "set", "default", "root", "pool=small"]);
    patient.hello();
    // What a user keeps in a machine that is stopped then.
    let keep = "echo for-doctor >own; nix-store --add own >kept; nix-store --add-root ~/result --realise $(cat kept)";
    patient.codchi.exec("hello", &["sh", "-ec", keep]);
    let kept = patient.codchi.exec("hello", &["cat", "kept"]);
    patient.codchi.ok(&["stop", "hello"]);
    let before = patient.setup();
    is_well(&patient.codchi, "disk");
    // As a process that was killed leaves it.
    patient.in_controller(&["ln", "-s", &kept, "/nix/var/nix/gcroots/builds/killed"]);
    // Something that was built once and that nothing uses any more.
    let add =
        "head -c 500M /dev/zero >/config/garbage && nix-store --add /config/garbage; rm /config/garbage";
    let env = ["--env", "NIX_REMOTE=daemon", "--env", "HOME=/root", "--env", "PATH=/usr/bin:/bin"];
    patient.world.client(&[&["exec", "codchi-controller"], &env[..], &["--", "sh", "-c", add]].concat());
    // The rest is somebody else's.
    let free: u64 =
        run("df", &["--output=avail", "-m", place]).lines().last().unwrap().trim().parse().unwrap();
    let filler = small.0.join("filler");
    run("fallocate", &["--length", &format!("{}M", free - 300), filler.to_str().unwrap()]);
    let found = fails(&patient.codchi, "disk", "full", "nothing can be built", "disk");
    let said = mends(&patient.codchi, "disk", &found);
    said.says("store paths deleted");
    is_well(&patient.codchi, "disk");
    assert_eq!(patient.setup(), before, "and nothing else");
    patient.in_controller(&["test", "-e", &kept]);
    assert_eq!(patient.in_controller(&["ls", "-A", "/nix/var/nix/gcroots/builds"]), "");
    let controller = is_well(&patient.codchi, "nix-daemon");
    assert_eq!(controller["state"], "ok", "{controller:#}");
    drop(patient);
    drop(small);
}

pub fn a_damaged_controller_is_made_again(_: &mut ()) {
    let patient = Patient::new();
    patient.hello();
    let before = patient.setup();
    let paths = patient.in_controller(&["ls", "/nix/store"]);
    let boot = patient.codchi.exec("hello", &["stat", "-c", "%Y", "/proc/1"]);
    patient.in_controller(&["rm", "/bin/ctrl-serve"]);
    let found = fails(&patient.codchi, "controller", "damaged", "damaged", "controller");
    mends(&patient.codchi, "controller", &found);
    is_well(&patient.codchi, "controller");
    is_well(&patient.codchi, "nix-daemon");
    assert_eq!(patient.in_controller(&["ls", "/nix/store"]), paths, "the store is as it was");
    assert_eq!(patient.codchi.exec("hello", &["stat", "-c", "%Y", "/proc/1"]), boot, "machines run on");
    assert_eq!(patient.setup(), before, "and nothing else");
    patient.codchi.ok(&["rebuild", "hello"]);
    patient.is_in_order();
}

pub fn a_nix_daemon_that_hangs_is_restarted(_: &mut ()) {
    let patient = Patient::with_controller();
    let before = patient.setup();
    let stop = (Signal::SIGSTOP as i32).to_string();
    for process in patient.controller_processes("nix-daemon") {
        patient.in_controller(&["sh", "-c", r#"kill "-$0" "$1""#, &stop, &process]);
    }
    let found = fails(&patient.codchi, "nix-daemon", "silent", "doesn't answer", "daemon");
    mends(&patient.codchi, "daemon", &found);
    let daemon = is_well(&patient.codchi, "nix-daemon");
    assert_eq!(daemon["state"], "ok", "{daemon:#}");
    assert_eq!(patient.setup(), before, "and nothing else");
}
