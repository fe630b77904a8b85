//! The two images in real containers of the engine: what `ctrl-serve` promises as PID 1 of a controller and of a
//! machine. No `codchi` here: the containers are driven with the engine's own client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use codchi_driver_lxd::Flavour;
use codchi_tests::world::World;
use serde_json::Value;

const CONTROLLER: &str = "codchi-controller";

/// A world with both images imported and the controller running.
struct Containers {
    world: World,
}

impl Containers {
    fn new() -> Self {
        let containers = Containers { world: World::new(codchi_tests::scene::engine()) };
        let images = containers.world.dir().join("images");
        let metadata = containers.world.dir().join("metadata.tar");
        let text = b"architecture: x86_64\ncreation_date: 1\n";
        let mut tar = tar::Builder::new(std::fs::File::create(&metadata).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, "metadata.yaml", &text[..]).unwrap();
        tar.into_inner().unwrap();
        for name in ["controller", "machine"] {
            let image = images.join(format!("{name}.tar"));
            let (metadata, image) = (metadata.to_str().unwrap(), image.to_str().unwrap());
            containers.world.client(&["image", "import", "-q", metadata, image, "--alias", name]);
        }
        containers.world.client(&["init", "-q", "controller", CONTROLLER, "-c", "security.nesting=true"]);
        for (volume, path) in [
            ("codchi-store", "/nix/store"),
            ("codchi-db", "/nix/var/nix/db"),
            ("codchi-socket", "/nix/var/nix/daemon-socket"),
            ("codchi-config", "/config"),
        ] {
            containers.world.client(&["storage", "volume", "create", "-q", "default", volume]);
            containers.attach(volume, path);
        }
        containers.world.client(&["start", "-q", CONTROLLER]);
        containers
    }

    fn attach(&self, volume: &str, path: &str) {
        let (source, path) = (format!("source={volume}"), format!("path={path}"));
        let device =
            ["config", "device", "add", "-q", CONTROLLER, volume, "disk", "pool=default", &source, &path];
        self.world.client(&device);
    }

    fn run(&self, argv: &[&str], input: &[u8]) -> Output {
        let client = if self.world.flavour() == Flavour::Lxd { "lxc" } else { "incus" };
        let mut command = self.world.command(client);
        command
            .args(["exec", CONTROLLER, "--env", "NIX_REMOTE=daemon", "--env", "HOME=/root", "--"])
            .args(argv);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    /// What a command that succeeds prints.
    fn exec(&self, argv: &[&str]) -> String {
        let out = self.run(argv, b"");
        assert!(out.status.success(), "{argv:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn ready(&self) -> Value {
        serde_json::from_str(&self.exec(&["ctrl-serve", "wait-ready", "--timeout-ms", "120000"])).unwrap()
    }

    /// What the console shows; nothing where the engine can't ask, as while the instance ends.
    fn console(&self, instance: &str) -> String {
        let shown = self.world.client_command(&["console", instance, "--show-log"]).output().unwrap();
        String::from_utf8_lossy(&shown.stdout).into_owned()
    }
}

#[test]
fn the_images_do_what_the_engine_needs() {
    let c = Containers::new();
    becomes_ready(&c);
    volumes_get_the_modes_nix_wants(&c);
    trusts_the_hosts_certificates(&c);
    builds_in_the_sandbox_for_clients_nobody_trusts(&c);
    survives_the_daemons_end(&c);
    takes_configurations_whole(&c);
    a_machine_without_a_system_says_so(&c);
    stops_when_told(&c);
}

fn becomes_ready(c: &Containers) {
    let health = c.ready();
    assert_eq!(health["ready"], true);
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&health["daemon"]["state"], &health["daemon"]["restarts"]), (&"running".into(), &0.into()));
    let nix = health["nix"].as_str().unwrap();
    let version: Vec<u32> = nix.split('.').map(|n| n.parse().unwrap()).collect();
    assert!(version >= vec![2, 26], "nix {nix}");
    assert_eq!(c.exec(&["cat", "/proc/1/comm"]), "init");
    assert!(!c.exec(&["cat", "/proc/1/environ"]).contains("NIX_REMOTE"));
    assert!(c.exec(&["ip", "-o", "addr", "show", "lo"]).contains("127.0.0.1/8"));
}

fn volumes_get_the_modes_nix_wants(c: &Containers) {
    let mode = |path: &str| c.exec(&["stat", "-c", "%a %U:%G", path]);
    assert_eq!(mode("/nix/store"), "1775 root:nixbld");
    for path in
        ["/nix/var/nix/db", "/nix/var/nix/daemon-socket", "/config", "/nix/var/nix/profiles/per-instance"]
    {
        assert_eq!(mode(path), "755 root:root", "{path}");
    }
    // A profile's volume comes while the controller runs.
    c.world.client(&["storage", "volume", "create", "-q", "default", "codchi-profile-m1"]);
    c.attach("codchi-profile-m1", "/nix/var/nix/profiles/per-instance/m1");
    let watch = "until [ \"$(stat -c %a /nix/var/nix/profiles/per-instance/m1)\" = 755 ]; do :; done";
    c.exec(&["timeout", "120", "sh", "-c", watch]);
}

