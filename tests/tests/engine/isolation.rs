//! What a machine can't do: write the store or the database, see another machine's anything. And what it can: build.

use codchi_tests::{cli::Outcome, repo::Repo, scene::Scene};

use crate::rebuild::module;

fn shell(scene: &Scene, machine: &str, script: &str) -> Outcome {
    scene.codchi.run(&["exec", machine, "--", "sh", "-c", script])
}

pub fn store_and_database_are_read_only(scene: &mut Scene) {
    scene.hello();
    let denied = |script: &str| {
        let outcome = shell(scene, "hello", script);
        assert_ne!(outcome.code, 0, "{outcome}");
        let said = outcome.stderr.to_lowercase();
        assert!(said.contains("read-only"), "{outcome}");
    };
    for root in ["", "sudo "] {
        denied(&format!("{root}touch /nix/store/x"));
        denied(&format!("{root}touch /nix/var/nix/db/x"));
        // Who could replace the socket would be the daemon of all machines.
        denied(&format!("{root}rm -f /nix/var/nix/daemon-socket/socket"));
    }
    denied("sudo sh -c 'echo x >>/nix/var/nix/db/db.sqlite'");
    denied("sudo rm -rf $(readlink -f /run/current-system)");
    // Root in the machine doesn't get around it.
    for remount in ["mount -o remount,rw", "mount -o remount,bind,rw"] {
        for path in ["/nix/store", "/nix/var/nix/db"] {
            let script = format!("sudo {remount} {path}; sudo touch {path}/x");
            let outcome = shell(scene, "hello", &script);
            assert_ne!(outcome.code, 0, "{outcome}");
        }
    }
    assert!(!shell(scene, "hello", "ls /nix/store /nix/var/nix/db").stdout.lines().any(|name| name == "x"));
}

pub fn a_profile_leads_nowhere_else(scene: &mut Scene) {
    let repo = Repo::module(scene.place("links"), "links", &module("before"));
    scene.codchi.ok(&["init", "links", &repo.url()]);
    // Root of the machine owns its profile. Nothing that it puts there may become a way into the store for the controller's root.
    let file = scene.codchi.exec("links", &["readlink", "-f", "/etc/greeting"]);
    assert!(file.starts_with("/nix/store/"), "{file}");
    let links =
        r#"cd /nix/var/nix/profiles; for name in system.lock .codchi-new-link; do ln -sf "$1" "$name"; done"#;
    scene.codchi.exec("links", &["sudo", "sh", "-c", links, "sh", &file]);
    repo.commit(&[("module.nix", &module("after"))]);
    scene.codchi.ok(&["rebuild", "links"]);
    let back = ["/bin/ctrl-serve", "switch-generation", "/nix/var/nix/profiles/per-instance/links", "1"];
    scene.in_controller(&back);
    assert_eq!(scene.in_controller(&["cat", &file]).trim_end(), "before");
    scene.in_controller(&["nix-store", "--verify-path", &file]);
    scene.codchi.ok(&["delete", "links", "--yes"]);
}

pub fn the_user_builds_through_the_daemon(scene: &mut Scene) {
    scene.hello();
    let system = scene.codchi.exec("hello", &["readlink", "-f", "/run/current-system"]);
    let closure = scene.codchi.exec("hello", &["nix-store", "-qR", "/run/current-system"]);
    assert!(closure.lines().any(|path| path == system), "{closure}");
    assert!(closure.lines().count() > 3, "{closure}");

    let busybox = scene.in_controller(&["sh", "-c", "ls -d /nix/store/*-busybox*"]);
    let busybox = busybox.lines().find(|path| !path.ends_with(".drv")).expect("a busybox in the store");
    let expression = format!(
        r#"derivation {{
             name = "made-in-a-machine"; system = builtins.currentSystem;
             builder = "${{builtins.storePath {busybox}}}/bin/busybox";
             args = [ "sh" "-c" "echo made by $(id -u) >$out" ];
           }}"#
    );
    let build = ["nix", "build", "--impure", "--no-link", "--print-out-paths", "--expr", &expression];
    let path = scene.codchi.exec("hello", &build);
    assert!(path.starts_with("/nix/store/"), "{path}");
    assert!(scene.codchi.exec("hello", &["cat", &path]).starts_with("made by"), "{path}");
    // The daemon's user built it, and everybody sees it.
    assert!(scene.in_controller(&["cat", &path]).starts_with("made by"));
    // A user of a machine isn't trusted: what steers the daemon's sandbox is refused or ignored.
    let escape = [&build[..], &["--option", "sandbox", "false", "--rebuild"]].concat();
    let outcome = scene.codchi.run(&[&["exec", "hello", "--"], &escape[..]].concat());
    assert!(
        outcome.stderr.contains("not a trusted user") || outcome.stderr.contains("restricted setting"),
        "{outcome}"
    );
}

pub fn no_other_machine_is_visible(scene: &mut Scene) {
    let repo = scene.hello();
    scene.running("other", &repo);
    let profiles = scene.codchi.exec("hello", &["ls", "-A", "/nix/var/nix/profiles"]);
    assert!(profiles.lines().all(|name| name.starts_with("system")), "{profiles}");
    let everywhere = shell(
        scene,
        "hello",
        "sudo find / -xdev -name '*other*' -path '*per-instance*' 2>/dev/null; sudo cat /proc/self/mountinfo",
    );
    assert!(!everywhere.stdout.contains("codchi-other"), "{everywhere}");
    assert!(!everywhere.stdout.contains("profile-other"), "{everywhere}");

    // Each sees its own generations only, and its own home.
    scene.codchi.exec("other", &["sh", "-c", "echo mine >~/note"]);
    let peek = shell(scene, "hello", "sudo find / -xdev -name note -path '/home/*'");
    assert_eq!(peek.stdout, "", "{peek}");
    scene.codchi.ok(&["delete", "other", "--yes"]);
}
