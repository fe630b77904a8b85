//! Files that are damaged, from a newer Codchi, or have no room.

use std::{fs, process::Command};

use codchi_tests::scene::Scene;

pub fn damaged_and_newer_files_are_left_as_they_are(scene: &mut Scene) {
    let repo = scene.example("hello");
    scene.running("hello", &repo);
    let file = scene.codchi.config_dir().join("machines/hello/machine.json");
    let good = fs::read_to_string(&file).unwrap();
    let newer = good.replacen("\"version\": 1", "\"version\": 99", 1);
    assert_ne!(newer, good);
    for (content, said) in [
        ("{", "damaged"),
        ("", "damaged"),
        ("[]", "damaged"),
        (newer.as_str(), "newer"),
        ("{\"version\": 1}", "damaged"),
    ] {
        fs::write(&file, content).unwrap();
        let machine = scene.codchi.machine("hello");
        assert_eq!(machine["problem"]["code"], "invalid_file", "{content:?}: {machine:#}");
        assert_eq!(machine["status"], "running", "what is observed is still told");
        scene.codchi.ok(&["status"]).says("machine.json");
        let refused = scene.codchi.fails(1, &["rebuild", "hello"]);
        assert!(refused.stderr.to_lowercase().contains(said), "{content:?}: {refused}");
        refused.says("machine.json").says("left as it is");
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "left as it is");
    }
    fs::write(&file, &good).unwrap();
    scene.codchi.ok(&["rebuild", "hello"]);
    scene.is_in_order();
}

/// A small file system that is unmounted in any case.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: std::path::PathBuf) -> Self {
        fs::create_dir_all(&at).unwrap();
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(&at).output();
        assert!(output.unwrap().status.success());
        Self(at)
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &[0; 512]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

pub fn a_full_disk_damages_nothing(scene: &mut Scene) {
    let repo = scene.example("hello");
    for variable in ["CODCHI_CONFIG_DIR", "CODCHI_DATA_DIR"] {
        let small = Small::mount(scene.place(&format!("small-{variable}")));
        let codchi = scene.codchi.clone().env(variable, small.0.join("codchi"));
        codchi.ok(&["status"]);
        small.fill();
        let outcome = codchi.fails(1, &["init", "full", &repo.url()]);
        outcome.says("o space left");
        codchi.ok(&["status"]);
        small.free();
        codchi.ok(&["init", "full", &repo.url()]);
        assert!(codchi.exec("full", &["hello"]).contains("Hello"));
        codchi.ok(&["delete", "full", "--yes"]);
    }
    scene.is_in_order();
}

/// Runs a program where the directory is read-only.
const READ_ONLY: &str = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;

pub fn nothing_is_deleted_whose_settings_cannot_be(scene: &mut Scene) {
    scene.running("hello", &scene.example("hello"));
    let config = scene.codchi.config_dir().display().to_string();
    let unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", READ_ONLY, &config];
    let refused = scene.codchi.clone().behind(&unshare).fails(1, &["delete", "hello", "--yes"]);
    refused.says("machines").says("Read-only");
    assert_eq!(scene.codchi.machine("hello")["status"], "running");
    assert!(scene.codchi.exec("hello", &["hello"]).contains("Hello"));
    scene.is_in_order();
}
