//! The host lacks something. What is changed is a copy of its files, see [`OwnEtc`].

use std::{fs, net::IpAddr};

use codchi_tests::{
    cli::Codchi,
    repo::Repo,
    servers::{Authority, GitServer},
};

use crate::patient::{OwnEtc, Patient, check, fails, is_well, mends};

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
