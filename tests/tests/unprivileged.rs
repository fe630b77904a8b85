//! A user without any rights but the engine's group does the main job: no sudo, no file of root's in their directories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use codchi_tests::{
    cli::{Codchi, finish},
    process::AfterDeath,
    repo::Repo,
    scene::Scene,
    suite::{self, Case},
};

const CASES: &[Case<Stage>] = &[
    Case { name: "a_user_of_the_group_does_the_main_job", run: the_main_job },
    Case { name: "no_file_of_another_user_is_in_their_directories", run: no_foreign_files },
    Case { name: "sudo_is_never_asked", run: no_sudo },
    Case { name: "a_user_outside_the_group_is_told_what_is_missing", run: outside },
];

fn main() -> ExitCode {
    suite::main("unprivileged", Stage::new, CASES)
}

/// A user and a group that exist as long as this does.
struct User {
    name: String,
    id: u32,
}

impl User {
    /// A new user, in these groups.
    fn new(name: &str, groups: &[&str]) -> Self {
        system("useradd", &["--no-create-home", "--shell", "/bin/sh", "--user-group", name]);
        let user = Self { id: output("id", &["-u", name]).trim().parse().unwrap(), name: name.into() };
        for group in groups {
            system("usermod", &["--append", "--groups", group, name]);
        }
        user
    }
}

impl Drop for User {
    fn drop(&mut self) {
        system("userdel", &[&self.name]);
    }
}

struct Group(String);

impl Drop for Group {
    fn drop(&mut self) {
        system("groupdel", &[&self.0]);
    }
}

struct Stage {
    member: Codchi,
    stranger: Codchi,
    repo: Repo,
    home: PathBuf,
    sudo_log: PathBuf,
    // Dropped in this order: the world first, then who may use it.
    scene: Scene,
    users: [User; 2],
    _group: Group,
    _after_death: AfterDeath,
}

impl Stage {
    fn new() -> Self {
        let tag = std::process::id();
        let (group, member, stranger) = (format!("cg{tag}"), format!("cm{tag}"), format!("cs{tag}"));
        // Whatever of theirs still runs is in the way.
        let gone = r#"for user in "$1" "$2"; do pkill -KILL --uid "$user"; userdel --force "$user"; done; groupdel "$3""#;
        let after_death = AfterDeath::run(gone, [&member, &stranger, &group]);
        system("groupadd", &[&group]);
        let group = Group(group);
        let users = [User::new(&member, &[&group.0]), User::new(&stranger, &[])];
        let scene = Scene::new(&["--group", &group.0, "--user", &member]);
        let (home, repo) = (scene.world.dir().join("member"), scene.place("repository"));
        fs::create_dir_all(&home).unwrap();
        let repo = Repo::example("hello", repo);
        for path in [&home, repo.path()] {
            system("chown", &["--recursive", &format!("{member}:"), path.to_str().unwrap()]);
        }
        let sudo_log = scene.world.dir().join("sudo.log");
        let path = traps(&scene.place("traps"), &sudo_log);
        let as_user = |user: &str| {
            let ids = [format!("--reuid={user}"), format!("--regid={user}")];
            let codchi = scene.codchi.clone().behind(&["setpriv", &ids[0], &ids[1], "--init-groups", "--"]);
            codchi.env("PATH", &path)
        };
        let theirs = scene.world.dir().join("stranger");
        fs::create_dir_all(&theirs).unwrap();
        system("chown", &[&format!("{stranger}:"), theirs.to_str().unwrap()]);
        Self {
            // As a desktop session has it: a home, and nothing said about directories.
            member: as_user(&member)
                .env("HOME", &home)
                .without("CODCHI_CONFIG_DIR")
                .without("CODCHI_DATA_DIR"),
            stranger: as_user(&stranger)
                .env("HOME", &theirs)
                .without("CODCHI_CONFIG_DIR")
                .without("CODCHI_DATA_DIR"),
            repo,
            home,
            sudo_log,
            scene,
            users,
            _group: group,
            _after_death: after_death,
        }
    }
}