fn trusts_the_hosts_certificates(c: &Containers) {
    let count =
        || c.exec(&["grep", "-c", "BEGIN CERTIFICATE", "/etc/ssl/certs/ca-certificates.crt"]).parse::<u32>();
    let before = count().unwrap();
    assert!(before > 100, "{before} certificates");
    let pem = "-----BEGIN CERTIFICATE-----\nQ09ESEk=\n-----END CERTIFICATE-----\n";
    c.run(&["tee", "/config/certificates/company.pem"], pem.as_bytes());
    let appears = "until grep -q Q09ESEk= /run/codchi/ca-bundle.crt; do :; done";
    c.exec(&["timeout", "120", "sh", "-c", appears]);
    assert_eq!(count().unwrap(), before + 1);
    c.exec(&["rm", "/config/certificates/company.pem"]);
    let goes = "while grep -q Q09ESEk= /run/codchi/ca-bundle.crt; do :; done";
    c.exec(&["timeout", "120", "sh", "-c", goes]);
}

fn builds_in_the_sandbox_for_clients_nobody_trusts(c: &Containers) {
    let expression = r#"derivation { name = "sees"; system = "x86_64-linux"; builder = "/bin/sh";
        args = [ "-c" "echo /proc/[0-9]* $(while read -r l; do echo $l; done < /etc/passwd) > $out" ]; }"#;
    let out = c.exec(&["nix", "build", "--impure", "--no-link", "--print-out-paths", "--expr", expression]);
    let seen = c.exec(&["cat", &out]);
    assert!(seen.starts_with("/proc/1 ") && !seen.contains("codchi"), "not a sandbox: {seen}");
    // Root in a machine is this root's peer: were it trusted, it could build outside the sandbox.
    let store = c.exec(&["nix", "store", "info", "--json"]);
    let store: Value = serde_json::from_str(&store).unwrap();
    assert_eq!(store["trusted"], 0, "{store}");
}

fn survives_the_daemons_end(c: &Containers) {
    let pid = c.ready()["daemon"]["pid"].to_string();
    c.exec(&["kill", "-9", &pid]);
    // A client meanwhile waits in the queue instead of failing.
    c.exec(&["nix", "store", "info"]);
    let health = c.ready();
    assert_eq!(health["daemon"]["restarts"], 1);
    assert_eq!(health["daemon"]["lastExit"], "signal SIGKILL");
    assert_ne!(health["daemon"]["pid"].to_string(), pid);
    let zombies = c.exec(&["sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l"]);
    assert_eq!(zombies, "0");
}

fn takes_configurations_whole(c: &Containers) {
    let archive = |text: &str| {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, "flake.nix", text.as_bytes()).unwrap();
        tar.into_inner().unwrap()
    };
    let put = |bytes: &[u8]| c.run(&["ctrl-serve", "put", "/config/machines/m1"], bytes).status.success();
    assert!(put(&archive("one")));
    assert!(put(&archive("two")));
    assert!(!put(&archive("three")[..600]));
    assert_eq!(c.exec(&["cat", "/config/machines/m1/flake.nix"]), "two");
}

fn a_machine_without_a_system_says_so(c: &Containers) {
    c.world.client(&["init", "-q", "machine", "codchi-m1", "-c", "environment.CODCHI_MACHINE=m1"]);
    let client = if c.world.flavour() == Flavour::Lxd { "lxc" } else { "incus" };
    let _ = c.world.command(client).args(["start", "-q", "codchi-m1"]).output().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let console = c.console("codchi-m1");
        if console.contains("m1 cannot boot: it has no system yet") {
            assert!(console.contains("codchi rebuild m1"), "{console}");
            break;
        }
        assert!(Instant::now() < deadline, "{console}");
    }
    // The engine takes a moment to see that the process is gone.
    let state = || c.world.client(&["list", "-f", "csv", "-c", "s", "codchi-m1"]);
    while state().trim() != "STOPPED" {
        assert!(Instant::now() < deadline, "it ends: {}", state());
    }
}

fn stops_when_told(c: &Containers) {
    let began = Instant::now();
    c.world.client(&["stop", "-q", CONTROLLER, "--timeout", "120"]);
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
    c.world.client(&["start", "-q", CONTROLLER]);
    assert_eq!(c.ready()["daemon"]["restarts"], 0, "a new boot counts from the beginning");
    assert_eq!(c.exec(&["cat", "/config/machines/m1/flake.nix"]), "two");
}
