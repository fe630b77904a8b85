//! The host lacks something. What is changed is a copy of its files, see [`OwnEtc`].

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    process::{Command, Stdio},
};

use codchi_tests::{
    cli::Codchi,
    process::Process,
    repo::Repo,
    servers::{Authority, GitServer},
};

use crate::patient::{OwnEtc, Patient, check, fails, is_well, mends, run};

pub fn missing_subordinate_ids_are_added(_: &mut ()) {
    let patient = Patient::new();
    let real = ["/etc/subuid", "/etc/subgid"].map(|path| fs::read(path).unwrap());
    let before = patient.setup();
    let etc = OwnEtc::new(&patient);
    let codchi = etc.codchi(&patient.codchi, &[]);
    is_well(&codchi, "idmap");
    let others = "somebody:100000:65536\n_lxd:1000000:1000000\n";
    for file in ["subuid", "subgid"] {
        fs::write(etc.path(file), others).unwrap();
    }
    let found = fails(&codchi, "idmap", "few", "/etc/subuid, /etc/subgid", "subuid");
    assert_eq!(found["fix"]["commands"].as_array().unwrap().len(), 1, "{found:#}");
    mends(&codchi, "subuid", &found);
    is_well(&codchi, "idmap");
    for file in ["subuid", "subgid"] {
        let text = fs::read_to_string(etc.path(file)).unwrap();
        assert_eq!(text, format!("{others}root:2000000:1000000000\n"), "{file}: beside what others have");
    }
    assert_eq!(["/etc/subuid", "/etc/subgid"].map(|path| fs::read(path).unwrap()), real);
    assert_eq!(patient.setup(), before);
}

/// A draft of a machine whose module is at this server.
fn draft(patient: &Patient, codchi: &Codchi, server: &GitServer) {
    let machine = codchi.config_dir().join("machines/trusting");
    fs::create_dir_all(&machine).unwrap();
    let spec = serde_json::json!({
        "version": 1,
        "driver": patient.client().replace("lxc", "lxd"),
        "nixpkgs": { "from": "builtin" },
        "modules": [{ "name": "shop", "url": server.url("acme/shop"), "attr": ["nixosModules", "default"] }],
    });
    fs::write(machine.join("machine.json"), spec.to_string()).unwrap();
    let status = codchi.status();
    let drafted = status["machines"].as_array().unwrap().iter().find(|machine| machine["name"] == "trusting");
    assert_eq!(drafted.unwrap()["problem"], serde_json::Value::Null, "{status:#}");
}

/// Everywhere that a connection is made from.
const PLACES: [&str; 3] = ["from this computer:", "from the controller:", "from a machine:"];

