//! The steps that one would type without Codchi, with the engine's own client and nix.

use std::process::Command;

use codchi_tests::scene::Scene;

/// The engine's client, without a shell.
pub(crate) fn client(scene: &Scene, args: &[&str]) -> String {
    scene.world.client(args)
}

/// A command in the controller, as one would type it there.
pub(crate) fn in_controller(scene: &Scene, argv: &[&str]) -> String {
    let environment = [
        "HOME=/root",
        "NIX_REMOTE=daemon",
        "PATH=/usr/bin:/usr/sbin:/bin:/sbin",
        "XDG_CACHE_HOME=/config/cache",
    ];
    let mut args = vec!["exec", "codchi-controller"];
    for variable in environment {
        args.extend(["--env", variable]);
    }
    args.push("--");
    args.extend(argv);
    client(scene, &args)
}

/// Builds the flake of a machine and makes it the newest generation of `profile`.
pub(crate) fn build_and_set(scene: &Scene, flake: &str, profile: &str) {
    let attribute = format!("path:{flake}#nixosConfigurations.default.config.system.build.toplevel");
    let built = in_controller(scene, &["nix", "build", &attribute, "--no-link", "--print-out-paths"]);
    let profile = format!("/nix/var/nix/profiles/per-instance/{profile}/system");
    in_controller(scene, &["nix-env", "-p", &profile, "--set", built.trim()]);
}

/// Makes and starts a machine's container.
pub(crate) fn launch(scene: &Scene, name: &str, image: &str) {
    let instance = format!("codchi-{name}");
    client(scene, &["init", image, &instance, "-c", "security.nesting=true"]);
    for (volume, path, options) in [
        ("codchi-store", "/nix/store", Some("readonly=true")),
        ("codchi-db", "/nix/var/nix/db", Some("readonly=true")),
        ("codchi-socket", "/nix/var/nix/daemon-socket", None),
        (&format!("codchi-profile-{name}"), "/nix/var/nix/profiles", None),
    ] {
        add_volume(scene, &instance, volume, path, options);
    }
    start(scene, name);
}

/// Adds a volume to an instance.
pub(crate) fn add_volume(scene: &Scene, instance: &str, volume: &str, path: &str, option: Option<&str>) {
    let (source, path) = (format!("source={volume}"), format!("path={path}"));
    let mut args = vec!["config", "device", "add", instance, volume, "disk", "pool=default", &source, &path];
    args.extend(option);
    client(scene, &args);
}

/// Starts a machine and waits for the same as Codchi does: systemd says that it is up.
pub(crate) fn start(scene: &Scene, name: &str) {
    let instance = format!("codchi-{name}");
    client(scene, &["start", &instance]);
    let program = if scene.world.flavour().name() == "incus" { "incus" } else { "lxc" };
    let wait =
        ["exec", &instance, "--", "/run/current-system/sw/bin/systemctl", "is-system-running", "--wait"];
    loop {
        let mut command: Command = scene.codchi.command(program);
        let output = command.args(wait).output().unwrap();
        if output.stdout.starts_with(b"running") || output.stdout.starts_with(b"degraded") {
            return;
        }
    }
}
