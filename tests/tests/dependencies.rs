//! Which crate may use which: the directions of ARCHITECTURE.md, kept over `cargo metadata`.
//!
//! Whether a crate is used well is not looked at, only that the arrows point one way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every member of the workspace, with the other members it may use. A pattern may end in `*`.
const ALLOWED: &[(&str, &[&str], &str)] = &[
    ("codchi-controller", &[], "the domain knows traits only; what implements them depends on it"),
    ("codchi-nix", &["codchi-controller"], "it implements the domain's Nix trait and nothing else"),
    (
        "codchi-driver-*",
        &["codchi-controller"],
        "a driver implements the domain's Driver trait and nothing else",
    ),
    (
        "codchi-secrets",
        &["codchi-controller"],
        "it implements the domain's SecretStore trait and nothing else",
    ),
    ("codchi-ctrl-serve", &[], "it runs alone inside containers"),
    ("codchi-api", &["codchi-controller"], "the command table is the same whatever driver is behind it"),
    (
        "codchi-host",
        &["codchi-api", "codchi-controller", "codchi-nix", "codchi-secrets", "codchi-driver-*"],
        "it puts the parts together for this computer; the doors stay out of it",
    ),
    (
        "codchi-cli",
        &["codchi-api", "codchi-controller", "codchi-host", "codchi-nix"],
        "a door reaches everything through the api, and drivers through the host",
    ),
    (
        "codchi-app",
        &["codchi-api", "codchi-controller", "codchi-host"],
        "a door reaches everything through the api, and drivers through the host",
    ),
    ("codchi-tests", &["codchi-*"], "tests see everything"),
    ("xtask", &[], "developer commands run the product's programs and don't link them"),
];

/// What must not be in a crate's closure, however it would get there.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "codchi-controller",
        &["reqwest", "hyper", "tokio-tungstenite", "tauri", "clap", "keyring-core", "zbus", "age"],
        "the domain speaks to no engine, no desktop and no terminal",
    ),
    ("codchi-nix", &["reqwest", "tauri", "clap"], "Nix is reached through the domain's driver only"),
    ("codchi-cli", &["tauri", "tao", "wry", "gtk", "webkit2gtk"], "the command line works without a desktop"),
    ("codchi-ctrl-serve", &["tokio", "reqwest"], "the program in the containers is small and static"),
];

/// Crates that only one member names itself.
const SOLE: &[(&str, &str)] = &[
    ("tauri*", "codchi-app"),
    ("codchi-driver-*", "codchi-host"),
    ("codchi-secrets", "codchi-host"),
    ("keyring*", "codchi-secrets"),
    ("zbus-secret-service*", "codchi-secrets"),
    ("age", "codchi-secrets"),
    ("codchi-app", ""),
];

struct Graph {
    /// Members by name, each with the names of what it depends on itself, whatever for.
    direct: BTreeMap<String, BTreeSet<String>>,
    /// The id and name of every package.
    names: BTreeMap<String, String>,
    /// What each package uses at run or build time, by id.
    uses: BTreeMap<String, Vec<String>>,
}

fn graph() -> Graph {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--format-version", "1", "--locked"]);
    command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();

    let members: BTreeSet<String> = list(&metadata["workspace_members"]).iter().map(text).collect();
    let packages = list(&metadata["packages"]);
    let names = packages.iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
    let direct = packages.iter().filter(|p| members.contains(p["id"].as_str().unwrap()));
    let direct = direct
        .map(|p| (text(&p["name"]), list(&p["dependencies"]).iter().map(|d| text(&d["name"])).collect()))
        .collect();
    let uses = list(&metadata["resolve"]["nodes"])
        .iter()
        .map(|node| {
            let used = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
            (text(&node["id"]), used.map(|dep| text(&dep["pkg"])).collect())
        })
        .collect();
    Graph { direct, names, uses }
}

impl Graph {
    /// A shortest chain from a member to a package of this name, if there is one.
    fn chain(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let start = self.names.iter().find(|(_, name)| *name == from).unwrap().0;
        let mut queue = std::collections::VecDeque::from([vec![start.clone()]]);
        let mut seen = BTreeSet::from([start.clone()]);
        while let Some(path) = queue.pop_front() {
            let last = path.last().unwrap();
            if self.names[last] == to {
                return Some(path.iter().map(|id| self.names[id].clone()).collect());
            }
            for next in self.uses.get(last).into_iter().flatten().filter(|next| seen.insert((*next).clone()))
            {
                queue.push_back(path.iter().chain([next]).cloned().collect());
            }
        }
        None
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

#[test]
fn members_use_each_other_in_one_direction() {
    let graph = graph();
    for (member, dependencies) in &graph.direct {
        let Some((_, allowed, reason)) = ALLOWED.iter().find(|(pattern, ..)| fits(pattern, member)) else {
            panic!(
                "{member} is new: say in this test's table which members it may use, and in ARCHITECTURE.md what it is for"
            );
        };
        for dependency in dependencies.iter().filter(|name| graph.direct.contains_key(*name)) {
            assert!(
                allowed.iter().any(|pattern| fits(pattern, dependency)) || dependency == member,
                "{member} must not depend on {dependency}: {reason}; it may use {allowed:?}",
            );
        }
    }
}

#[test]
fn what_only_one_member_may_name_no_other_names() {
    for (member, dependencies) in graph().direct {
        for (pattern, owner) in SOLE {
            let named = dependencies.iter().find(|name| fits(pattern, name));
            assert!(
                named.is_none() || member == *owner || member == "codchi-tests",
                "{member} names {}: only {owner} does",
                named.unwrap()
            );
        }
    }
}

#[test]
fn closures_stay_free_of_what_does_not_belong_there() {
    let graph = graph();
    for (member, forbidden, reason) in FORBIDDEN {
        for name in *forbidden {
            if let Some(chain) = graph.chain(member, name) {
                panic!("{}: {reason}", chain.join(" → "));
            }
        }
    }
}

#[test]
fn the_tables_speak_of_crates_that_exist() {
    let graph = graph();
    let patterns = ALLOWED.iter().map(|(name, ..)| *name).chain(FORBIDDEN.iter().map(|(name, ..)| *name));
    for pattern in patterns {
        assert!(graph.direct.keys().any(|member| fits(pattern, member)), "no member is called {pattern}");
    }
    assert_eq!(
        graph.chain("codchi-app", "tauri").map(|chain| chain.len()),
        Some(2),
        "what is there is found"
    );
    for (member, forbidden, _) in FORBIDDEN {
        let known = forbidden.iter().filter(|name| graph.names.values().any(|known| known == *name)).count();
        assert!(
            known > 0,
            "nothing in the workspace uses any of {forbidden:?}: the rule for {member} proves nothing"
        );
    }
}
