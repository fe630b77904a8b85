//! `flake.lock`: what is read of it. Nix writes it (format version 7, `lockfile.cc`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::flake_ref::{Authority, FlakeKind, FlakeRef, Forge, Transport};

/// A lock file.
#[derive(Debug, Deserialize)]
pub(super) struct Lock {
    nodes: BTreeMap<String, Node>,
    root: String,
    version: u32,
}

/// A locked flake.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Node {
    #[serde(default)]
    inputs: BTreeMap<String, Edge>,
    locked: Option<Map<String, Value>>,
    original: Option<Map<String, Value>>,
}

/// What an input is.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Edge {
    /// A node of its own.
    Node(String),
    /// The same as another input, by its path from the root.
    Follows(Vec<String>),
}

impl Node {
    fn locked(&self, name: &str) -> Option<&str> {
        self.locked.as_ref()?.get(name)?.as_str()
    }

    /// The commit that it is locked at.
    pub(super) fn rev(&self) -> Option<&str> {
        self.locked("rev")
    }

    /// The hash of its content.
    pub(super) fn nar_hash(&self) -> Option<&str> {
        self.locked("narHash")
    }

    /// The directory that it is, with its hash.
    fn directory(&self) -> Option<(&str, &str)> {
        let path = self.locked("path").filter(|path| path.starts_with('/'))?;
        (self.locked("type") == Some("path")).then_some((path, self.nar_hash()?))
    }

    /// Whether it was locked for this address. A wrong `false` only costs time.
    pub(super) fn is_for(&self, flake: &FlakeRef) -> bool {
        self.original.as_ref() == original(flake).as_object()
    }
}

impl Lock {
    /// Reads a lock file; `None` when it isn't one of the version that is understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|lock| lock.version == 7)
    }

    fn root(&self) -> Option<&Node> {
        self.nodes.get(&self.root)
    }

    /// The node of an input of the root.
    pub(super) fn input(&self, name: &str) -> Option<&Node> {
        match self.root()?.inputs.get(name)? {
            Edge::Node(node) => self.nodes.get(node),
            Edge::Follows(_) => None,
        }
    }

    /// Whether it locks exactly these inputs beside Codchi's own flake, with `nixpkgs` taken from `nixpkgs_of`.
    pub(super) fn covers<'a>(
        &self,
        inputs: impl Iterator<Item = (&'a str, &'a FlakeRef)>,
        nixpkgs_of: &str,
    ) -> bool {
        let Some(root) = self.root() else { return false };
        let follows = Edge::Follows(vec![nixpkgs_of.to_owned(), "nixpkgs".to_owned()]);
        let mut count = 2;
        for (name, flake) in inputs {
            count += 1;
            if !self.input(name).is_some_and(|node| node.locked.is_some() && node.is_for(flake)) {
                return false;
            }
        }
        root.inputs.len() == count
            && root.inputs.get("nixpkgs") == Some(&follows)
            && self.input("codchi").is_some_and(|node| node.locked.is_some())
    }

    /// The directories of the controller that it locks, with their hashes.
    pub(super) fn directories(&self) -> BTreeMap<&str, &str> {
        self.nodes.values().filter_map(Node::directory).collect()
    }

    /// The inputs of the root that are, or need, one of these directories.
    pub(super) fn inputs_with(&self, directories: &BTreeSet<&str>) -> Vec<&str> {
        let Some(root) = self.root() else { return Vec::new() };
        let needs = |edge: &Edge| {
            let (mut todo, mut seen) = (vec![edge], BTreeSet::new());
            while let Some(edge) = todo.pop() {
                let Edge::Node(name) = edge else { continue };
                let Some(node) = self.nodes.get(name).filter(|_| seen.insert(name)) else { continue };
                if node.directory().is_some_and(|(path, _)| directories.contains(path)) {
                    return true;
                }
                todo.extend(node.inputs.values());
            }
            false
        };
        root.inputs.iter().filter(|(_, edge)| needs(edge)).map(|(name, _)| name.as_str()).collect()
    }
}

