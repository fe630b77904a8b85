//! What `ctrl-serve deliver` gives a machine is what its shells and units see, byte for byte, and nothing of it is on a disk.
//!
//! The host's side isn't here: the deliveries are made by hand, through the driver, and the machine is started by somebody else, so that
//! nothing has been delivered before.

use std::{
    collections::BTreeMap,
    io::Read,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use codchi_controller::{
    containers::{as_user, in_machine},
    driver::{ExecOutput, ExecSpec, InstanceName, Role},
};
use codchi_driver_lxd::LxdDriver;
use codchi_tests::{conformance::exec_with, repo::Repo, scene::Scene};
use proptest::{
    collection::vec,
    prelude::any,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const MACHINE: &str = "delivered";
const CTRL_SERVE: &str = "/.codchi/ctrl-serve";

const MODULE: &str = r#"{
  codchi.secrets = {
    token = { description = "d"; optional = true; };
    key = { description = "d"; kind = "file"; optional = true; path = "/home/codchi/.keys/key"; };
    unset = { description = "d"; kind = "file"; optional = true; };
  };

  codchi.services.asks.secrets = [ "token" "key" "unset" ];
  systemd.services.asks = {
    serviceConfig = { Type = "oneshot"; RuntimeDirectory = "asks"; RuntimeDirectoryPreserve = true; };
    script = ''
      printf %s "$TOKEN" >$RUNTIME_DIRECTORY/environment
      cp $CREDENTIALS_DIRECTORY/* $RUNTIME_DIRECTORY/
    '';
  };

  codchi.userServices.asks.secrets = [ "token" ];
  systemd.user.services.asks = {
    serviceConfig.Type = "oneshot";
    script = "printf %s \"$TOKEN\" >$XDG_RUNTIME_DIR/asks";
  };

  # As a module written for other versions of Codchi has it.
  systemd.services.sources = {
    wantedBy = [ "multi-user.target" ];
    script = "source /etc/codchi-env; mkdir /run/sources; printf %s \"$TOKEN\" >/run/sources/token";
  };

  systemd.services.everything = {
    serviceConfig = {
      Type = "oneshot";
      RuntimeDirectory = "everything";
      RuntimeDirectoryPreserve = true;
      EnvironmentFile = "-/run/codchi/env";
      LoadCredential = [ "file:/run/codchi/secrets" "variable:/run/codchi/variables" ];
    };
    script = ''
      cp $CREDENTIALS_DIRECTORY/* $RUNTIME_DIRECTORY/
      env -0 >$RUNTIME_DIRECTORY/environment
    '';
  };
}"#;

/// The machine, reached as its host reaches it.
struct Guest {
    driver: LxdDriver,
    name: InstanceName,
    runtime: Runtime,
}

impl Guest {
    /// Just started, with nothing delivered.
    fn started(scene: &Scene) -> Self {
        let path = scene.place(MACHINE);
        let repo = if path.exists() { Repo::at(path) } else { Repo::module(path, MACHINE, MODULE) };
        scene.running(MACHINE, &repo);
        let role = Role::Machine(MACHINE.parse().unwrap());
        let guest =
            Self { driver: scene.world.driver(), name: role.instance(), runtime: Runtime::new().unwrap() };
        scene.world.client(&["stop", "--force", guest.name.as_str()]);
        scene.world.client(&["start", guest.name.as_str()]);
        guest
    }

    fn run(&self, spec: ExecSpec, input: &[u8]) -> ExecOutput {
        self.runtime.block_on(exec_with(&self.driver, &self.name, spec, input))
    }

    fn checked(&self, spec: ExecSpec) -> Vec<u8> {
        let argv = spec.argv.clone();
        let output = self.run(spec, b"");
        assert_eq!(output.code, 0, "{argv:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// What a command of root prints.
    fn root(&self, argv: &[&str]) -> Vec<u8> {
        self.checked(in_machine(argv.iter().copied()))
    }

    /// What a command of the user prints.
    fn user(&self, argv: &[&str]) -> Vec<u8> {
        self.checked(as_user(argv.iter().map(ToString::to_string).collect()))
    }

    fn text(&self, argv: &[&str]) -> String {
        String::from_utf8(self.root(argv)).unwrap().trim().to_owned()
    }

    /// Until its boot is over.
    fn up(&self) {
        assert_eq!(self.text(&[CTRL_SERVE, "wait-up", "--timeout-ms", "60000"]), "running");
    }

    fn deliver(&self, delivery: &Delivery) {
        let output = self.offer(delivery);
        let (said, code) = (String::from_utf8_lossy(&output.stderr), output.code);
        assert_eq!((code, &*said, output.stdout.len()), (0, "", 0));
    }

    fn offer(&self, delivery: &Delivery) -> ExecOutput {
        let document = delivery.document().to_string();
        self.run(in_machine([CTRL_SERVE, "deliver", "--timeout-ms", "30000"]), document.as_bytes())
    }

    /// The files of a directory: name → mode, owner and group, bytes.
    fn files(&self, dir: &str) -> BTreeMap<String, (u32, String, Vec<u8>)> {
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
struct Delivery {
    env: Vec<(String, Vec<u8>)>,
    files: Vec<(String, Vec<u8>)>,
    certificates: Option<String>,
}

impl Delivery {
    fn document(&self) -> Value {
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
            "trust_store": null,
        })
    }
}

/// Owner, group and mode of a file, by its name.
fn kept_as(name: &str) -> (&'static str, &'static str, &'static str) {
    match name.len() % 3 {
        0 => ("codchi", "users", "0400"),
        1 => ("root", "wheel", "0440"),
        _ => ("codchi", "wheel", "640"),
    }
}

/// Reproducible values: some made to break things, and any bytes but NUL.
fn values() -> Vec<Vec<u8>> {
    let hostile: &[&[u8]] = &[
        b"",
        b" ",
        b"\n",
        b" \n\t ",
        b"\r\n",
        b"ends in CR\r",
        b"\\",
        b"ends in \\\n",
        b"\\\\\"\\$",
        b"\"; touch /tmp/hacked; \"",
        b"'; touch /tmp/hacked; '",
        b"$(touch /tmp/hacked)",
        b"`touch /tmp/hacked`",
        b"${HOME} $HOME $$ $1",
        b"A=\"1\"\nEVIL=\"2\"\n",
        b"\nLD_PRELOAD=/tmp/x.so",
        b"!! !x #no comment",
        b"; # %h %% %n",
        b"\x01\x02\x1b[31m\x7f",
        "\u{feff}ä\u{202e}🦀\u{fffd}".as_bytes(),
        // What Unicode reserves, and systemd takes for no text.
        "\u{fdd0}".as_bytes(),
        "a\u{10ffff}\u{ffff}".as_bytes(),
        b"\xff\xfe\xc3",
        b"\xf0\x9f\"",
        b"\xc3\\\n\xe2\x82`",
    ];
    let mut all: Vec<Vec<u8>> = hostile.iter().map(|value| value.to_vec()).collect();
    all.push((1..=255).collect());
    all.push(b"-----BEGIN PRIVATE KEY-----\nab\\\"$`\n".repeat(1600));
    let mut runner = TestRunner::deterministic();
    let mut draw = |strategy: &dyn Fn(&mut TestRunner) -> Vec<u8>| all.push(strategy(&mut runner));
    for _ in 0..60 {
        draw(&|runner| vec(1_u8..=255, 0..200).new_tree(runner).unwrap().current());
        draw(&|runner| {
            let text = any::<String>().prop_map(|text| text.replace('\0', "\\").into_bytes());
            text.new_tree(runner).unwrap().current()
        });
        draw(&|runner| {
            let special = proptest::sample::select(b"\\\"$`'\n\r #=a".to_vec());
            vec(special, 0..40).new_tree(runner).unwrap().current()
        });
    }
    all
}

/// Whether systemd takes it for text: UTF-8 without what Unicode reserves.
fn is_text(value: &[u8]) -> bool {
    let reserved = |c: char| ('\u{fdd0}'..='\u{fdef}').contains(&c) || u32::from(c) % 0x1_0000 >= 0xfffe;
    std::str::from_utf8(value).is_ok_and(|text| !text.contains(reserved))
}

/// The variables of `env -0`.
fn variables(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        Some((String::from_utf8(pair[..at].to_vec()).ok()?, pair[at + 1..].to_vec()))
    });
    pairs.collect()
}

pub fn any_value_arrives_as_it_is(scene: &mut Scene) {
    let guest = Guest::started(scene);
    let values = values();
    let named = |prefix: &str| -> Vec<(String, Vec<u8>)> {
        values.iter().enumerate().map(|(i, value)| (format!("{prefix}{i}"), value.clone())).collect()
    };
    // While it boots: the delivery waits for the machine's tmpfs.
    guest.deliver(&Delivery { env: named("V_"), files: named("s"), certificates: None });

    let seen = variables(&guest.user(&["env", "-0"]));
    for (name, value) in named("V_") {
        assert_eq!(seen.get(&name), Some(&value), "{name} in a login shell");
    }
    let seen = guest.files("/run/codchi/secrets");
    assert_eq!(seen.len(), values.len());
    for (name, value) in named("s") {
        let (owner, group, mode) = kept_as(&name);
        let mode = u32::from_str_radix(mode, 8).unwrap();
        assert_eq!(seen.get(&name), Some(&(mode, format!("{owner}:{group}"), value)), "{name}");
    }

    guest.up();
    // Units: any bytes as credentials; in the environment only what systemd takes.
    guest.root(&["systemctl", "start", "everything"]);
    let seen = guest.files("/run/everything");
    let environment = variables(&seen["environment"].2);
    for (i, value) in values.iter().enumerate() {
        assert_eq!(seen.get(&format!("file_s{i}")).map(|f| &f.2), Some(value), "file_s{i}");
        assert_eq!(seen.get(&format!("variable_V_{i}")).map(|f| &f.2), Some(value), "variable_V_{i}");
        assert_eq!(environment.get(&format!("V_{i}")), is_text(value).then_some(value), "V_{i} in a unit");
    }
    assert_eq!(guest.text(&["sh", "-c", "ls /tmp/hacked 2>/dev/null | wc -l"]), "0");
    let mode = |path: &str| guest.text(&["stat", "-L", "-c", "%a %U:%G", path]);
    assert_eq!(mode("/run/codchi/env"), "400 codchi:root");
    assert_eq!(mode("/run/codchi/env.bytes"), "400 codchi:root");
    assert_eq!(mode("/run/codchi/variables/V_1"), "400 codchi:root");
    assert_eq!(mode("/run/codchi/secrets"), "755 root:root");
}

pub fn units_that_ask_wait_for_the_delivery(scene: &mut Scene) {
    let guest = Guest::started(scene);
    // Nothing is held up by what doesn't come.
    guest.up();
    let not_yet = guest.run(in_machine([CTRL_SERVE, "wait-delivered", "--timeout-ms", "10"]), b"");
    let said = String::from_utf8_lossy(&not_yet.stderr);
    assert_eq!(not_yet.code, 124, "{said}");
    assert!(said.contains(&format!("`codchi start {MACHINE}`")), "{said}");

    guest.root(&["systemctl", "start", "--no-block", "asks"]);
    let job = guest.text(&["systemctl", "show", "--property=Job", "--value", "asks"]);
    assert_ne!(job, "0", "it waits");
    assert_eq!(guest.text(&["systemctl", "show", "-p", "ActiveState", "--value", "asks"]), "inactive");

    let key = b"any\xff\nbytes".to_vec();
    guest.deliver(&Delivery {
        env: vec![("TOKEN".into(), b"a \"token\"".to_vec())],
        files: vec![("key".into(), key.clone())],
        certificates: None,
    });
    // The job that is there already.
    guest.root(&["systemctl", "start", "asks"]);
    let seen = guest.files("/run/asks");
    let names: Vec<_> = seen.keys().map(String::as_str).collect();
    assert_eq!(names, ["environment", "key", "token"], "the one that isn't set is not there");
    for name in ["environment", "token"] {
        assert_eq!(seen[name].2, b"a \"token\"", "{name}");
    }
    assert_eq!(seen["key"].2, key);
    assert_eq!(guest.user(&["cat", "/home/codchi/.keys/key"]), key);

    let sourced = "until [ -s /run/sources/token ]; do :; done; cat /run/sources/token";
    assert_eq!(guest.text(&["timeout", "20", "sh", "-c", sourced]), "a \"token\"");
    guest.user(&["systemctl", "--user", "start", "asks"]);
    assert_eq!(guest.text(&["cat", "/run/user/1000/asks"]), "a \"token\"");
    let interactive = ["env", "-i", "HOME=/root", "bash", "-i", "-c", r#"printf %s "$TOKEN""#];
    assert_eq!(guest.text(&interactive), "a \"token\"");
    assert_eq!(guest.text(&["systemctl", "is-system-running"]), "running");
}

pub fn a_delivery_replaces_and_a_refused_one_changes_nothing(scene: &mut Scene) {
    let guest = Guest::started(scene);
    let named = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let pem = "-----BEGIN CERTIFICATE-----\nQ09ESEk=\n-----END CERTIFICATE-----\n";
    guest.deliver(&Delivery {
        env: vec![named("OLD", "1"), named("BOTH", "1")],
        files: vec![named("old", "1"), named("both", "1")],
        certificates: Some(pem.into()),
    });
    let count = |file: &str| guest.text(&["grep", "-c", "BEGIN CERTIFICATE", file]).parse::<u32>().unwrap();
    assert_eq!(count("/run/codchi/certificates.pem"), 1);
    assert_eq!(count("/run/codchi/ca-bundle.crt"), count("/etc/ssl/certs/ca-certificates.crt") + 1);
    assert_eq!(guest.text(&["stat", "-L", "-c", "%a", "/run/codchi/ca-bundle.crt"]), "444");

    guest.deliver(&Delivery {
        env: vec![named("BOTH", "2")],
        files: vec![named("both", "2")],
        certificates: None,
    });
    let now = || {
        let seen = variables(&guest.user(&["env", "-0"]));
        let files = guest.files("/run/codchi/secrets");
        let files: Vec<_> = files.into_iter().map(|(name, (.., bytes))| (name, bytes)).collect();
        (seen.get("OLD").cloned(), seen.get("BOTH").cloned(), files)
    };
    let second = (None, Some(b"2".to_vec()), vec![named("both", "2")]);
    assert_eq!(now(), second);
    // What the names there lead to.
    let left =
        guest.text(&["sh", "-c", "cd /run/codchi && for name in *; do [ ! -e $name ] || echo $name; done"]);
    let left: Vec<_> = left.lines().filter(|name| !name.starts_with("delivery.")).collect();
    assert_eq!(left, ["current", "delivered", "env", "env.bytes", "secrets", "variables"]);

    for (name, words) in [("../x", "not a secret's name"), ("/etc/x", "not a secret's name"), ("", "name")] {
        let refused = guest.offer(&Delivery { files: vec![named(name, "3")], ..Delivery::default() });
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.code == 1 && said.contains(words), "{name:?}: {said}");
    }
    let mut unknown = Delivery { files: vec![named("both", "3")], ..Delivery::default() }.document();
    unknown["files"][0]["owner"] = "stranger".into();
    let deliver = in_machine([CTRL_SERVE, "deliver"]);
    let refused = guest.run(deliver, unknown.to_string().as_bytes());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.code == 1 && said.contains("\"both\"") && said.contains("\"stranger\""), "{said}");
    assert_eq!(now(), second);
}

pub fn nothing_delivered_is_on_a_disk(scene: &mut Scene) {
    let guest = Guest::started(scene);
    // Made here, so that it isn't in this program.
    let canary = STANDARD.encode(format!("{MACHINE} canary {}", std::process::id()));
    let text = canary.clone().into_bytes();
    let bytes = [text.as_slice(), b"\xff"].concat();
    guest.deliver(&Delivery {
        env: vec![("TOKEN".into(), text.clone()), ("BYTES".into(), bytes.clone())],
        files: vec![("key".into(), bytes)],
        certificates: None,
    });
    guest.up();
    guest.root(&["systemctl", "start", "asks", "everything"]);
    guest.user(&["true"]);
    guest.root(&["journalctl", "--sync"]);
    let logged = guest.root(&["journalctl", "--output=export", "--all"]);
    assert!(!logged.windows(text.len()).any(|window| window == text), "the journal has it");
    assert_eq!(guest.files("/run/asks")["token"].2, text, "it was there to be logged");

    // Every container's disk, the engine's log of requests and everything else of this world; `/run` of the machine is nowhere there.
    let encoded = STANDARD.encode(&text);
    let mut grep = Command::new("grep");
    grep.args(["-r", "-l", "-a", "-F", "-e", &canary, "-e", &encoded]).arg(scene.world.dir());
    let found = grep.stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "files with a secret");
    assert_eq!(found.status.code(), Some(1), "{}", String::from_utf8_lossy(&found.stderr));
    scene.codchi.ok(&["delete", MACHINE, "--yes"]);
    scene.is_in_order();
}
