//! Who keeps what: any user of a machine may collect garbage, and nobody else loses what they use, keep, or are about to build.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
};

use codchi_controller::{
    access::NOTHING,
    activity::{Activity, ActivityKind, LogLine, Observer, Unobserved},
    machine::{MachineName, MachineSpec},
    nix::{Nix as _, Run},
};
use codchi_nix::ControllerNix;
use codchi_tests::{cli::Outcome, repo::Repo, scene::Scene};
use tokio_util::sync::CancellationToken;

use crate::rebuild::module;

/// A path that nothing but its user's link keeps.
fn keep_in(scene: &Scene, machine: &str, name: &str, link: &str) -> String {
    let keep = r#"cd; mkdir -p "$(dirname "$2")"; echo "$1" >"$1"; path=$(nix-store --add "$1"); rm "$1"
        nix-store --add-root "$2" --realise "$path" >/dev/null; echo "$path""#;
    let path = scene.codchi.exec(machine, &["sh", "-ec", keep, "sh", name, link]);
    assert!(path.starts_with("/nix/store/"), "{path}");
    path
}

/// A user of `machine` collects garbage.
fn collect(scene: &Scene, machine: &str) -> Outcome {
    let outcome = scene.codchi.run(&["exec", machine, "--", "nix-store", "--gc"]);
    assert_eq!(outcome.code, 0, "{outcome}");
    outcome
}

fn is_there(scene: &Scene, path: &str) -> bool {
    let check = format!("nix-store --check-validity {path} 2>/dev/null && echo yes || echo no");
    scene.in_controller(&["sh", "-c", &check]).trim() == "yes"
}

pub fn a_link_in_a_home_survives_collections(scene: &mut Scene) {
    let repo = scene.hello();
    scene.running("collector", &repo);
    let kept = keep_in(scene, "hello", "kept", "a/result");
    let dropped = keep_in(scene, "hello", "dropped", "dropped");
    scene.codchi.exec("hello", &["rm", "/home/codchi/dropped"]);
    collect(scene, "collector");
    assert!(is_there(scene, &kept), "while its machine runs");
    assert!(!is_there(scene, &dropped), "nothing keeps it");

    scene.codchi.ok(&["stop", "hello"]);
    collect(scene, "collector");
    assert!(is_there(scene, &kept), "while its machine is stopped");
    // The controller's own notes went with it.
    scene.world.client(&["delete", "--force", "codchi-controller"]);
    scene.codchi.ok(&["start", "hello"]);
    collect(scene, "collector");
    assert!(is_there(scene, &kept), "after the controller was made anew");

    scene.codchi.ok(&["rename", "hello", "moved"]);
    collect(scene, "collector");
    assert!(is_there(scene, &kept), "under another name");
    scene.codchi.ok(&["rename", "moved", "hello"]);
    scene.codchi.exec("hello", &["rm", "/home/codchi/a/result"]);
    collect(scene, "collector");
    assert!(!is_there(scene, &kept), "nothing keeps it any more");

    let gone = keep_in(scene, "collector", "gone", "result");
    collect(scene, "collector");
    assert!(is_there(scene, &gone));
    // The controller doesn't run meanwhile: it forgets when it is used next.
    scene.codchi.ok(&["stop", "hello"]);
    scene.world.client(&["stop", "--force", "codchi-controller"]);
    scene.codchi.ok(&["delete", "collector", "--yes"]);
    scene.codchi.ok(&["start", "hello"]);
    collect(scene, "hello");
    assert!(!is_there(scene, &gone), "its machine is gone");
    for place in ["/config/roots", "/config/machines", "/nix/var/nix/gcroots/builds"] {
        let left = scene.in_controller(&["ls", "-A", place]);
        let gone = |name: &str| ["collector", "collector.result", "moved", "moved.result"].contains(&name);
        assert!(!left.lines().any(gone), "{place}: {left}");
    }
    let mounts = scene.in_controller(&["cat", "/proc/self/mountinfo"]);
    let seen = |name: &str| mounts.contains(&format!(" /instances/{name} "));
    assert_eq!(["hello", "collector", "moved"].map(seen), [true, false, false], "{mounts}");
}

pub fn nothing_in_a_home_stops_a_collection(scene: &mut Scene) {
    scene.hello();
    let kept = keep_in(scene, "hello", "beside", "beside");
    let traps = "cd; ln -s circle circle; ln -s circle/x into; mkfifo pipe; ln -s /config/machines out; \
                 i=0; while [ $i -lt 200 ]; do mkdir a-name-of-twenty-four-xx && cd a-name-of-twenty-four-xx || break; \
                 i=$((i+1)); done 2>/dev/null; true";
    scene.codchi.exec("hello", &["sh", "-c", traps]);
    collect(scene, "hello");
    assert!(is_there(scene, &kept));
    // It isn't for others in the controller either.
    let modes = scene.in_controller(&["stat", "-c", "%a", "/instances", "/config/roots"]);
    assert_eq!(modes.lines().collect::<Vec<_>>(), ["700", "700"]);
    let denied = scene.in_controller(&["sh", "-c", "touch /instances/hello/x 2>&1; true"]);
    assert!(denied.contains("Read-only file system"), "{denied}");
    scene
        .codchi
        .exec("hello", &["sh", "-c", "cd; rm -rf circle into pipe out beside a-name-of-twenty-four-xx"]);
}