pub fn an_unknown_certificate_authority_is_imported_and_an_expired_certificate_is_said(_: &mut ()) {
    let patient = Patient::new();
    let etc = OwnEtc::new(&patient);
    let codchi = etc.codchi(&patient.codchi, &[]);
    assert_eq!(check(&codchi, "certificates")["reason"], "none");
    let module = "{ codchi.hostSecrets.caCertificates.enable = true; }\n";
    let asking = Repo::module(patient.place("asking"), "asking", module);
    codchi.ok(&["init", "asking", "--allow", "ca-certificates", &asking.url()]);
    let route = patient.in_controller(&["ip", "-4", "route", "show", "default"]);
    let ip: IpAddr = route.split_whitespace().nth(2).expect("a gateway").parse().unwrap();
    let place = patient.place("server");
    fs::create_dir_all(&place).unwrap();
    let authority = Authority::new("Codchi's test authority");
    let file = place.join("office ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap();
    let server = GitServer::new(ip, &place, &authority);
    draft(&patient, &codchi, &server);
    let trusted = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    let before = patient.setup();

    let found = fails(&codchi, "certificates", "untrusted", "isn't trusted by this computer", "certificates");
    assert_eq!(found["fix"]["needsFile"], true, "{found:#}");
    for from in PLACES {
        assert!(found["evidence"].as_str().unwrap().contains(from), "{from} {found:#}");
    }
    codchi.fails(2, &["doctor", "--fix", "certificates", "--yes"]).says("--file");
    codchi
        .fails(2, &["doctor", "--fix", "certificates", "--yes", "--file", "/no/such/file"])
        .says("/no/such/file");
    codchi.ok(&["doctor", "--fix", "certificates", "--yes", "--file", file]);
    let mended = check(&codchi, "certificates");
    assert_eq!((&mended["state"], &mended["reason"]), (&"ok".into(), &"trusted".into()), "{mended:#}");
    assert_eq!(mended["evidence"], "from this computer, the controller, a machine");
    let pem = authority.pem();
    let body = pem.lines().nth(1).unwrap();
    assert!(fs::read_to_string(etc.path("ssl/certs/ca-certificates.crt")).unwrap().contains(body));
    assert_eq!(fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap(), trusted, "the real one is as it was");
    assert_eq!(patient.setup(), before, "and nothing else");

    // What nobody but the server's owner can mend: it is said, and no fix is offered.
    let expired = GitServer::expired(ip, &place, &authority);
    draft(&patient, &codchi, &expired);
    let found = check(&codchi, "certificates");
    assert_eq!((&found["state"], &found["reason"]), (&"fail".into(), &"expired".into()), "{found:#}");
    for from in PLACES {
        assert!(found["evidence"].as_str().unwrap().contains(from), "{from} {found:#}");
    }
    assert!(found["explanation"].as_str().unwrap().contains("its owner has to renew it"), "{found:#}");
    assert_eq!(found["fix"], serde_json::Value::Null, "{found:#}");
    codchi.fails(4, &["doctor", "--fix", "certificates", "--yes"]).says("its owner has to renew it");

    // An authority of the user's own whose time is over. The one that is in use stays when it is imported.
    draft(&patient, &codchi, &server);
    let old = place.join("old.pem");
    fs::write(&old, Authority::expired("Old authority").pem()).unwrap();
    fs::copy(&old, patient.place("certificates").join("old.crt")).unwrap();
    let found = check(&codchi, "certificates");
    assert_eq!(
        (&found["state"], &found["reason"]),
        (&"warn".into(), &"authority_expired".into()),
        "{found:#}"
    );
    assert!(found["explanation"].as_str().unwrap().contains("Old authority"), "{found:#}");
    fs::remove_file(patient.place("certificates").join("old.crt")).unwrap();

    // A server that is gone is no question of trust.
    drop(server);
    assert_eq!(check(&codchi, "certificates")["reason"], "unreached");
}

/// A namespace of users whose limits are its own; it lives as long as this.
struct Namespace(Process);

impl Namespace {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", "echo made; exec sleep infinity"]);
        let mut process = Process::spawn(command.stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(process.stdout()).read_line(&mut line).unwrap();
        Self(process)
    }

    /// What makes a program run in it, to put before others.
    fn words(&self) -> [String; 3] {
        let path = format!("/proc/{}/ns/user", self.0.id());
        ["nsenter".into(), format!("--user={path}"), "--preserve-credentials".into()]
    }
}

pub fn a_capability_that_the_kernel_withholds_is_allowed(_: &mut ()) {
    let patient = Patient::new();
    let namespace = Namespace::new();
    let words = namespace.words();
    let words = words.each_ref().map(String::as_str);
    let limit = |value: &str| {
        let set = format!("user.max_user_namespaces={value}");
        run(words[0], &[&words[1..], &["sysctl", "-w", &set]].concat());
    };
    let codchi = patient.codchi.clone().behind(&words);
    let module = "{ codchi.requiredCapabilities = [ \"docker-nesting\" ]; }\n";
    let nesting = Repo::module(patient.place("nesting"), "nesting", module);
    limit("0");
    codchi.fails(4, &["init", "nests", &nesting.url()]).says("This kernel allows no user namespaces.");
    let before = patient.setup();
    let id = "capability.docker-nesting";
    let found = fails(&codchi, id, "no_namespaces", "allows no user namespaces", id);
    mends(&codchi, id, &found);
    is_well(&codchi, id);
    assert_eq!(patient.setup(), before, "and nothing else");
    codchi.ok(&["rebuild", "nests"]);
    let inside =
        ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", "echo $$"];
    assert_eq!(codchi.exec("nests", &inside), "1");
}

pub fn a_session_without_a_keyring_keeps_secrets_in_a_vault(_: &mut ()) {
    let patient = Patient::new();
    // A real keyring; and a session that has none.
    assert_eq!(check(&patient.codchi, "keyring")["reason"], "ready");
    let passphrase = patient.place("passphrase");
    fs::create_dir_all(passphrase.parent().unwrap()).unwrap();
    fs::write(&passphrase, "correct horse").unwrap();
    let codchi = patient
        .codchi
        .clone()
        .without("DBUS_SESSION_BUS_ADDRESS")
        .env("CODCHI_VAULT_PASSPHRASE_FILE", &passphrase);
    let found = check(&codchi, "keyring");
    assert_eq!((&found["state"], &found["reason"]), (&"warn".into(), &"no_keyring".into()), "{found:#}");
    // Only its user knows the passphrase: it is said what to run.
    let command = ["codchi", "secrets", "store", "vault"];
    assert_eq!(found["fix"]["commands"], serde_json::json!([command]), "{found:#}");
    let before = patient.setup();
    codchi.fails(2, &["doctor", "--fix", "keyring", "--yes"]).says(&command.join(" "));
    codchi.ok(&command[1..]);
    assert_eq!(check(&codchi, "keyring")["state"], "ok");
    assert_eq!(patient.setup(), before);
    // The keyring again, where there is one; what the vault has comes along.
    let with =
        codchi.clone().env("DBUS_SESSION_BUS_ADDRESS", patient.codchi.variable("DBUS_SESSION_BUS_ADDRESS"));
    with.ok(&["secrets", "store", "keyring"]);
    assert_eq!(check(&patient.codchi, "keyring")["reason"], "ready");
}
