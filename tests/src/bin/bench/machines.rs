//! Machines: made, started, rebuilt and listed.

use codchi_controller::{
    driver::{Driver as _, Image, InstanceSpec, Role},
    machine::MachineName,
};
use codchi_tests::scene::Scene;

use crate::{
    by_hand,
    ratio::{Row, compare, median, time},
};

/// How often each way is measured.
const RUNS: usize = 5;

/// Makes the first machine, so that everything is built and fetched.
pub(crate) fn warm_up(scene: &Scene) {
    scene.codchi.ok(&["init", "bench", &scene.example("hello").url()]);
}

pub(crate) fn create(scene: &Scene) -> Row {
    let url = scene.example("hello").url();
    let image = image_fingerprint(scene);
    // By hand, too, the flake is there and locked; what is compared is from there to a running machine.
    compare(
        "create, from cached inputs to running",
        "≤ 1.15×",
        RUNS,
        |run| drop(scene.codchi.ok(&["init", &format!("ours-{run}"), &url])),
        |run| {
            let (name, volume) = (format!("theirs-{run}"), format!("codchi-profile-theirs-{run}"));
            let path = format!("/nix/var/nix/profiles/per-instance/{name}");
            by_hand::client(scene, &["storage", "volume", "create", "default", &volume]);
            by_hand::add_volume(scene, "codchi-controller", &volume, &path, None);
            by_hand::in_controller(
                scene,
                &["cp", "-r", "/config/machines/bench", &format!("/config/machines/{name}")],
            );
            let flake = format!("/config/machines/{name}");
            by_hand::in_controller(scene, &["nix", "flake", "update", "--flake", &format!("path:{flake}")]);
            by_hand::build_and_set(scene, &flake, &name);
            by_hand::launch(scene, &name, &image);
        },
        |_| {},
    )
}

pub(crate) fn start(scene: &Scene) -> Row {
    compare(
        "start, to a system that is up",
        "≤ 1.10×",
        RUNS,
        |_| drop(scene.codchi.ok(&["start", "bench"])),
        |_| by_hand::start(scene, "bench"),
        |_| drop(scene.codchi.ok(&["stop", "bench"])),
    )
}

pub(crate) fn rebuild(scene: &Scene) -> Row {
    scene.codchi.ok(&["start", "bench"]);
    compare(
        "rebuild with nothing changed, against nix build and nix-env",
        "≤ 1.2×, ≤ 0.2× untouched",
        RUNS,
        |_| drop(scene.codchi.ok(&["rebuild", "bench"])),
        |_| by_hand::build_and_set(scene, "/config/machines/bench", "bench"),
        |_| {},
    )
}

pub(crate) fn status(scene: &Scene) -> Row {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let driver = scene.world.driver();
    let image = runtime.block_on(driver.instances()).unwrap().into_iter().find_map(|instance| {
        let sha256 = instance.image.filter(|_| matches!(instance.role, Role::Machine(_)))?;
        Some(Image { name: "machine".into(), sha256, size: 0 })
    });
    let image = image.expect("the first machine has an image");
    let wanted = std::fs::read(scene.codchi.config_dir().join("machines/bench/machine.json")).unwrap();
    for n in 0..50 {
        let name = format!("many-{n}");
        let directory = scene.codchi.config_dir().join("machines").join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("machine.json"), &wanted).unwrap();
        let spec = InstanceSpec {
            role: Role::Machine(MachineName::new(name).unwrap()),
            image: image.clone(),
            mounts: vec![],
            devices: vec![],
            environment: [].into(),
            nesting: false,
        };
        runtime.block_on(driver.create(&spec)).unwrap();
    }
    compare(
        "status of 50 machines, against the engine's own list",
        "≤ 1.0×",
        RUNS * 4,
        |_| drop(scene.codchi.ok(&["status", "--json"])),
        |_| drop(by_hand::client(scene, &["list", "--format", "json"])),
        |_| {},
    )
}

/// All checks, side by side, where everything is well.
pub(crate) fn doctor(scene: &Scene) -> Row {
    scene.codchi.ok(&["start", "bench"]);
    let mut times: Vec<f64> =
        (0..RUNS).map(|_| time(|| drop(scene.codchi.ok(&["doctor", "--json"]))).as_secs_f64()).collect();
    let worst = times.iter().copied().fold(0.0, f64::max);
    let median = median(&mut times);
    println!("doctor: {median:.3} s");
    Row {
        name: "doctor, when everything is well",
        target: "≤ 1.5 s",
        measured: format!("{median:.2} s"),
        detail: format!("median of {RUNS}, the worst {worst:.2} s"),
    }
}

/// The image that machines are made from, as the engine's client names it.
fn image_fingerprint(scene: &Scene) -> String {
    let config = by_hand::client(scene, &["config", "get", "codchi-bench", "volatile.base_image"]);
    config.trim().to_owned()
}