/// A machine whose next build is a new one, and what it is made of.
fn changed(scene: &Scene, name: &str) -> (MachineName, MachineSpec) {
    let repo = Repo::module(scene.place(name), name, &module("first"));
    scene.codchi.ok(&["init", name, &repo.url()]);
    repo.commit(&[("module.nix", &module("second"))]);
    let file = scene.codchi.config_dir().join(format!("machines/{name}/machine.json"));
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    file.as_object_mut().unwrap().remove("version");
    (name.parse().unwrap(), serde_json::from_value(file).unwrap())
}

pub fn a_build_survives_collections_between_its_phases(scene: &mut Scene) {
    scene.hello();
    let (machine, spec) = changed(scene, "about");
    let nix = ControllerNix::new(Arc::new(scene.world.driver()), "git");
    let cancel = CancellationToken::new();
    let run = Run { observer: &Unobserved, cancel: &cancel, access: &NOTHING };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        nix.resolve(&machine, &spec, None, true, run).await.unwrap();
        let derivation = nix.evaluate(&machine, &spec, run).await.unwrap().derivation;
        collect(scene, "hello");
        assert!(is_there(scene, &derivation.0), "evaluated, not yet built");
        let system = nix.build(&machine, &derivation, run).await.unwrap();
        nix.release(&machine).await.unwrap();
        collect(scene, "hello");
        assert!(is_there(scene, &system.0), "built, not yet installed");
        assert_eq!(nix.install(&machine, &system).await.unwrap().number, 2);
    });
    scene.codchi.ok(&["delete", "about", "--yes"]);
}

/// Begins a collection when something was evaluated, and holds it when it has looked for what is kept and before it removes anything.
struct CollectsAfterEvaluation<'a> {
    scene: &'a Scene,
    collector: Mutex<Option<Child>>,
}

impl CollectsAfterEvaluation<'_> {
    /// Nix' own tests hold it there, by the end of this file.
    const HELD: &'static str = r#"mkfifo /tmp/held
        _NIX_TEST_GC_SYNC_2=/tmp/held nix-store --gc --store local 2>&1 &
        exec 3>/tmp/held; echo looked; read -r _ || true; exec 3>&-; wait $!; rm /tmp/held"#;

    fn begin(&self) -> Child {
        let path = "PATH=/usr/bin:/usr/sbin:/bin:/sbin";
        let argv = ["exec", "codchi-controller", "--env", path, "--", "sh", "-ec", Self::HELD];
        let mut command = self.scene.world.client_command(&argv);
        let mut collector = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(collector.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        assert!(printed.any(|line| line == "looked"), "the collection ended before it was held");
        collector
    }

    /// Lets it go on, and waits for its end.
    fn finish(&self) {
        let mut collector = self.collector.lock().unwrap().take().expect("something was evaluated");
        drop(collector.stdin.take());
        let printed =
            BufReader::new(collector.stdout.take().unwrap()).lines().map(Result::unwrap).collect::<Vec<_>>();
        assert!(collector.wait().unwrap().success(), "{printed:?}");
    }
}

impl Observer for CollectsAfterEvaluation<'_> {
    fn activity(&self, activity: &Activity) {
        let mut collector = self.collector.lock().unwrap();
        if activity.kind == ActivityKind::Evaluate && activity.ended.is_some() && collector.is_none() {
            *collector = Some(self.begin());
        }
    }
    fn log(&self, _: LogLine) {}
}

pub fn a_collection_that_began_before_a_derivation_was_kept_leaves_it(scene: &mut Scene) {
    scene.hello();
    let (machine, spec) = changed(scene, "late");
    let nix = ControllerNix::new(Arc::new(scene.world.driver()), "git");
    let cancel = CancellationToken::new();
    let collects = CollectsAfterEvaluation { scene, collector: Mutex::default() };
    let run = Run { observer: &Unobserved, cancel: &cancel, access: &NOTHING };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        nix.resolve(&machine, &spec, None, true, run).await.unwrap();
        let run = Run { observer: &collects, ..run };
        let derivation = nix.evaluate(&machine, &spec, run).await.unwrap().derivation;
        collects.finish();
        assert!(is_there(scene, &derivation.0));
        nix.release(&machine).await.unwrap();
    });
    scene.codchi.ok(&["delete", "late", "--yes"]);
}
