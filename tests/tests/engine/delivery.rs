//! What `ctrl-serve deliver` gives a machine is what its shells and units see, byte for byte, and nothing of it is on a disk.
//!
//! The host's side isn't here: the deliveries are made by hand, through the driver, and the machine is started by somebody else, so that
//! nothing has been delivered before.

use std::process::{Command, Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use codchi_controller::containers::{MACHINE_CTRL_SERVE as CTRL_SERVE, in_machine};
use codchi_tests::{
    repo::{Repo, source_tree},
    scene::Scene,
};
use proptest::{
    collection::vec,
    prelude::any,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::json;

use crate::guest::{Delivery, Guest, kept_as, variables};

const MACHINE: &str = "delivered";

const MODULE: &str = r#"{
  codchi.hostSecrets.caCertificates.enable = true;

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

pub fn any_value_arrives_as_it_is(scene: &mut Scene) {
    let guest = Guest::of(scene, MACHINE, MODULE);
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
    let guest = Guest::of(scene, MACHINE, MODULE);
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

    guest.until("[ -s /run/sources/token ]");
    assert_eq!(guest.text(&["cat", "/run/sources/token"]), "a \"token\"");
    guest.user(&["systemctl", "--user", "start", "asks"]);
    assert_eq!(guest.text(&["cat", "/run/user/1000/asks"]), "a \"token\"");
    let interactive = ["env", "-i", "HOME=/root", "bash", "-i", "-c", r#"printf %s "$TOKEN""#];
    assert_eq!(guest.text(&interactive), "a \"token\"");
    assert_eq!(guest.text(&["systemctl", "is-system-running"]), "running");
}

pub fn a_late_delivery_starts_what_gave_up(scene: &mut Scene) {
    let module = r#"{
      codchi.secrets.token = { description = "d"; optional = true; };
      codchi.services.late.secrets = [ "token" ];
      systemd.services.late = {
        wantedBy = [ "multi-user.target" ];
        serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
        script = "[ \"$TOKEN\" = late ]";
      };
    }"#;
    let guest = Guest::of(scene, "late", module);
    let state = |unit: &str| guest.text(&["systemctl", "show", "-p", "ActiveState", "--value", unit]);
    guest.until(r#"[ "$(systemctl show -p ActiveState --value codchi-secrets)" = activating ]"#);
    // As after the 90 s that it waits.
    guest.root(&["systemctl", "kill", "--signal=KILL", "codchi-secrets"]);
    assert_eq!(guest.text(&[CTRL_SERVE, "wait-up"]), "degraded");
    assert_eq!((state("codchi-secrets"), state("late")), ("failed".into(), "inactive".into()));
    guest.deliver(&Delivery { env: vec![("TOKEN".into(), b"late".to_vec())], ..Delivery::default() });
    guest.until("systemctl --quiet is-active late");
    assert_eq!(guest.text(&["systemctl", "is-system-running"]), "running");
    scene.codchi.ok(&["delete", "late", "--yes"]);
}

pub fn a_module_for_other_versions_of_codchi_works(scene: &mut Scene) {
    let module = std::fs::read_to_string(source_tree().join("tests/nix-options/modules/other-codchi.nix"));
    let repo = Repo::module(scene.place("other"), "default", &module.unwrap());
    let passphrase = scene.place("passphrase");
    std::fs::write(&passphrase, "of the vault").unwrap();
    let settings = scene.codchi.config_dir().join("settings.json");
    let before = std::fs::read(&settings).ok();
    let codchi = scene.codchi.clone().env("CODCHI_VAULT_PASSPHRASE_FILE", &passphrase);
    codchi.ok(&["secrets", "store", "vault"]);

    let value = "a \"value\"\nof $(two) lines";
    let answers = json!({ "EXAMPLE": value }).to_string();
    let made = codchi.run_with(&["init", "other", &repo.url(), "--secrets-from", "-"], answers.as_bytes());
    assert_eq!(made.code, 0, "{made}");
    assert_eq!(codchi.exec("other", &["printenv", "CODCHI_EXAMPLE"]), value);
    let guest = Guest::reached(scene, "other");
    for (unit, said) in
        [("reads-it", "got a"), ("codchi-init", "the token is a"), ("codchi-init", "It's a machine")]
    {
        guest.until(&format!("journalctl -u {unit} -o cat | grep -qF \"{said}\""));
    }
    guest.until("[ -e /var/lib/codchi/init-done ]");

    codchi.ok(&["delete", "other", "--yes"]);
    match before {
        Some(bytes) => std::fs::write(&settings, bytes).unwrap(),
        None => std::fs::remove_file(&settings).unwrap(),
    }
}

pub fn a_delivery_replaces_and_a_refused_one_changes_nothing(scene: &mut Scene) {
    let guest = Guest::of(scene, MACHINE, MODULE);
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
    let shell = variables(&guest.user(&["env", "-0"]));
    let said = |name: &str| shell.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    assert_eq!(said("NODE_EXTRA_CA_CERTS").as_deref(), Some("/run/codchi/certificates.pem"));
    for name in
        ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]
    {
        assert_eq!(said(name).as_deref(), Some("/run/codchi/ca-bundle.crt"), "{name}");
    }
    let java =
        "-Djavax.net.ssl.trustStore=/run/codchi/trust-store.p12 -Djavax.net.ssl.trustStorePassword=changeit";
    assert_eq!(said("JAVA_TOOL_OPTIONS").as_deref(), Some(java));
    let nested = ["sh", "-c", "exec bash -l -c 'printenv JAVA_TOOL_OPTIONS'"];
    assert_eq!(String::from_utf8(guest.user(&nested)).unwrap().trim(), java, "each once");

    guest.deliver(&Delivery {
        env: vec![named("BOTH", "2")],
        files: vec![named("both", "2")],
        certificates: None,
    });
    let now = || {
        let seen = variables(&guest.user(&["env", "-0"]));
        let files = guest.files("/run/codchi/secrets");
        let files: Vec<_> = files.into_iter().map(|(name, (.., bytes))| (name, bytes)).collect();
        let certificates = seen.contains_key("SSL_CERT_FILE");
        (seen.get("OLD").cloned(), seen.get("BOTH").cloned(), certificates, files)
    };
    let second = (None, Some(b"2".to_vec()), false, vec![named("both", "2")]);
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
    let guest = Guest::of(scene, MACHINE, MODULE);
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
    let is_logged = |what: &[u8]| logged.windows(what.len()).any(|window| window == what);
    assert!(is_logged(b"UNIT=everything.service"), "the journal is read");
    assert!(!is_logged(&text), "the journal has it");
    assert_eq!(guest.files("/run/asks")["token"].2, text, "it was there to be logged");

    // Every container's disk, the engine's log of requests and everything else of this world; the machine's `/run` is nowhere there.
    let holding = |texts: &[&str]| {
        let mut grep = Command::new("grep");
        grep.args(["-r", "-l", "-a", "-F"]).args(texts.iter().flat_map(|text| ["-e", text]));
        let found = grep.arg(scene.world.dir()).env("LC_ALL", "C").stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&found.stderr);
        // Files go while it looks.
        let only_gone =
            !said.is_empty() && said.lines().all(|line| line.ends_with("No such file or directory"));
        assert!(found.status.code() < Some(2) || only_gone, "{said}");
        String::from_utf8(found.stdout).unwrap()
    };
    // What is on the machine's disk would be found.
    guest.root(&["sh", "-c", r#"echo "on the disk of $(hostname)" >/var/lib/codchi/note"#]);
    let note = holding(&[&format!("on the disk of {MACHINE}")]);
    assert!(note.lines().count() == 1 && note.trim().ends_with("/var/lib/codchi/note"), "{note}");
    assert_eq!(holding(&[&canary, &STANDARD.encode(&text)]), "", "files with a secret");
    scene.codchi.ok(&["delete", MACHINE, "--yes"]);
    scene.is_in_order();
}
