//! A world with the real `codchi` in it, and looking at what a run has left there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use codchi_driver_lxd::Flavour;
use serde_json::Value;

use crate::{cli::Codchi, repo::Repo, world::World};

/// A world, and `codchi` in it as root.
pub struct Scene {
    /// `codchi` as whoever runs the tests.
    pub codchi: Codchi,
    /// Where it runs.
    pub world: World,
}

/// The engine that the suites run on: `CODCHI_TEST_ENGINE`, which is `lxd` (also where it isn't set) or `incus`.
///
/// # Panics
/// When it is another one.
pub fn engine() -> Flavour {
    match std::env::var("CODCHI_TEST_ENGINE").as_deref() {
        Ok("lxd") | Err(_) => Flavour::Lxd,
        Ok("incus") => Flavour::Incus,
        Ok(other) => panic!("CODCHI_TEST_ENGINE is {other:?}; there are lxd and incus"),
    }
}

impl Scene {
    /// Makes a world with these options of `cargo xtask world`. Where it is kept for a look, `CODCHI_KEEP_WORLD` is set.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn new(options: &[&str]) -> Self {
        let engine = engine();
        let world = World::with(engine, options);
        println!("{} in {}", engine.name(), world.dir().display());
        Self { codchi: Codchi::new(&world), world }
    }

    /// A directory of its own for something that a case makes.
    pub fn place(&self, name: &str) -> PathBuf {
        self.world.dir().join("places").join(name)
    }

    /// A copy of one of `examples/` as a repository.
    pub fn example(&self, name: &str) -> Repo {
        let path = self.place(name);
        if path.exists() { Repo::at(path) } else { Repo::example(name, path) }
    }

    /// A repository with these files.
    pub fn repo(&self, name: &str, files: &[(&str, &str)]) -> Repo {
        Repo::new(self.place(name), files)
    }

    /// Makes sure that a machine of this name runs, made from this repository.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn running(&self, machine: &str, repo: &Repo) {
        let status = self.codchi.machine(machine);
        match status["status"].as_str() {
            Some("running") => {}
            Some("stopped") => drop(self.codchi.ok(&["start", machine])),
            _ => drop(self.codchi.ok(&["init", machine, &repo.url()])),
        }
    }

    /// The machine `hello` from `examples/hello`, running.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn hello(&self) -> Repo {
        let repo = self.example("hello");
        self.running("hello", &repo);
        repo
    }

    /// Asks the engine itself.
    ///
    /// # Panics
    /// When it refuses.
    pub fn query(&self, path: &str) -> Value {
        let answer = self.world.client(&["query", path]);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    /// Waits until the engine has done what it was asked to: that goes on when the one who asked has gone.
    ///
    /// # Panics
    /// When it can't be asked.
    pub fn engine_is_done(&self) {
        loop {
            let all = self.query("/1.0/operations?recursion=1");
            let lists = all.as_object().into_iter().flat_map(|by_state| by_state.values());
            let going = lists.filter_map(Value::as_array).flatten().find(|one| {
                one["class"] == "task" && one["status_code"].as_i64().is_some_and(|code| code < 200)
            });
            let Some(going) = going else { return };
            // It may end, and be forgotten, before it is waited for.
            let wait = format!("/1.0/operations/{}/wait?timeout=60", going["id"].as_str().unwrap());
            let _ = self.world.client_command(&["query", &wait]).output();
        }
    }

    /// The names of all instances.
    pub fn instances(&self) -> BTreeSet<String> {
        names(&self.query("/1.0/instances"))
    }

    /// The names of all custom volumes.
    pub fn volumes(&self) -> BTreeSet<String> {
        names(&self.query("/1.0/storage-pools/default/volumes/custom"))
    }

    /// A command in the controller, as the engine runs it; what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn in_controller(&self, argv: &[&str]) -> String {
        let path = "PATH=/usr/bin:/usr/sbin:/bin:/sbin";
        self.world.client(
            &[&["exec", "codchi-controller", "--env", path, "--env", "HOME=/root", "--"], argv].concat(),
        )
    }

    /// The processes of the controller that are called so: their ids there.
    pub fn controller_processes(&self, name: &str) -> Vec<String> {
        let list = r#"for process in /proc/[0-9]*; do echo "$(cat $process/comm 2>/dev/null) ${process#/proc/}"; done"#;
        let all = self.in_controller(&["sh", "-c", list]);
        let found = all.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.map(str::to_owned).collect()
    }

    /// Kills the processes of the controller that are called so. Returns their ids there.
    ///
    /// # Panics
    /// When the controller can't be asked.
    pub fn kill_controller_processes(&self, name: &str) -> Vec<String> {
        // In one command and without other processes, so that it is soon. One may end with another.
        let kill = r#"for process in /proc/[0-9]*; do
            comm=
            read -r comm 2>/dev/null <"$process/comm"
            [ "$comm" = "$0" ] || continue
            echo "${process#/proc/}"
            kill -KILL "${process#/proc/}" 2>/dev/null
        done
        true"#;
        self.in_controller(&["sh", "-c", kill, name]).lines().map(str::to_owned).collect()
    }

    /// Every file of ours is whole and readable, and the engine has exactly what the machines need: nothing orphaned, nothing missing.
    ///
    /// # Panics
    /// When it isn't so.
    pub fn is_in_order(&self) {
        let status = self.codchi.status();
        let machines = status["machines"].as_array().unwrap();
        let mut instances = BTreeSet::from(["codchi-controller".to_owned()]);
        let mut volumes: BTreeSet<String> =
            ["store", "db", "socket", "config"].iter().map(|name| format!("codchi-{name}")).collect();
        for machine in machines {
            let name = machine["name"].as_str().unwrap();
            assert_eq!(machine["problem"], Value::Null, "{name}");
            let operation = machine["operation"]["state"].as_str();
            assert_ne!(operation, Some("running"), "nobody works on {name}");
            if machine["status"] != "not_installed" {
                instances.insert(format!("codchi-{name}"));
                volumes.insert(format!("codchi-profile-{name}"));
            }
        }
        assert_eq!(self.instances(), instances, "instances");
        let there = self.volumes();
        let strange: Vec<_> = there.difference(&volumes).filter(|volume| !self.is_draft(volume)).collect();
        assert!(strange.is_empty(), "volumes of no machine: {strange:?}");
        assert!(there.is_superset(&volumes), "volumes are missing: {there:?}");
        self.files_are_whole();
    }

    /// A machine whose creation hasn't ended may have its volume already.
    fn is_draft(&self, volume: &str) -> bool {
        let machine = volume.strip_prefix("codchi-profile-");
        machine.is_some_and(|name| {
            self.codchi.config_dir().join("machines").join(name).join("machine.json").exists()
        })
    }

    /// Every JSON file of ours is whole, and no write left anything behind.
    ///
    /// # Panics
    /// When one isn't.
    pub fn files_are_whole(&self) {
        for file in files(&self.codchi.config_dir()).into_iter().chain(files(&self.codchi.data_dir())) {
            let name = file.file_name().unwrap().to_string_lossy();
            assert!(!name.starts_with(".new-"), "{} was left behind", file.display());
            if name.ends_with(".json") || name == "flake.lock" {
                let bytes = fs::read(&file).unwrap();
                let read = serde_json::from_slice::<Value>(&bytes);
                assert!(read.is_ok(), "{} is damaged: {read:?}", file.display());
            }
        }
    }

    /// All files that say what is wanted, with their contents.
    pub fn wanted(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut all: Vec<_> = files(&self.codchi.config_dir())
            .into_iter()
            .map(|file| {
                let bytes = fs::read(&file).unwrap();
                (file, bytes)
            })
            .collect();
        all.sort();
        all
    }
}

/// All files below a directory.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

fn names(urls: &Value) -> BTreeSet<String> {
    let urls = urls.as_array().expect("a list of addresses").iter();
    urls.map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}
