use super::*;
use crate::{
    doctor::checks::tests::Tree,
    driver::fake::in_order,
    host::{Group, User},
};

fn lines(plan: &Plan) -> Vec<String> {
    plan.shown().commands.iter().map(|argv| argv.join(" ")).collect()
}

#[test]
fn on_debian_the_package_is_installed_started_and_initialised() {
    let tree = Tree::new();
    tree.file("/usr/bin/apt-get", "");
    tree.file("/etc/os-release", "ID=debian\n");
    tree.directory("/run/systemd/system");
    let plan = install(&tree.host(), DriverKind::Lxd, |name| name == "lxd").unwrap();
    insta::assert_snapshot!(lines(&plan).join("\n"), @r"
    apt-get update
    apt-get install --yes lxd
    systemctl enable --now lxd.service
    /usr/bin/lxd waitready --timeout=60
    lxc storage create default dir
    lxc network create lxdbr0 ipv4.address=10.83.0.1/24 ipv4.nat=true ipv6.address=none
    lxc profile device add default root disk path=/ pool=default
    lxc profile device add default eth0 nic name=eth0 network=lxdbr0
    usermod --append --groups lxd me
    ");
    assert!(plan.shown().elevates);
}

#[test]
fn incus_comes_where_only_it_is_available() {
    let tree = Tree::new();
    tree.file("/usr/bin/apt-get", "");
    tree.directory("/run/systemd/system");
    let plan = install(&tree.host(), DriverKind::Lxd, |name| name == "incus").unwrap();
    let lines = lines(&plan);
    assert_eq!(
        lines[1..4],
        [
            "apt-get install --yes incus",
            "systemctl enable --now incus.service",
            "/usr/libexec/incus/incusd waitready --timeout=60"
        ]
    );
    assert_eq!(lines.last().unwrap(), "usermod --append --groups incus-admin me");
}

#[test]
fn every_distribution_has_its_way() {
    for (files, expected) in [
        (&["/usr/bin/snap", "/usr/bin/apt-get"][..], "snap install lxd"),
        (&["/usr/bin/dnf"], "dnf install --assumeyes incus"),
        (&["/usr/bin/pacman"], "pacman --sync --needed --noconfirm lxd"),
        (&["/usr/bin/zypper"], "zypper --non-interactive install lxd"),
    ] {
        let tree = Tree::new();
        files.iter().for_each(|file| tree.file(file, ""));
        tree.file("/etc/os-release", "NAME=Ubuntu\nID=ubuntu\n");
        tree.directory("/run/systemd/system");
        let plan = install(&tree.host(), DriverKind::Lxd, |_| false).unwrap();
        assert_eq!(lines(&plan)[0], expected);
    }
    assert_eq!(install(&Tree::new().host(), DriverKind::Lxd, |_| true), None, "no package manager is known");
}

#[test]
fn an_engine_is_started_as_the_system_does_it() {
    let tree = Tree::new();
    tree.file("/usr/bin/lxd", "");
    let start = |host: &dyn Host| {
        let installed = engines::installed(host, DriverKind::Lxd).unwrap();
        super::start(host, &installed).map(|plan| lines(&plan)[0].clone())
    };
    assert_eq!(start(&tree.host()), None);
    tree.file("/sbin/start-stop-daemon", "");
    assert_eq!(
        start(&tree.host()).unwrap(),
        "start-stop-daemon --start --background --pidfile /run/codchi-engine.pid --startas /usr/bin/lxd"
    );
    tree.file("/etc/init.d/lxd", "");
    assert!(start(&tree.host()).unwrap().starts_with("start-stop-daemon"), "nothing runs scripts");
    tree.file("/proc/1/comm", "init\n");
    assert_eq!(start(&tree.host()).unwrap(), "service lxd start");
    tree.directory("/run/systemd/system");
    assert_eq!(start(&tree.host()).unwrap(), "systemctl enable --now lxd.service");
    tree.file("/etc/group", "lxd:x:105:\n");
    let own = tree.host().with_variable("LXD_DIR", "/tmp/own");
    assert_eq!(
        start(&own).unwrap(),
        "env LXD_DIR=/tmp/own start-stop-daemon --start --background --pidfile /run/codchi-engine.pid --startas /usr/bin/lxd -- --group lxd",
        "the system's service is another engine"
    );
    let snap = Tree::new();
    snap.file("/snap/bin/lxd", "");
    assert_eq!(start(&snap.host()).unwrap(), "snap start --enable lxd");
}

#[test]
fn what_is_there_is_not_made_and_names_are_free() {
    let tree = Tree::new();
    tree.directory("/sys/class/net/lxdbr0");
    let mut report = in_order();
    report.devices = Some(Default::default());
    report.networks.clear();
    let host = tree.host().with_variable("CODCHI_LXD_PROJECT", "dev");
    insta::assert_snapshot!(lines(&init(&host, DriverKind::Lxd, &report)).join("\n"), @r"
    lxc --project dev network create lxdbr1 ipv4.address=10.83.0.1/24 ipv4.nat=true ipv6.address=none
    lxc --project dev profile device add default root disk path=/ pool=default
    lxc --project dev profile device add default eth0 nic name=eth0 network=lxdbr1
    ");
}

#[test]
fn root_joins_no_group() {
    let root =
        User { name: "root".into(), uid: 0, gid: 0, groups: vec![Group { gid: 0, name: "root".into() }] };
    let host = Tree::new().host().with_user(root);
    assert_eq!(join(&host, "lxd"), None);
}

#[test]
fn the_file_of_the_user_takes_its_place() {
    let tree = Tree::new();
    tree.file("/usr/sbin/update-ca-certificates", "");
    let plan = trust(&tree.host()).unwrap();
    assert!(plan.shown().needs_file);
    let plan = plan.with_file("/home/me/ca.pem");
    assert_eq!(
        lines(&plan),
        [
            "install -D --mode=644 /home/me/ca.pem /usr/local/share/ca-certificates/codchi-ca.crt",
            "update-ca-certificates"
        ]
    );
    assert!(!plan.shown().needs_file);
}

#[test]
fn what_asks_its_user_is_only_shown() {
    let fix = use_vault().shown();
    assert!(fix.by_hand && !fix.elevates);
}