/// A reference as Nix writes it into `original`.
fn original(flake: &FlakeRef) -> Value {
    let mut out = Map::new();
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), json!(value));
        }
    };
    set("ref", flake.reference.as_deref());
    set("rev", flake.rev.as_deref());
    set("dir", flake.dir.as_deref());
    set("narHash", flake.nar_hash.as_deref());
    match &flake.kind {
        FlakeKind::Forge { forge, host, owner, repo } => {
            let owner = if *forge == Forge::Gitlab { owner.replace('/', "%2F") } else { owner.clone() };
            set("type", Some(forge.scheme()));
            set("owner", Some(&owner));
            set("repo", Some(repo));
            set("host", host.as_deref());
        }
        FlakeKind::Git { transport, flags, .. } => {
            set("type", Some("git"));
            set("url", remote(flake).as_deref().or(Some(transport.scheme())));
            for (name, _) in flags {
                out.insert((*name).to_owned(), json!(true));
            }
        }
        FlakeKind::Path { path } => {
            set("type", Some("path"));
            set("path", Some(path));
        }
        FlakeKind::Tarball { .. } => {
            set("type", Some("tarball"));
            let bare = FlakeRef { rev: None, dir: None, nar_hash: None, ..flake.clone() };
            let url = bare.url();
            set("url", Some(url.strip_prefix("tarball+").unwrap_or(&url)));
        }
    }
    Value::Object(out)
}

/// The address of the git repository behind a reference, as git takes it; `None` for what isn't one.
pub(super) fn remote(flake: &FlakeRef) -> Option<String> {
    match &flake.kind {
        FlakeKind::Forge { forge, host, owner, repo } => {
            let host = host.as_deref().unwrap_or(forge.host());
            let end = if *forge == Forge::Gitlab { ".git" } else { "" };
            Some(format!("https://{host}/{owner}/{repo}{end}"))
        }
        FlakeKind::Git { transport, authority, path, .. } => {
            let bare = FlakeRef {
                kind: FlakeKind::Git {
                    transport: *transport,
                    authority: authority.clone().map(|authority: Authority| authority),
                    path: path.clone(),
                    flags: Vec::new(),
                },
                reference: None,
                rev: None,
                dir: None,
                nar_hash: None,
                attr: None,
                had_credentials: false,
            };
            let url = bare.url();
            Some(match transport {
                Transport::Git => url,
                _ => url.strip_prefix("git+").unwrap_or(&url).to_owned(),
            })
        }
        FlakeKind::Path { .. } | FlakeKind::Tarball { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flake_ref;

    const LOCK: &str = include_str!("../../tests/data/machine.lock");

    #[test]
    fn reads_a_recorded_lock() {
        let lock = Lock::parse(LOCK).unwrap();
        let hello = flake_ref::parse("git+file:///config/hello?ref=main").unwrap();
        assert_eq!(lock.input("m0").unwrap().rev(), Some("91684cff7f63676e73af64a099813afcc414777f"));
        assert!(lock.covers([("m0", &hello)].into_iter(), "codchi"));
        assert!(!lock.covers([("m0", &hello)].into_iter(), "m0"), "another nixpkgs");
        assert!(!lock.covers([].into_iter(), "codchi"), "an input too many");
        assert!(!lock.covers([("m0", &hello), ("m1", &hello)].into_iter(), "codchi"), "one missing");
        let other = flake_ref::parse("git+file:///config/hello?ref=dev").unwrap();
        assert!(!lock.covers([("m0", &other)].into_iter(), "codchi"), "another branch");
        let directories: Vec<_> = lock.directories().into_keys().collect();
        assert_eq!(directories, ["/usr/share/codchi", "/usr/share/codchi-nixpkgs"]);
        assert_eq!(lock.inputs_with(&BTreeSet::from(["/usr/share/codchi-nixpkgs"])), ["codchi"]);
        assert!(lock.inputs_with(&BTreeSet::from(["/elsewhere"])).is_empty());
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for text in ["", "{}", "[]", &LOCK.replace("\"version\": 7", "\"version\": 99")] {
            assert!(Lock::parse(text).is_none());
        }
    }

    #[test]
    fn writes_references_as_nix_does() {
        let write = |url: &str| original(&flake_ref::parse(url).unwrap());
        assert_eq!(
            write("github:o/r/main?dir=d"),
            json!({"type": "github", "owner": "o", "repo": "r", "ref": "main", "dir": "d"})
        );
        assert_eq!(write("gitlab:g%2Fs/r"), json!({"type": "gitlab", "owner": "g%2Fs", "repo": "r"}));
        assert_eq!(
            write("git+https://h:8/x.git?ref=m&submodules=1"),
            json!({"type": "git", "url": "https://h:8/x.git", "ref": "m", "submodules": true})
        );
        assert_eq!(write("git@h:o/r"), json!({"type": "git", "url": "ssh://git@h/o/r"}));
        assert_eq!(write("path:/a?dir=b"), json!({"type": "path", "path": "/a", "dir": "b"}));
        assert_eq!(
            write("https://h/x.tar.gz?a=1"),
            json!({"type": "tarball", "url": "https://h/x.tar.gz?a=1"})
        );
    }
}
