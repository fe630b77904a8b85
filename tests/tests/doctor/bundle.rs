//! The diagnostics bundle.

use std::{collections::BTreeSet, fs};

use crate::patient::{Patient, run};

pub fn the_bundle_has_what_is_listed_and_no_secret(_: &mut ()) {
    let patient = Patient::new();
    patient.hello();
    // What a program printed may have anything in it.
    let log = patient.codchi.data_dir().join("codchi.log");
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ";
    fs::write(&log, format!("fetching https://me:{secret}@git.example/x\nwith {secret}\n")).unwrap();
    let listed = patient.codchi.ok(&["diagnostics", "--list", "--json"]).json();
    let names = |value: &serde_json::Value| -> BTreeSet<String> {
        value["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let listed = names(&listed);
    for name in [
        "versions.json",
        "checks.json",
        "engine.json",
        "settings.json",
        "codchi.log",
        "machines/hello/flake.lock",
    ] {
        assert!(listed.contains(name), "{name}: {listed:?}");
    }
    assert!(listed.iter().any(|name| name.starts_with("operations/") && name.ends_with("/log.jsonl")));
    let zip = patient.place("bundle.zip");
    fs::create_dir_all(zip.parent().unwrap()).unwrap();
    let saved = patient.codchi.ok(&["diagnostics", zip.to_str().unwrap(), "--json"]);
    saved.says("checks.json");
    assert_eq!(names(&saved.json()), listed);
    let unpacked = patient.place("unpacked");
    run("python3", &["-m", "zipfile", "-e", zip.to_str().unwrap(), unpacked.to_str().unwrap()]);
    let files = codchi_tests::scene::files(&unpacked);
    assert_eq!(files.len(), listed.len());
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains(secret), "{}", file.display());
    }
    let checks: serde_json::Value =
        serde_json::from_slice(&fs::read(unpacked.join("checks.json")).unwrap()).unwrap();
    assert_eq!(checks["ok"], true, "{checks:#}");
}