/// A PATH on which everything that could give more rights only leaves a note.
fn traps(dir: &Path, log: &Path) -> String {
    fs::create_dir_all(dir).unwrap();
    fs::write(log, "").unwrap();
    fs::set_permissions(log, PermissionsExt::from_mode(0o666)).unwrap();
    for name in ["sudo", "su", "pkexec", "doas", "lxc", "incus"] {
        let trap = dir.join(name);
        fs::write(&trap, format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\nexit 1\n", log.display())).unwrap();
        fs::set_permissions(&trap, PermissionsExt::from_mode(0o755)).unwrap();
    }
    format!("{}:/usr/bin:/bin", dir.display())
}

fn the_main_job(stage: &mut Stage) {
    let (codchi, url) = (&stage.member, stage.repo.url());
    let ids = finish(&mut codchi.command("id"), "id".into(), b"");
    assert!(!ids.stdout.contains("uid=0") && !ids.stdout.contains("sudo"), "{ids}");
    codchi.ok(&["doctor"]);
    codchi.ok(&["init", "mine", &url]);
    assert!(codchi.exec("mine", &["hello"]).contains("Hello"));
    assert_eq!(codchi.exec("mine", &["systemctl", "is-system-running"]), "running");
    codchi.ok(&["modules", &url]);
    stage.repo.commit(&[("hello.nix", r#"{ pkgs, ... }: { environment.systemPackages = [ (pkgs.writeShellScriptBin "hello" "echo changed") ]; }"#)]);
    system(
        "chown",
        &["--recursive", &format!("{}:", stage.users[0].name), stage.repo.path().to_str().unwrap()],
    );
    codchi.ok(&["rebuild", "mine"]);
    assert_eq!(codchi.exec("mine", &["hello"]), "changed");
    codchi.ok(&["stop", "mine"]);
    codchi.ok(&["start", "mine"]);
    codchi.ok(&["logs", "mine"]);
    codchi.ok(&["delete", "mine", "--yes"]);
    codchi.ok(&["init", "mine", &url]);
    assert_eq!(codchi.machine("mine")["status"], "running");
}

fn no_foreign_files(stage: &mut Stage) {
    let user = &stage.users[0];
    let mut looked_at = 0;
    let mut dirs = vec![stage.home.clone()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            assert_eq!(metadata.uid(), user.id, "{} belongs to another user", path.display());
            if metadata.is_dir() {
                dirs.push(path);
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 5, "{looked_at} files in {}", stage.home.display());
    // And what root's `codchi` in the same world would have used is empty.
    assert_eq!(stage.scene.wanted(), vec![]);
    // Others can't read what this user wants and does.
    let config = stage.home.join(".config/codchi");
    let peek = finish(stage.stranger.command("ls").arg(&config), "ls".into(), b"");
    assert_ne!(peek.code, 0, "{peek}");
}

fn no_sudo(stage: &mut Stage) {
    assert_eq!(fs::read_to_string(&stage.sudo_log).unwrap(), "");
    let trap = finish(stage.member.command("sudo").arg("true"), "sudo true".into(), b"");
    assert_eq!(trap.code, 1);
    assert!(fs::read_to_string(&stage.sudo_log).unwrap().contains("sudo true"), "the trap works");
    fs::write(&stage.sudo_log, "").unwrap();
}

fn outside(stage: &mut Stage) {
    let url = stage.repo.url();
    let status = stage.stranger.ok(&["status", "--json"]).json();
    assert_eq!(status["engine"]["available"], false, "{status:#}");
    assert_eq!(status["engine"]["problem"]["code"], "engine_unavailable", "{status:#}");
    stage.stranger.fails(4, &["init", "x", &url]).says("codchi doctor");
    let doctor = stage.stranger.fails(4, &["doctor"]);
    doctor.says("group");
    assert_eq!(fs::read_to_string(&stage.sudo_log).unwrap(), "");
    // The member's machine is none of theirs.
    stage.stranger.fails(3, &["logs", "mine"]);
}

fn output(program: &str, args: &[&str]) -> String {
    let output =
        Command::new(program).args(args).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn system(program: &str, args: &[&str]) {
    output(program, args);
}
