//! A machine as its host reaches it, and deliveries to it.

use std::{
    collections::BTreeMap,
    io::Read,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use codchi_controller::{
    containers::{MACHINE_CTRL_SERVE, as_user, in_machine},
    driver::{ExecOutput, ExecSpec, InstanceName, Role},
};
use codchi_driver_lxd::LxdDriver;
use codchi_tests::{conformance::exec_with, repo::Repo, scene::Scene};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The machine, reached as its host reaches it.
pub struct Guest {
    driver: LxdDriver,
    name: InstanceName,
    runtime: Runtime,
}

impl Guest {
    /// A machine with this module, just started by somebody else, with nothing delivered.
    pub fn of(scene: &Scene, machine: &str, module: &str) -> Self {
        if scene.codchi.machine(machine).is_null() {
            let repo = Repo::module(scene.place(machine), machine, module);
            scene.codchi.ok(&["init", machine, &repo.url(), "--allow", "ca-certificates"]);
        }
        let guest = Self::reached(scene, machine);
        scene.world.client(&["stop", "--force", guest.name.as_str()]);
        scene.world.client(&["start", guest.name.as_str()]);
        guest
    }

    pub fn reached(scene: &Scene, machine: &str) -> Self {
        let role = Role::Machine(machine.parse().unwrap());
        Self { driver: scene.world.driver(), name: role.instance(), runtime: Runtime::new().unwrap() }
    }

    /// Waits until a shell's condition holds; also when the machine has only just begun to boot, and has no shell yet.
    pub fn until(&self, condition: &str) {
        let script = format!("until {condition}; do :; done");
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            let output = self.run(in_machine(["timeout", "180", "sh", "-c", &script]), b"");
            match output.code {
                0 => return,
                127 if Instant::now() < deadline => {}
                code => panic!("{condition}: {code}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
    }

    pub fn run(&self, spec: ExecSpec, input: &[u8]) -> ExecOutput {
        self.runtime.block_on(exec_with(&self.driver, &self.name, spec, input))
    }

    fn checked(&self, spec: ExecSpec) -> Vec<u8> {
        let argv = spec.argv.clone();
        let output = self.run(spec, b"");
        assert_eq!(output.code, 0, "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// What a command of root prints.
    pub fn root(&self, argv: &[&str]) -> Vec<u8> {
        self.checked(in_machine(argv.iter().copied()))
    }

    /// What a command of the user prints.
    pub fn user(&self, argv: &[&str]) -> Vec<u8> {
        self.checked(as_user(argv.iter().map(ToString::to_string).collect()))
    }

    pub fn text(&self, argv: &[&str]) -> String {
        String::from_utf8(self.root(argv)).unwrap().trim().to_owned()
    }

    /// Until its boot is over.
    pub fn up(&self) {
        assert_eq!(self.text(&[MACHINE_CTRL_SERVE, "wait-up", "--timeout-ms", "180000"]), "running");
    }

    pub fn deliver(&self, delivery: &Delivery) {
        let output = self.offer(delivery);
        let (said, code) = (String::from_utf8_lossy(&output.stderr), output.code);
        assert_eq!((code, &*said, output.stdout.len()), (0, "", 0));
    }

    pub fn offer(&self, delivery: &Delivery) -> ExecOutput {
        let document = delivery.document().to_string();
        self.run(in_machine([MACHINE_CTRL_SERVE, "deliver", "--timeout-ms", "180000"]), document.as_bytes())
    }

    /// The files of a directory: name → mode, owner and group, bytes.
    pub fn files(&self, dir: &str) -> BTreeMap<String, (u32, String, Vec<u8>)> {
        let archive = self.root(&["tar", "-c", "-C", dir, "."]);
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let header = entry.header();
            let owner = [header.username(), header.groupname()].map(|n| n.unwrap().unwrap().to_owned());
            let (mode, name) = (header.mode().unwrap(), entry.path().unwrap().display().to_string());
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(name.trim_start_matches("./").to_owned(), (mode, owner.join(":"), bytes));
        }
        files
    }
}

/// What is delivered.
#[derive(Default)]
pub struct Delivery {
    pub env: Vec<(String, Vec<u8>)>,
    pub files: Vec<(String, Vec<u8>)>,
    pub certificates: Option<String>,
}

impl Delivery {
    pub fn document(&self) -> Value {
        let env = self.env.iter().map(|(name, value)| json!({"name": name, "value": STANDARD.encode(value)}));
        let files = self.files.iter().map(|(name, value)| {
            let (owner, group, mode) = kept_as(name);
            json!({"name": name, "owner": owner, "group": group, "mode": mode, "value": STANDARD.encode(value)})
        });
        json!({
            "version": 1,
            "env": env.collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
            "certificates": self.certificates.as_ref().map(|pem| STANDARD.encode(pem)),
            "trust_store": self.certificates.as_ref().map(|_| STANDARD.encode("a store")),
        })
    }
}

/// Owner, group and mode of a file, by its name.
pub fn kept_as(name: &str) -> (&'static str, &'static str, &'static str) {
    match name.len() % 3 {
        0 => ("codchi", "users", "0400"),
        1 => ("root", "wheel", "0440"),
        _ => ("codchi", "wheel", "640"),
    }
}

/// The variables of `env -0`.
pub fn variables(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((String::from_utf8(pair[..at].to_vec()).ok()?, pair[at + 1..].to_vec()))
    });
    pairs.collect()
}
