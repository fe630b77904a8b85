//! The exact commands of every fix. Nothing is run here.

use std::path::Path;

use super::{
    Fix,
    engines::{self, Installed, Names},
    subnet,
};
use crate::{
    driver::{DriverKind, EngineReport},
    host::Host,
};

/// How many ids a container's users need: those of a 16-bit system.
pub(crate) const FEWEST_IDS: u64 = 65_536;

/// What tells start-stop-daemon that the engine doesn't run: it is never there.
const PID_FILE: &str = "/run/codchi-engine.pid";

/// What stands for the user's file until they name one.
pub(crate) const FILE: &str = "FILE";

/// What a certificate of the user's becomes: one does not displace another.
const IMPORTED: &str = "/codchi-FILE.crt";

/// Which fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FixId {
    Engine,
    EngineStart,
    EngineInit,
    EngineGroup,
    Bridge,
    Subuid,
    Inotify,
    Controller,
    Daemon,
    Disk,
    Certificates,
    Keyring,
    Capability,
}

impl FixId {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::EngineStart => "engine-start",
            Self::EngineInit => "engine-init",
            Self::EngineGroup => "engine-group",
            Self::Bridge => "bridge",
            Self::Subuid => "subuid",
            Self::Inotify => "inotify",
            Self::Controller => "controller",
            Self::Daemon => "daemon",
            Self::Disk => "disk",
            Self::Certificates => "certificates",
            Self::Keyring => "keyring",
            Self::Capability => "capability",
        }
    }

    /// The checks that must not fail any more when it has run.
    pub(crate) const fn mends(self) -> &'static [&'static str] {
        match self {
            Self::Engine => &["engine", "pool", "profile", "network"],
            Self::EngineStart | Self::EngineGroup => &["engine"],
            Self::EngineInit => &["pool", "profile"],
            Self::Bridge => &["network"],
            Self::Subuid => &["idmap"],
            Self::Inotify => &["inotify"],
            Self::Controller => &["controller"],
            Self::Daemon => &["nix-daemon"],
            Self::Disk => &["disk"],
            Self::Certificates => &["certificates"],
            Self::Keyring => &["keyring"],
            // Only the one that was asked for, which is always looked at.
            Self::Capability => &[],
        }
    }
}

/// What is missing of an engine's setup; asked again before it is made, of an engine that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Pool,
    Network,
    Profile,
    Root,
    Nic,
}

impl Part {
    pub(crate) fn is_there(self, report: &EngineReport) -> bool {
        match self {
            Self::Pool => !report.pools.is_empty(),
            Self::Network => {
                report.networks.iter().any(|network| network.managed && network.kind == "bridge")
            }
            Self::Profile => report.devices.is_some(),
            Self::Root => report.root_device().is_some(),
            Self::Nic => report.nic().is_some(),
        }
    }
}

/// What Codchi does itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Installs, replaces or starts the controller.
    Prepare,
    /// Deletes the controller's container and makes it again; its volumes stay.
    Reinstall,
    /// Stops and starts the controller.
    Restart,
    /// Removes from the store what nothing uses.
    Collect,
}

/// A command of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// Program and arguments.
    pub(crate) argv: Vec<String>,
    /// Whether it needs the rights of the administrator.
    pub(crate) elevates: bool,
}

impl Command {
    /// As a person would type it.
    pub(crate) fn line(&self) -> String {
        self.argv.join(" ")
    }
}

/// One step of a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command of the host.
    Run(Command),
    /// A command of the host that makes a part of the engine's setup, where it isn't there.
    Make(Part, Command),
    /// Codchi's own doing, with the command that does the same by hand.
    Own(Own, Vec<String>),
    /// A command that asks its user something: it is shown and not run.
    ByHand(Vec<String>),
}

/// A fix with everything it will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) id: FixId,
    pub(crate) steps: Vec<Step>,
}

impl Step {
    /// What it runs with the administrator's rights, if anything.
    pub(crate) fn elevated(&self) -> Option<&Command> {
        match self {
            Self::Run(command) | Self::Make(_, command) => Some(command).filter(|command| command.elevates),
            Self::Own(..) | Self::ByHand(_) => None,
        }
    }
}

impl Plan {
    fn new(id: FixId, steps: Vec<Step>) -> Self {
        Self { id, steps }
    }

    fn run(id: FixId, commands: impl IntoIterator<Item = Command>) -> Self {
        Self::new(id, commands.into_iter().map(Step::Run).collect())
    }

