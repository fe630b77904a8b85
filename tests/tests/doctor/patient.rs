//! A world that is broken and mended, and what is compared of it.

use std::{fs, ops::Deref};

use codchi_tests::{
    cli::{Codchi, Outcome},
    scene::Scene,
};
use serde_json::{Map, Value};

/// A world of its own.
pub struct Patient {
    scene: Scene,
}

impl Deref for Patient {
    type Target = Scene;
    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl Patient {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With these options of `cargo xtask world`.
    pub fn with(options: &[&str]) -> Self {
        Self { scene: Scene::new(options) }
    }

    /// The same with a controller.
    pub fn with_controller() -> Self {
        let patient = Self::new();
        patient.codchi.ok(&["doctor", "--fix", "controller", "--yes"]);
        patient
    }

    /// The client's name.
    pub fn client(&self) -> &'static str {
        if self.is_incus() { "incus" } else { "lxc" }
    }

    pub fn is_incus(&self) -> bool {
        self.world.socket().to_string_lossy().contains("incus")
    }

    /// How the engine is set up, without what it counts and assigns by itself.
    pub fn setup(&self) -> Value {
        let mut setup = Map::new();
        for (name, path) in [
            ("profiles", "/1.0/profiles?recursion=1"),
            ("networks", "/1.0/networks?recursion=1"),
            ("pools", "/1.0/storage-pools?recursion=1"),
            ("instances", "/1.0/instances?recursion=1"),
        ] {
            setup.insert(name.into(), without_bookkeeping(self.query(path)));
        }
        setup.insert("config".into(), self.query("/1.0")["config"].clone());
        Value::Object(setup)
    }
}

fn without_bookkeeping(mut value: Value) -> Value {
    let own = ["used_by", "last_used_at", "created_at", "status", "status_code", "state", "etag"];
    for thing in value.as_array_mut().unwrap() {
        let thing = thing.as_object_mut().unwrap();
        own.iter().for_each(|key| drop(thing.remove(*key)));
        for nested in ["config", "expanded_config"] {
            if let Some(config) = thing.get_mut(nested).and_then(Value::as_object_mut) {
                config.retain(|key, _| !key.starts_with("volatile."));
            }
        }
    }
    // Interfaces of the host come and go; they are not the engine's.
    let things = value.as_array_mut().unwrap();
    things.retain(|thing| thing.get("managed").is_none_or(|managed| managed == true));
    value
}

/// What `codchi doctor --json` says of one check.
pub fn check(codchi: &Codchi, id: &str) -> Value {
    let outcome = codchi.run(&["doctor", "--json"]);
    let diagnosis = outcome.json();
    let checks = diagnosis["checks"].as_array().unwrap();
    let failed = checks.iter().any(|check| check["state"] == "fail");
    assert_eq!((diagnosis["ok"] == false, outcome.code), (failed, if failed { 4 } else { 0 }), "{outcome}");
    let found = checks.iter().find(|check| check["id"] == id);
    found.unwrap_or_else(|| panic!("no check {id}: {outcome}")).clone()
}

/// Expects a check to fail for this reason, saying this, with a fix of this name.
pub fn fails(codchi: &Codchi, id: &str, reason: &str, says: &str, fix: &str) -> Value {
    let check = check(codchi, id);
    assert_eq!((&check["state"], &check["reason"]), (&"fail".into(), &reason.into()), "{check:#}");
    assert!(check["explanation"].as_str().unwrap().contains(says), "{check:#}");
    assert_eq!(check["fix"]["id"], fix, "{check:#}");
    assert!(!check["fix"]["commands"].as_array().unwrap().is_empty(), "{check:#}");
    // The same for people.
    codchi.fails(4, &["doctor"]).says(says);
    check
}

/// Shows the commands first and runs nothing unasked, then mends it; expects all to be well.
pub fn mends(codchi: &Codchi, fix: &str, check: &Value) -> Outcome {
    let refused = codchi.fails(2, &["doctor", "--fix", fix]);
    let first = &check["fix"]["commands"][0][0];
    refused.says(first.as_str().unwrap()).says("--yes");
    codchi.ok(&["doctor", "--fix", fix, "--yes"])
}

/// Expects a check to be well or tolerable now.
pub fn is_well(codchi: &Codchi, id: &str) -> Value {
    let check = check(codchi, id);
    assert!(check["state"] == "ok" || check["state"] == "warn", "{check:#}");
    check
}

/// A copy of the host's `/etc` and of its own certificates, in which programs may change what they like. It is mounted over the real
/// one for one program and its children only.
pub struct OwnEtc {
    etc: std::path::PathBuf,
    certificates: std::path::PathBuf,
}

/// Mounts both and becomes the rest of the arguments.
const ENTER: &str =
    r#"mount --bind "$1" /etc && mount --bind "$2" /usr/local/share/ca-certificates && shift 2 && exec "$@""#;

impl OwnEtc {
    pub fn new(patient: &Patient) -> Self {
        let etc = patient.place("etc");
        let certificates = patient.place("certificates");
        fs::create_dir_all(etc.parent().unwrap()).unwrap();
        fs::create_dir_all(&certificates).unwrap();
        fs::create_dir_all("/usr/local/share/ca-certificates").unwrap();
        run("cp", &["--archive", "/etc", etc.to_str().unwrap()]);
        Self { etc, certificates }
    }

    /// The words that make a program see it, to put before others.
    pub fn words(&self) -> Vec<String> {
        let words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"];
        let places = [&self.etc, &self.certificates].map(|path| path.display().to_string());
        words.iter().map(ToString::to_string).chain(places).collect()
    }

    /// Codchi that sees it, behind more words.
    pub fn codchi(&self, codchi: &Codchi, then: &[&str]) -> Codchi {
        let words = self.words();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(then.iter().copied()).collect();
        codchi.clone().behind(&words)
    }

    /// Runs a program that sees it.
    pub fn run(&self, argv: &[&str]) -> String {
        let words = self.words();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(argv.iter().copied()).collect();
        run(words[0], &words[1..])
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.etc.join(name)
    }
}

/// Runs a program of the host; what it prints.
pub fn run(program: &str, args: &[&str]) -> String {
    let mut command = std::process::Command::new(program);
    command.args(args).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(std::process::Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
