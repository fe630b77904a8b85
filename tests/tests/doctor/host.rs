//! The host lacks something. What is changed is a copy of its files, see [`OwnEtc`].

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
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

/// A web server with a certificate of an authority that nobody knows.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        let file = |name: &str| dir.join(name).display().to_string();
        let (ca, ca_key, request, key, certificate, extensions) = (
            file("ca.pem"),
            file("ca.key"),
            file("request"),
            file("key"),
            file("certificate"),
            file("extensions"),
        );
        let new_key = ["-newkey", "rsa:2048", "-nodes", "-keyout"];
        run(
            "openssl",
            &[
                &["req", "-x509", "-days", "2", "-subj", "/CN=Codchi's test authority", "-out", &ca],
                &new_key[..],
                &[&ca_key],
            ]
            .concat(),
        );
        run(
            "openssl",
            &[&["req", "-subj", "/CN=127.0.0.1", "-out", &request], &new_key[..], &[&key]].concat(),
        );
        fs::write(&extensions, "subjectAltName=IP:127.0.0.1\n").unwrap();
        run(
            "openssl",
            &[
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                &request,
                "-CA",
                &ca,
                "-CAkey",
                &ca_key,
                "-CAcreateserial",
                "-extfile",
                &extensions,
                "-out",
                &certificate,
            ],
        );
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-cert", &certificate, "-key", &key, "-www"]);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let accept =
            lines.map(Result::unwrap).find(|line| line.starts_with("ACCEPT ")).expect("openssl listens");
        let port = accept.rsplit(':').next().unwrap().trim().parse().unwrap();
        Self { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn an_unknown_certificate_authority_is_imported(_: &mut ()) {
    let patient = Patient::new();
    let etc = OwnEtc::new(&patient);
    let codchi = etc.codchi(&patient.codchi, &[]);
    assert_eq!(check(&codchi, "certificates")["reason"], "none");
    let place = patient.place("server");
    let server = Server::new(&place);
    let machine = codchi.config_dir().join("machines/trusting");
    fs::create_dir_all(&machine).unwrap();
    let url = format!("git+https://127.0.0.1:{}/acme/shop", server.port);
    let spec = serde_json::json!({
        "version": 1,
        "driver": patient.client().replace("lxc", "lxd"),
        "nixpkgs": { "from": "builtin" },
        "modules": [{ "name": "shop", "url": url, "attr": ["nixosModules", "default"] }],
    });
    fs::write(machine.join("machine.json"), spec.to_string()).unwrap();
    let status = codchi.status();
    assert_eq!(status["machines"][0]["problem"], serde_json::Value::Null, "{status:#}");
    let trusted = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();

    let found = fails(&codchi, "certificates", "untrusted", "isn't trusted by this computer", "certificates");
    assert_eq!(found["fix"]["needsFile"], true, "{found:#}");
    let authority = place.join("ca.pem");
    let file = authority.to_str().unwrap();
    codchi.fails(2, &["doctor", "--fix", "certificates", "--yes"]).says("--file");
    codchi
        .fails(2, &["doctor", "--fix", "certificates", "--yes", "--file", "/no/such/file"])
        .says("/no/such/file");
    codchi.ok(&["doctor", "--fix", "certificates", "--yes", "--file", file]);
    let mended = check(&codchi, "certificates");
    assert_eq!((&mended["state"], &mended["reason"]), (&"ok".into(), &"trusted".into()), "{mended:#}");
    let pem = fs::read_to_string(&authority).unwrap();
    let body = pem.lines().nth(1).unwrap();
    assert!(fs::read_to_string(etc.path("ssl/certs/ca-certificates.crt")).unwrap().contains(body));
    assert_eq!(fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap(), trusted, "the real one is as it was");
    // A server that is gone is no question of trust.
    drop(server);
    assert_eq!(check(&codchi, "certificates")["reason"], "unreached");
}