    /// As it is shown before it is run.
    pub(crate) fn shown(&self) -> Fix {
        let commands = self.steps.iter().map(|step| match step {
            Step::Run(command) | Step::Make(_, command) => command.argv.clone(),
            Step::Own(_, by_hand) | Step::ByHand(by_hand) => by_hand.clone(),
        });
        let elevates = self.steps.iter().any(|step| step.elevated().is_some());
        let commands: Vec<_> = commands.collect();
        let needs_file = commands.iter().flatten().any(|word| word == FILE);
        let by_hand = self.steps.iter().any(|step| matches!(step, Step::ByHand(_)));
        Fix { id: self.id.word().to_owned(), commands, elevates, needs_file, by_hand }
    }

    /// With the user's file in its place.
    pub(crate) fn with_file(mut self, file: &str) -> Self {
        for step in &mut self.steps {
            if let Step::Run(command) | Step::Make(_, command) = step {
                for word in &mut command.argv {
                    match word.strip_suffix(IMPORTED) {
                        Some(directory) => *word = format!("{directory}/codchi-{}.crt", stem(file)),
                        None if word == FILE => file.clone_into(word),
                        None => {}
                    }
                }
            }
        }
        self
    }
}

/// What a file is called, in letters that any file system and program takes.
fn stem(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|word| (*word).to_owned()).collect()
}

fn as_administrator(argv: &[&str]) -> Command {
    Command { argv: words(argv), elevates: true }
}

/// A command of the engine's, which must find the engine of this user's environment.
fn for_engine(host: &dyn Host, names: Names, elevates: bool, argv: &[&str]) -> Command {
    let assignments = if elevates { names.assignments(host) } else { vec![] };
    let env = if assignments.is_empty() { vec![] } else { vec!["env".to_owned()] };
    Command { argv: env.into_iter().chain(assignments).chain(words(argv)).collect(), elevates }
}

/// Installs an engine from the distribution, starts and initialises it, and lets the user use it. `None` where no package manager is
/// known. `available` says whether apt has a package.
pub(crate) fn install(host: &dyn Host, wanted: DriverKind, available: impl Fn(&str) -> bool) -> Option<Plan> {
    let (names, commands) = packages(host, Names::of(wanted), available)?;
    let mut steps: Vec<Step> = commands.into_iter().map(Step::Run).collect();
    // What there will be, where the packages put it.
    let snap = steps
        .iter()
        .any(|step| matches!(step, Step::Run(command) if command.argv.first().is_some_and(|p| p == "snap")));
    let daemon = if snap { "/snap/bin/lxd" } else { names.usual_daemon() };
    let installed = Installed { names, daemon: daemon.into(), snap };
    steps.extend(start_commands(host, &installed)?.into_iter().map(Step::Run));
    steps.extend(init_steps(host, names, None, true));
    if let Some(command) = join_command(host, names.group) {
        steps.push(Step::Run(command));
    }
    Some(Plan::new(FixId::Engine, steps))
}

/// The commands that install an engine: the wanted one where the distribution has it.
fn packages(
    host: &dyn Host,
    wanted: Names,
    available: impl Fn(&str) -> bool,
) -> Option<(Names, Vec<Command>)> {
    let has = |name: &str| engines::program(host, name).is_some();
    let run = |argv: &[&str]| as_administrator(argv);
    let (lxd, incus) = (Names::of(DriverKind::Lxd), Names::of(DriverKind::Incus));
    let package = if wanted == lxd { "lxd" } else { "incus" };
    let is_ubuntu = engines::read(host, "/etc/os-release").lines().any(|line| line == "ID=ubuntu");
    if wanted == lxd && has("snap") && (is_ubuntu || !has("apt-get")) {
        return Some((lxd, vec![run(&["snap", "install", "lxd"])]));
    }
    if has("apt-get") {
        let found = [package, "lxd", "incus"].into_iter().find(|name| available(name)).unwrap_or(package);
        let names = if found == "lxd" { lxd } else { incus };
        let update = run(&["apt-get", "update"]);
        return Some((names, vec![update, run(&["apt-get", "install", "--yes", found])]));
    }
    if has("dnf") {
        return Some((incus, vec![run(&["dnf", "install", "--assumeyes", "incus"])]));
    }
    if has("pacman") {
        return Some((wanted, vec![run(&["pacman", "--sync", "--needed", "--noconfirm", package])]));
    }
    if has("zypper") {
        return Some((wanted, vec![run(&["zypper", "--non-interactive", "install", package])]));
    }
    None
}

/// Starts an engine that is installed.
pub(crate) fn start(host: &dyn Host, installed: &Installed) -> Option<Plan> {
    Some(Plan::run(FixId::EngineStart, start_commands(host, installed)?))
}

