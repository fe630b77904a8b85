//! Can containers reach the network: the bridge, its address, NAT, and forwarding.

use std::path::Path;

use crate::{
    doctor::{
        CheckGroup, commands, engines,
        finding::{Finding, Subject},
    },
    driver::{DriverKind, EngineReport, InstanceState, InstanceStatus},
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "network", group: CheckGroup::Engine, title: "Bridge and NAT" };

/// Files of firewalls that are known to keep containers from the network, with their names.
const FIREWALLS: &[(&str, &str)] = &[
    ("/sys/class/net/docker0", "Docker"),
    ("/run/firewalld.pid", "firewalld"),
    ("/run/firewalld/firewalld.pid", "firewalld"),
];

/// `controller` is the controller's container, where it is known: a running one without an address shows that something is in between.
pub(in crate::doctor) fn check(
    host: &dyn Host,
    kind: DriverKind,
    report: Option<&EngineReport>,
    controller: Option<&InstanceStatus>,
) -> Finding {
    let Some(report) = report else { return Finding::no_engine() };
    if kind == DriverKind::Wsl {
        return Finding::ok("built_in", "WSL has a network of its own.");
    }
    let Some(name) = report.network_name() else {
        return Finding::unknown("no_nic", "The profile '{profile}' has no network device.")
            .with("profile", &report.profile);
    };
    let network = report.networks.iter().find(|network| network.name == name);
    let finding = match network {
        None => Finding::fail("missing", "The profile names the network {bridge}, which doesn't exist.")
            .mended_by(commands::make_bridge(host, kind, name)),
        Some(network) if !network.managed => {
            Finding::ok("foreign", "Containers are in {bridge}, which the engine doesn't manage.").seen(name)
        }
        Some(network) => {
            let setting = |key: &str| network.config.get(key).map(String::as_str);
            let address = setting("ipv4.address").filter(|address| *address != "none");
            let interface = host.path(&Path::new("/sys/class/net").join(name)).exists();
            let forwards = engines::read(host, "/proc/sys/net/ipv4/ip_forward");
            match address {
                None => Finding::fail("no_address", "The bridge {bridge} has no IPv4 address.")
                    .mended_by(commands::address_bridge(host, kind, name)),
                Some(_) if setting("ipv4.nat") != Some("true") => {
                    Finding::fail("no_nat", "The bridge {bridge} has no NAT: machines reach nothing beyond this computer.")
                        .mended_by(commands::set_bridge(host, kind, name, &["ipv4.nat=true"]))
                }
                Some(_) if !interface => {
                    Finding::fail("no_interface", "The bridge {bridge} isn't set up on this computer. Machines that run are on it again when they are started anew.")
                        .mended_by(commands::renew_bridge(host, kind, name))
                }
                Some(_) if forwards.trim() == "0" => {
                    Finding::fail("no_forwarding", "This computer doesn't pass packets on: machines reach nothing.")
                        .mended_by(commands::forward())
                }
                Some(address) if is_cut_off(controller) => {
                    Finding::warn("cut_off", "The controller runs and got no address on {bridge}. A firewall may be in between: {firewalls}.")
                        .with("firewalls", firewalls(host))
                        .seen(format!("{name} {address}"))
                }
                Some(address) => Finding::ok("works", "It is set up.").seen(format!("{name} {address}, NAT")),
            }
        }
    };
    finding.with("bridge", name)
}

fn is_cut_off(controller: Option<&InstanceStatus>) -> bool {
    controller.is_some_and(|controller| {
        // It asks for its address while it starts.
        let settled =
            controller.since.is_some_and(|since| time::OffsetDateTime::now_utc() - since > SETTLING);
        controller.state == InstanceState::Running && controller.address.is_none() && settled
    })
}

/// How long the controller may take to get an address.
const SETTLING: time::Duration = time::Duration::seconds(30);

fn firewalls(host: &dyn Host) -> String {
    let there =
        FIREWALLS.iter().filter(|(file, _)| host.path(Path::new(file)).exists()).map(|(_, name)| *name);
    let mut names: Vec<&str> = there.collect();
    if engines::read(host, "/etc/ufw/ufw.conf").lines().any(|line| line.trim() == "ENABLED=yes") {
        names.push("ufw");
    }
    names.dedup();
    if names.is_empty() { "none of the usual ones was found".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        doctor::checks::tests::Tree,
        driver::{Role, fake::in_order},
    };

    fn look(tree: &Tree, report: &EngineReport) -> crate::doctor::Check {
        check(&tree.host(), DriverKind::Lxd, Some(report), None).about(SUBJECT).0
    }

    #[test]
    fn every_missing_part_has_its_reason_and_fix() {
        let tree = Tree::new();
        let mut report = in_order();
        assert_eq!(look(&tree, &report).reason, "no_interface");
        tree.directory("/sys/class/net/fakebr0");
        tree.file("/proc/sys/net/ipv4/ip_forward", "0\n");
        assert_eq!(look(&tree, &report).fix.unwrap().commands[0][0], "sysctl");
        tree.file("/proc/sys/net/ipv4/ip_forward", "1\n");
        assert_eq!(look(&tree, &report).reason, "works");
        report.networks[0].config.insert("ipv4.nat".into(), "false".into());
        assert_eq!(
            look(&tree, &report).fix.unwrap().commands,
            [["lxc", "network", "set", "fakebr0", "ipv4.nat=true"].map(str::to_owned)]
        );
        report.networks[0].config.insert("ipv4.address".into(), "none".into());
        assert_eq!(look(&tree, &report).reason, "no_address");
        report.networks.clear();
        let missing = look(&tree, &report);
        assert_eq!(missing.reason, "missing");
        assert_eq!(
            missing.fix.unwrap().commands[0][..4],
            ["lxc", "network", "create", "fakebr0"].map(str::to_owned)
        );
    }

    #[test]
    fn a_controller_without_an_address_points_at_firewalls() {
        let tree = Tree::new();
        tree.directory("/sys/class/net/fakebr0");
        tree.directory("/sys/class/net/docker0");
        tree.file("/etc/ufw/ufw.conf", "ENABLED=yes\n");
        let mut controller = InstanceStatus {
            role: Role::Controller,
            state: InstanceState::Running,
            since: Some(time::OffsetDateTime::UNIX_EPOCH),
            address: None,
            image: None,
            never_started: false,
        };
        let finding = check(&tree.host(), DriverKind::Lxd, Some(&in_order()), Some(&controller));
        let told = finding.about(SUBJECT).0;
        assert!(told.explanation.contains("Docker, ufw"), "{}", told.explanation);
        controller.address = Some("10.9.8.7".into());
        assert_eq!(
            check(&tree.host(), DriverKind::Lxd, Some(&in_order()), Some(&controller)).reason,
            "works"
        );
    }
}
