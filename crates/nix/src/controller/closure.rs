//! How two closures differ, as `nix store diff-closures` tells it, but as data.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use codchi_controller::nix::{ClosureDiff, NixError, PackageChange, StorePath};
use serde::Deserialize;

use super::{ControllerNix, exec::Input};
use crate::log::names;

/// A package whose versions are the same is named when its size differs by at least so many bytes, as in Nix.
const NOTEWORTHY: i64 = 8 * 1024;

/// What is known of a store path.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PathInfo {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    nar_size: u64,
    #[serde(default)]
    references: Vec<String>,
}

/// `nix path-info --json`: since 2.19 an object by path, before a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    ByPath(HashMap<String, Option<PathInfo>>),
    List(Vec<PathInfo>),
}

impl Answer {
    fn into_map(self) -> HashMap<String, PathInfo> {
        match self {
            Self::ByPath(paths) => paths.into_iter().filter_map(|(path, info)| Some((path, info?))).collect(),
            Self::List(paths) => {
                paths.into_iter().filter_map(|info| Some((info.path.clone()?, info))).collect()
            }
        }
    }
}

impl ControllerNix {
    pub(super) async fn compare_closures(
        &self,
        before: &StorePath,
        after: &StorePath,
    ) -> Result<ClosureDiff, NixError> {
        let action = "compare two systems";
        let argv = [
            "nix",
            "--extra-experimental-features",
            "nix-command",
            "path-info",
            "--json",
            "--recursive",
            &before.0,
            &after.0,
        ];
        let json = self.ask(action, Self::command(argv), Input::Nothing).await?;
        let answer: Answer = serde_json::from_slice(&json).map_err(|error| NixError::Failed {
            action: action.into(),
            message: format!("the answer has an unexpected form: {error}"),
        })?;
        Ok(diff(&answer.into_map(), &before.0, &after.0))
    }
}

/// Every path that `root` needs, and itself.
fn closure<'a>(paths: &'a HashMap<String, PathInfo>, root: &'a str) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    let mut todo = vec![root];
    while let Some(path) = todo.pop() {
        if let Some(info) = paths.get(path)
            && found.insert(path)
        {
            todo.extend(info.references.iter().map(String::as_str));
        }
    }
    found
}

/// The versions of a package and their size.
#[derive(Default)]
struct Side {
    versions: BTreeSet<String>,
    size: i64,
}

fn diff(paths: &HashMap<String, PathInfo>, before: &str, after: &str) -> ClosureDiff {
    let mut packages: BTreeMap<String, [Side; 2]> = BTreeMap::new();
    for (side, root) in [before, after].into_iter().enumerate() {
        for path in closure(paths, root) {
            let size = paths.get(path).map_or(0, |info| i64::try_from(info.nar_size).unwrap_or(i64::MAX));
            let (name, version) = package(names::store_path(path));
            if let Some(side) = packages.entry(name.to_owned()).or_default().get_mut(side) {
                side.versions.insert(version.to_owned());
                side.size = side.size.saturating_add(size);
            }
        }
    }
    let mut diff = ClosureDiff::default();
    for (name, [before, after]) in packages {
        let size = after.size.saturating_sub(before.size);
        diff.size = diff.size.saturating_add(size);
        if before.versions != after.versions || size.abs() >= NOTEWORTHY {
            let versions = |side: Side| side.versions.into_iter().collect();
            diff.packages.push(PackageChange {
                name,
                before: versions(before),
                after: versions(after),
                size,
            });
        }
    }
    diff
}

/// Splits the name of a store path into a package's name and version, as Nix does: the output's name at the end is dropped
/// (`diff-closures.cc`), and the version begins behind the first dash that no letter follows (`DrvName`).
fn package(name: &str) -> (&str, &str) {
    let name = match name.rsplit_once('-') {
        Some((rest, output)) if is_output(output) => rest,
        _ => name,
    };
    let bytes = name.as_bytes();
    let split = (0..bytes.len()).find(|&at| {
        bytes.get(at) == Some(&b'-') && bytes.get(at + 1).is_some_and(|next| !next.is_ascii_alphabetic())
    });
    match split {
        Some(at) => (name.get(..at).unwrap_or(name), name.get(at + 1..).unwrap_or_default()),
        None => (name, ""),
    }
}

fn is_output(text: &str) -> bool {
    matches!(text, "lib32" | "lib64") || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_as_nix_does() {
        for (name, expected) in [
            ("hello-2.12.1", ("hello", "2.12.1")),
            ("glibc-2.40-66-bin", ("glibc", "2.40-66")),
            ("python3.12-requests-2.32", ("python3.12-requests", "2.32")),
            ("nixos-system-unnamed-26.05", ("nixos-system-unnamed", "26.05")),
            ("etc-hosts", ("etc", "")),
            ("source", ("source", "")),
            ("x-", ("x-", "")),
            ("gcc-lib64", ("gcc", "")),
        ] {
            assert_eq!(package(name), expected, "{name}");
        }
    }

    #[test]
    fn tells_what_came_went_and_changed() {
        let path = |name: &str| format!("/nix/store/{}-{name}", "a".repeat(32));
        let info = |size, references: &[&str]| PathInfo {
            path: None,
            nar_size: size,
            references: references.iter().map(|name| path(name)).collect(),
        };
        let paths = HashMap::from([
            (path("old-1"), info(10, &["same-1", "hello-1.0", "gone-3", "old-1"])),
            (path("new-1"), info(10, &["same-1", "hello-2.0", "fresh-4"])),
            (path("same-1"), info(5, &[])),
            (path("hello-1.0"), info(100, &[])),
            (path("hello-2.0"), info(150, &["same-1"])),
            (path("gone-3"), info(7, &[])),
            (path("fresh-4"), info(9, &[])),
            (path("unrelated-9"), info(1_000_000, &[])),
        ]);
        let diff = diff(&paths, &path("old-1"), &path("new-1"));
        let change = |name: &str, before: &[&str], after: &[&str], size| PackageChange {
            name: name.into(),
            before: before.iter().map(|v| (*v).into()).collect(),
            after: after.iter().map(|v| (*v).into()).collect(),
            size,
        };
        assert_eq!(diff.size, 52);
        assert_eq!(
            diff.packages,
            [
                change("fresh", &[], &["4"], 9),
                change("gone", &["3"], &[], -7),
                change("hello", &["1.0"], &["2.0"], 50),
                change("new", &[], &["1"], 10),
                change("old", &["1"], &[], -10),
            ]
        );
    }

    #[test]
    fn reads_both_forms_of_the_answer() {
        for json in [
            r#"{"/nix/store/x":{"narSize":5,"references":[],"deriver":null},"/nix/store/y":null}"#,
            r#"[{"path":"/nix/store/x","narSize":5,"references":[]}]"#,
        ] {
            let paths = serde_json::from_str::<Answer>(json).unwrap().into_map();
            assert_eq!(paths["/nix/store/x"].nar_size, 5);
            assert_eq!(paths.len(), 1);
        }
    }
}
