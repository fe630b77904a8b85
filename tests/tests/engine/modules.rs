//! What repositories offer, and machines made of it.

use std::collections::BTreeSet;

use codchi_tests::{cli::Events, scene::Scene};
use serde_json::{Value, json};

/// The derivations that were built, by their names.
pub fn built(events: &[Value]) -> Vec<String> {
    let activities = events.iter().filter_map(|event| event["activities"].as_array()).flatten();
    let builds = activities.filter(|activity| activity["kind"] == "build" && activity["state"] != "planned");
    let mut names: Vec<String> =
        builds.map(|activity| activity["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The operation as it ended.
pub fn outcome(events: &[Value]) -> &Value {
    let last = events.last().expect("events");
    assert_eq!(last["event"], "operation_finished", "{last}");
    &last["operation"]
}

/// Follows a command to its good end.
pub fn done(events: Events) -> Vec<Value> {
    let (code, events) = events.finish();
    assert_eq!(code, 0, "{:#}", outcome(&events));
    events
}

pub fn modules_are_listed_without_building(scene: &mut Scene) {
    let flake = r#"{
      nixConfig.extra-substituters = [ "https://substituter.invalid" ];
      nixConfig.allow-import-from-derivation = true;
      outputs = _: let
        building = derivation { name = "not-to-be-built"; system = "x86_64-linux"; builder = "/bin/sh"; };
      in {
        nixosModules.plain = { };
        nixosModules."a b" = { ... }: { };
        nixosModules.built = import building;
        codchiModules.own = { };
        codchi.descriptions.plain = "What it is\nfor \u001b[31m";
      };
    }"#;
    let repo = scene.repo("offers", &[("flake.nix", flake)]);
    let paths = |scene: &Scene| {
        scene.in_controller(&["sh", "-c", "ls /nix/store | grep -v -e .drv -e source | wc -l"])
    };
    scene.codchi.ok(&["modules", &repo.url(), "--json"]);
    let before = paths(scene);
    let offered = scene.codchi.ok(&["modules", &repo.url(), "--json"]).json();
    assert_eq!(paths(scene), before, "nothing was built");

    assert_eq!(offered["rev"], json!(repo.head()), "{offered}");
    assert_eq!(offered["nixpkgs"]["direct"], false, "{offered}");
    let modules = offered["modules"].as_array().unwrap();
    let find = |name: &str| modules.iter().find(|module| module["name"] == name).unwrap_or(&Value::Null);
    assert_eq!(find("a b")["attr"], r#"nixosModules."a b""#, "{offered}");
    assert_eq!(find("own")["attr"], "codchiModules.own", "{offered}");
    assert_eq!(find("plain")["error"], Value::Null, "{offered}");
    assert!(find("plain")["description"].as_str().unwrap().starts_with("What it is"), "{offered}");
    let error = find("built")["error"].as_str().unwrap_or_default();
    assert!(error.contains("import-from-derivation") || error.contains("import"), "{offered}");

    let shown = scene.codchi.ok(&["modules", &repo.url()]);
    assert!(!shown.stdout.contains('\u{1b}'), "{shown:?}");
    shown.says("nixosModules.\"a b\"");
}

pub fn modules_come_and_go(scene: &mut Scene) {
    scene.hello();
    let flake = r#"{ outputs = _: {
      nixosModules.one = { environment.etc."one".text = "1"; };
      nixosModules.two = { environment.etc."two".text = "2"; };
    }; }"#;
    let repo = scene.repo("two", &[("flake.nix", flake)]);
    scene.codchi.fails(2, &["add", "hello", &repo.url()]).says("one, two");
    scene.codchi.ok(&["add", "hello", &repo.url(), "one", "two"]);
    assert_eq!(scene.codchi.exec("hello", &["cat", "/etc/one", "/etc/two"]), "12");
    let listed = scene.codchi.ok(&["module", "list", "hello", "--json"]).json();
    let names: Vec<_> =
        listed["modules"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hello", "one", "two"]);
    scene.codchi.fails(2, &["add", "hello", &repo.url(), "two"]).says("already has the module 'two'");
    scene.codchi.fails(3, &["add", "hello", &repo.url(), "three"]).says("there are: one, two");

    scene.codchi.ok(&["module", "remove", "hello", "one"]);
    let left = scene.codchi.run(&["exec", "hello", "--", "cat", "/etc/one", "/etc/two"]);
    assert_eq!((left.code, left.stdout.as_str()), (1, "2"), "{left}");
    scene.codchi.fails(3, &["module", "remove", "hello", "one"]).says("no module 'one'");
    scene.codchi.ok(&["module", "remove", "hello", "two"]);
}

pub fn copies_of_repositories_go_with_the_last_machine_of_them(scene: &mut Scene) {
    let hello = scene.hello();
    let flake = "{ outputs = _: { nixosModules.own = { }; }; }";
    let repo = scene.repo("copied", &[("flake.nix", flake)]);
    let listed = |scene: &Scene, dir: &str| -> BTreeSet<String> {
        scene.in_controller(&["ls", "-A", dir]).lines().map(str::to_owned).collect()
    };
    let copies = |scene: &Scene| listed(scene, "/config/repositories");
    let fetched = |scene: &Scene| listed(scene, "/config/cache");
    scene.codchi.ok(&["init", "copied", &hello.url()]);
    let before = copies(scene);
    scene.codchi.ok(&["add", "copied", &repo.url()]);
    scene.codchi.ok(&["init", "second", &repo.url()]);
    assert_eq!(copies(scene).difference(&before).count(), 1, "machines share it");
    scene.codchi.ok(&["module", "remove", "copied", "own"]);
    assert_eq!(copies(scene).difference(&before).count(), 1, "another machine is made of it");
    scene.codchi.ok(&["delete", "second", "--yes"]);
    assert_eq!(copies(scene).difference(&before).count(), 0);

    scene.codchi.ok(&["add", "copied", &repo.url()]);
    assert_eq!(copies(scene).difference(&before).count(), 1, "copied again");
    scene.codchi.ok(&["module", "remove", "copied", "own"]);
    assert_eq!(copies(scene).difference(&before).count(), 0);
    assert!(!fetched(scene).is_empty());
    let fetched_before = fetched(scene);
    scene.codchi.ok(&["add", "copied", &repo.url()]);
    assert_ne!(fetched(scene), fetched_before, "of both together");
    scene.codchi.ok(&["module", "remove", "copied", "own"]);
    scene.codchi.ok(&["delete", "copied", "--yes"]);
    assert_eq!(fetched(scene), fetched_before, "what hello is made of");
    scene.codchi.ok(&["rebuild", "hello"]);
}

pub fn a_second_machine_costs_nothing(scene: &mut Scene) {
    let repo = scene.hello();
    let used = |scene: &Scene| -> i64 {
        let dir = scene.world.engine_dir();
        // Its size is the engine's own affair: it makes room ahead, in large steps.
        let database = format!("--exclude={}", dir.join("database").display());
        let output =
            std::process::Command::new("du").args(["-sk", "-x", &database]).arg(dir).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    };
    let system = |name: &str| scene.codchi.exec(name, &["readlink", "-f", "/run/current-system"]);
    let before = used(scene);
    let events = done(scene.codchi.events(&["init", "twin", &repo.url()]));
    let more = used(scene) - before;
    assert_eq!(built(&events), Vec::<String>::new());
    assert_eq!(system("twin"), system("hello"));
    println!("  a second machine adds {more} KiB");
    assert!(more < 5 * 1024, "{more} KiB more");
    scene.codchi.ok(&["delete", "twin", "--yes"]);
}
