//! The engine answers and isn't set up.

use std::path::Path;

use serde_json::Value;

use crate::patient::{Patient, fails, is_well, mends, run};

pub fn an_engine_without_a_storage_pool_gets_one(_: &mut ()) {
    let patient = Patient::new();
    let before = patient.setup();
    patient.world.client(&["profile", "device", "remove", "default", "root"]);
    patient.world.client(&["storage", "delete", "default"]);
    let found = fails(&patient.codchi, "pool", "missing", "no storage pool", "engine-init");
    let commands = found["fix"]["commands"].as_array().unwrap();
    assert_eq!(commands.len(), 2, "only what is missing: {found:#}");
    mends(&patient.codchi, "engine-init", &found);
    is_well(&patient.codchi, "pool");
    assert_eq!(patient.setup(), before, "as it was");
    patient.codchi.ok(&["doctor", "--fix", "controller", "--yes"]);
    is_well(&patient.codchi, "nix-daemon");
}

pub fn a_profile_without_a_root_device_gets_one(_: &mut ()) {
    let patient = Patient::new();
    let before = patient.setup();
    patient.world.client(&["profile", "device", "remove", "default", "root"]);
    let found = fails(&patient.codchi, "profile", "no_root", "no root device", "engine-init");
    assert_eq!(found["fix"]["commands"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!(found["fix"]["elevates"], false, "who may use the engine may do that: {found:#}");
    mends(&patient.codchi, "profile", &found);
    is_well(&patient.codchi, "profile");
    assert_eq!(patient.setup(), before, "as it was");
}

/// Bridges that the fix makes are beside the world's: they are removed with the case.
struct Bridge<'a> {
    patient: &'a Patient,
    name: String,
}

impl Drop for Bridge<'_> {
    fn drop(&mut self) {
        let mut client = self.patient.world.command(self.patient.client());
        let _ = client.args(["profile", "device", "remove", "default", "eth0"]).output();
        let mut client = self.patient.world.command(self.patient.client());
        let _ = client.args(["network", "delete", &self.name]).output();
    }
}

pub fn an_engine_without_a_bridge_gets_one(_: &mut ()) {
    let patient = Patient::new();
    let before = patient.setup();
    let worlds_bridge = bridge_of(&before);
    patient.world.client(&["profile", "device", "remove", "default", "eth0"]);
    patient.world.client(&["network", "delete", &worlds_bridge]);
    let found = fails(&patient.codchi, "profile", "no_nic", "no network device", "engine-init");
    let commands = &found["fix"]["commands"];
    assert_eq!((&commands[0][1], &commands[0][2]), (&"network".into(), &"create".into()), "{found:#}");
    let name = commands[0][3].as_str().unwrap().to_owned();
    assert!(!Path::new("/sys/class/net").join(&name).exists(), "{name} is nobody's");
    let _remove = Bridge { patient: &patient, name: name.clone() };
    mends(&patient.codchi, "engine-init", &found);
    is_well(&patient.codchi, "profile");
    let network = is_well(&patient.codchi, "network");
    assert!(network["evidence"].as_str().unwrap().contains(&name), "{network:#}");
    let mut after = patient.setup();
    assert_eq!(after["networks"][0]["config"]["ipv4.nat"], "true");
    after["networks"] = before["networks"].clone();
    after["profiles"][0]["devices"]["eth0"]["network"] = worlds_bridge.into();
    assert_eq!(after, before, "and nothing else");
}

pub fn a_bridge_that_is_gone_from_the_computer_is_set_up_again(_: &mut ()) {
    let patient = Patient::new();
    let before = patient.setup();
    let bridge = bridge_of(&before);
    is_well(&patient.codchi, "network");
    run("ip", &["link", "delete", &bridge]);
    let found = fails(&patient.codchi, "network", "no_interface", "isn't set up on this computer", "bridge");
    mends(&patient.codchi, "bridge", &found);
    is_well(&patient.codchi, "network");
    assert!(Path::new("/sys/class/net").join(&bridge).exists());
    assert_eq!(patient.setup(), before, "and nothing else");
    // NAT as well.
    patient.world.client(&["network", "set", &bridge, "ipv4.nat=false"]);
    let found = fails(&patient.codchi, "network", "no_nat", "NAT", "bridge");
    mends(&patient.codchi, "network", &found);
    assert_eq!(patient.setup(), before);
}

fn bridge_of(setup: &Value) -> String {
    setup["profiles"][0]["devices"]["eth0"]["network"].as_str().unwrap().to_owned()
}
