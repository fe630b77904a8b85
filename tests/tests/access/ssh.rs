//! Private repositories over SSH.

use std::fs;

use codchi_tests::{
    hunt::Hunt,
    servers::{Agent, SshServer},
};

use crate::office::Office;

/// A part of a private key that only it has.
fn canary(key: &str) -> String {
    let lines: Vec<&str> = key.lines().collect();
    lines[lines.len() - 3].to_owned()
}

fn know(office: &Office, line: &str) {
    let directory = office.home().join(".ssh");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("known_hosts"), line).unwrap();
}

pub fn a_private_repository_builds_with_a_key_that_stays_in_the_agent(office: &mut Office) {
    let bare = office.private("shelled", "over ssh");
    let server = SshServer::new(office.ip, &office.dir.path().join("ssh"));
    let agent = Agent::new(&office.dir.path().join("agent"));
    know(office, &server.known_hosts_line());
    let url = server.url(&bare);
    let codchi = office.codchi().clone().env("SSH_AUTH_SOCK", agent.socket());
    let refused = codchi.fails(4, &["init", "shelled", &url]);
    refused.says(&server.host()).says("SSH agent").says("ssh-add");
    office.codchi().fails(4, &["init", "shelled", &url]).says("there is no SSH agent");

    server.accept(&agent.public_key());
    let key = canary(&agent.private_key());
    let sampling = Hunt::new(&[("the key", key.as_bytes())]).sample();
    codchi.ok(&["init", "shelled", &url]);
    assert_eq!(codchi.exec("shelled", &["cat", "/etc/shelled"]), "over ssh");
    office.private("shelled", "changed");
    codchi.ok(&["rebuild", "shelled"]);
    assert_eq!(codchi.exec("shelled", &["cat", "/etc/shelled"]), "changed");
    sampling.found_nothing();
    office.hunted(&key);
    assert!(office.scene.controller_processes("ctrl-serve").len() <= 1, "no bridge is left");

    server.accept("");
    office.private("shelled", "not seen");
    codchi.fails(4, &["rebuild", "shelled"]).says("accepted no key of the SSH agent");
    assert_eq!(codchi.exec("shelled", &["cat", "/etc/shelled"]), "changed");
}

pub fn an_unknown_host_is_said_before_anything_is_sent(office: &mut Office) {
    let bare = office.private("unknown", "1");
    let server = SshServer::new(office.ip, &office.dir.path().join("ssh-unknown"));
    let agent = Agent::new(&office.dir.path().join("agent-unknown"));
    server.accept(&agent.public_key());
    know(office, "");
    let codchi = office.codchi().clone().env("SSH_AUTH_SOCK", agent.socket());
    let outcome = codchi.fails(1, &["modules", &server.url(&bare)]);
    outcome.says(&format!("the SSH server {} is not known to this computer", server.host()));
    let other = Agent::new(&office.dir.path().join("agent-other"));
    let line = server.known_hosts_line();
    let (place, _) = line.split_once(' ').unwrap();
    know(office, &format!("{place} {}", other.public_key()));
    codchi.fails(1, &["modules", &server.url(&bare)]).says("another host key");
    know(office, &line);
    codchi.ok(&["modules", &server.url(&bare)]).says("nixosModules.unknown");
}