fn start_commands(host: &dyn Host, Installed { names, daemon, snap }: &Installed) -> Option<Vec<Command>> {
    // An engine with a directory of its own is no service of the system's.
    let own_place = !names.assignments(host).is_empty();
    let daemon = daemon.to_str()?;
    let service = format!("{}.service", names.service);
    let script = format!("/etc/init.d/{}", names.service);
    let run = |argv: &[&str]| for_engine(host, *names, true, argv);
    let start = if *snap {
        run(&["snap", "start", "--enable", "lxd"])
    } else if engines::has_systemd(host) && !own_place {
        run(&["systemctl", "enable", "--now", &service])
    } else if engines::has_init(host) && host.path(Path::new(&script)).exists() && !own_place {
        run(&["service", names.service, "start"])
    } else if engines::program(host, "start-stop-daemon").is_some() {
        // Not by its program, of which others may run; by a file that nobody writes: the daemon itself refuses to run twice.
        let mut argv =
            vec!["start-stop-daemon", "--start", "--background", "--pidfile", PID_FILE, "--startas", daemon];
        if engines::group(host, names.group).is_some() {
            argv.extend(["--", "--group", names.group]);
        }
        run(&argv)
    } else {
        return None;
    };
    Some(vec![start, run(&[daemon, "waitready", "--timeout=60"])])
}

/// Makes what is missing of an engine's setup, as the engine's own `init` does.
pub(crate) fn init(host: &dyn Host, kind: DriverKind, report: &EngineReport) -> Plan {
    Plan::new(FixId::EngineInit, init_steps(host, Names::of(kind), Some(report), false))
}

fn init_steps(host: &dyn Host, names: Names, report: Option<&EngineReport>, elevates: bool) -> Vec<Step> {
    let missing = |part: Part| report.is_none_or(|report| !part.is_there(report));
    let profile = report.map_or("default", |report| report.profile.as_str());
    let pool = report.and_then(|report| report.pool.as_deref()).unwrap_or("default");
    let bridge = existing_bridge(report).map_or_else(|| free_bridge(host, names), str::to_owned);
    let project = host.variable("CODCHI_LXD_PROJECT");
    let client = |argv: &[&str]| {
        let mut command = for_engine(host, names, elevates, &[names.client]);
        if let Some(project) = &project {
            command.argv.extend(["--project".to_owned(), project.clone()]);
        }
        command.argv.extend(words(argv));
        command
    };
    let address = format!("ipv4.address={}", subnet::free(host));
    let (in_pool, in_network) = (format!("pool={pool}"), format!("network={bridge}"));
    let parts: [(Part, &[&str]); 5] = [
        (Part::Pool, &["storage", "create", pool, "dir"]),
        (Part::Network, &["network", "create", &bridge, &address, "ipv4.nat=true", "ipv6.address=none"]),
        (Part::Profile, &["profile", "create", profile]),
        (Part::Root, &["profile", "device", "add", profile, "root", "disk", "path=/", &in_pool]),
        (Part::Nic, &["profile", "device", "add", profile, "eth0", "nic", "name=eth0", &in_network]),
    ];
    parts
        .into_iter()
        // The profile that every engine has is not made.
        .filter(|(part, _)| missing(*part) && (*part != Part::Profile || report.is_some()))
        .map(|(part, argv)| Step::Make(part, client(argv)))
        .collect()
}

fn existing_bridge(report: Option<&EngineReport>) -> Option<&str> {
    let networks = report?.networks.iter();
    let mut bridges = networks.filter(|network| network.managed && network.kind == "bridge");
    bridges.next().map(|network| network.name.as_str())
}

/// A bridge's name that no interface has.
fn free_bridge(host: &dyn Host, names: Names) -> String {
    let taken = |name: &str| host.path(&Path::new("/sys/class/net").join(name)).exists();
    let stem = names.bridge.trim_end_matches('0');
    (0..100)
        .map(|n| format!("{stem}{n}"))
        .find(|name| !taken(name))
        .unwrap_or_else(|| names.bridge.to_owned())
}

/// Makes the network that the profile names, where there is none.
pub(crate) fn make_bridge(host: &dyn Host, kind: DriverKind, name: &str) -> Plan {
    let names = Names::of(kind);
    let address = format!("ipv4.address={}", subnet::free(host));
    let argv = [names.client, "network", "create", name, &address, "ipv4.nat=true", "ipv6.address=none"];
    Plan::run(FixId::Bridge, [for_engine(host, names, false, &argv)])
}

/// Lets the engine set the bridge up again: it does so when a setting that it knows changes. NAT is on before and after.
pub(crate) fn renew_bridge(host: &dyn Host, kind: DriverKind, name: &str) -> Plan {
    let names = Names::of(kind);
    let set = |nat: &str| for_engine(host, names, false, &[names.client, "network", "set", name, nat]);
    Plan::run(FixId::Bridge, [set("ipv4.nat=false"), set("ipv4.nat=true")])
}

/// Gives the bridge an address, and NAT.
pub(crate) fn address_bridge(host: &dyn Host, kind: DriverKind, name: &str) -> Plan {
    set_bridge(host, kind, name, &[&format!("ipv4.address={}", subnet::free(host)), "ipv4.nat=true"])
}

/// Changes settings of the bridge.
pub(crate) fn set_bridge(host: &dyn Host, kind: DriverKind, name: &str, settings: &[&str]) -> Plan {
    let names = Names::of(kind);
    let argv = [&[names.client, "network", "set", name], settings].concat();
    Plan::run(FixId::Bridge, [for_engine(host, names, false, &argv)])
}

/// Lets the kernel pass packets on.
pub(crate) fn forward() -> Plan {
    Plan::run(FixId::Bridge, [as_administrator(&["sysctl", "--write", "net.ipv4.ip_forward=1"])])
}

/// Puts the user into the engine's group.
pub(crate) fn join(host: &dyn Host, group: &str) -> Option<Plan> {
    Some(Plan::run(FixId::EngineGroup, [join_command(host, group)?]))
}

/// Nothing for the administrator, who needs no group.
fn join_command(host: &dyn Host, group: &str) -> Option<Command> {
    let user = host.user();
    let argv = ["usermod", "--append", "--groups", group, &user.name];
    (user.uid != 0).then(|| as_administrator(&argv))
}

/// Gives root's containers ids: the first range that nobody has.
pub(crate) fn subuid(host: &dyn Host, users: bool, groups: bool) -> Plan {
    let taken = [engines::read(host, "/etc/subuid"), engines::read(host, "/etc/subgid")].concat();
    let first = super::checks::idmap::free_range(&taken, SUBIDS);
    let range = format!("{first}-{}", first + SUBIDS - 1);
    let mut argv = vec!["usermod"];
    if users {
        argv.extend(["--add-subuids", &range]);
    }
    if groups {
        argv.extend(["--add-subgids", &range]);
    }
    argv.push("root");
    Plan::run(FixId::Subuid, [as_administrator(&argv)])
}

/// As many as the engines' packages give.
const SUBIDS: u64 = 1_000_000_000;

/// Allows more containers to watch files.
pub(crate) fn inotify() -> Plan {
    let argv = ["sysctl", "--write", "fs.inotify.max_user_instances=1048576"];
    Plan::run(FixId::Inotify, [as_administrator(&argv)])
}

/// Trusts the certificate authority in a file of the user's. `None` where this system's way isn't known.
pub(crate) fn trust(host: &dyn Host) -> Option<Plan> {
    let (directory, update): (_, &[&str]) = if engines::program(host, "update-ca-certificates").is_some() {
        ("/usr/local/share/ca-certificates", &["update-ca-certificates"])
    } else if engines::program(host, "update-ca-trust").is_some() {
        ("/etc/pki/ca-trust/source/anchors", &["update-ca-trust", "extract"])
    } else {
        return None;
    };
    let target = format!("{directory}{IMPORTED}");
    let copy = as_administrator(&["install", "-D", "--mode=644", FILE, &target]);
    Some(Plan::run(FixId::Certificates, [copy, as_administrator(update)]))
}

/// Gives this computer what a machine asks for.
pub(crate) fn capability(fix: &Fix) -> Plan {
    let commands = fix.commands.iter().map(|argv| Command { argv: argv.clone(), elevates: fix.elevates });
    Plan::run(FixId::Capability, commands)
}

/// Keeps secrets in a file with a passphrase, which only its user knows.
pub(crate) fn use_vault() -> Plan {
    Plan::new(FixId::Keyring, vec![Step::ByHand(words(&["codchi", "secrets", "store", "vault"]))])
}

/// What Codchi does itself, with the commands that do the same by hand.
pub(crate) fn own(id: FixId, own: Own, kind: DriverKind) -> Plan {
    let client = Names::of(kind).client;
    let name = crate::driver::Role::Controller.instance();
    let controller = name.as_str();
    let by_hand = match own {
        Own::Prepare => vec!["codchi", "doctor", "--fix", "controller"],
        Own::Reinstall => vec![client, "delete", "--force", controller],
        Own::Restart => vec![client, "restart", "--force", controller],
        Own::Collect => {
            vec![client, "exec", controller, "--env", "NIX_REMOTE=daemon", "--", "nix-store", "--gc"]
        }
    };
    let mut steps = vec![Step::Own(own, words(&by_hand))];
    if own == Own::Reinstall {
        steps.push(Step::Own(Own::Prepare, words(&["codchi", "doctor", "--fix", "controller"])));
    }
    Plan::new(id, steps)
}

#[cfg(test)]
mod tests;
