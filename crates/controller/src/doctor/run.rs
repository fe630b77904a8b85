//! All checks: what takes time is looked at side by side and bounded, then each check judges what was seen.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};

use futures::future::{self, join_all};
use time::OffsetDateTime;

use super::{
    Check, CheckState, Diagnosis,
    checks::{
        bus, certificates, cgroups, clock, controller, daemon, disk, dns, engine, idmap, images, inotify,
        keyring, machines, network, pool, profile, proxy, repositories, version,
    },
    commands::{self, Plan},
    engines,
    finding::{Finding, Subject, evidence},
};
use crate::{
    capability, containers,
    controller::Controller,
    driver::{
        DriverError, EngineReport, ExecOutput, ExecSpec, InstanceName, InstanceState, InstanceStatus, Role,
    },
    error::Error,
    host::HostCommand,
    secret::HostSecret,
    status::{self, KnownMachine, MachineStatus},
};

/// How long anything of this computer and the network may take. Nothing that is well takes nearly as long.
const LIMIT: Duration = Duration::from_secs(5);

/// The same for the engine, and for what it runs in a container: on a busy computer that takes its time.
const ENGINE_LIMIT: Duration = Duration::from_secs(15);

/// How long a connection from inside a container may take, in seconds.
const CONNECTION: &str = "4";

/// How long the nix-daemon may take to answer, in seconds: it must end before we stop waiting for it.
const PING: &str = "8";

/// The exit code of `timeout` when the time was over.
const TIMED_OUT: i32 = 124;

/// At most so many hosts are connected to.
const HOSTS: usize = 8;

/// The checks, with what mends each.
pub(super) struct Examined {
    pub(super) diagnosis: Diagnosis,
    pub(super) plans: Vec<Option<Plan>>,
}

/// What the engine said.
struct Engine {
    report: Option<Result<EngineReport, DriverError>>,
    instances: Option<Vec<InstanceStatus>>,
    install: Option<Plan>,
}

/// What the controller and a machine said.
struct Inside {
    asked: controller::Asked,
    pinged: daemon::Pinged,
    /// The controller's clock and ours at that moment.
    clock: Option<(i64, i64)>,
    certificates: Vec<certificates::Seen>,
}

/// What was seen of the network from here.
struct Outside {
    proxy: Option<Result<proxy::Proxy, &'static str>>,
    proxy_answers: Result<(), String>,
    looked_up: Vec<dns::LookedUp>,
    certificates: Vec<certificates::Seen>,
}

impl Controller {
    /// Looks whether everything is there that machines need.
    pub async fn diagnose(&self) -> Diagnosis {
        self.examine().await.diagnosis
    }

    pub(super) async fn examine(&self) -> Examined {
        let hosts = self.module_hosts();
        let (kind, host) = (self.driver.kind(), &*self.host);
        let from_engine = async {
            let engine = self.ask_engine().await;
            let inside = self.ask_inside(engine.instances.as_deref(), &hosts).await;
            (engine, inside)
        };
        let ((engine, inside), outside, names, home, keyring, authorities) = tokio::join!(
            from_engine,
            self.look_outside(&hosts),
            self.bus_names(),
            self.own_room(),
            self.check_keyring(),
            self.user.certificates()
        );

        let report = engine.report.as_ref().and_then(|report| report.as_ref().ok());
        let installed = engines::installed(host, kind);
        let controller = engine
            .instances
            .as_ref()
            .map(|all| all.iter().find(|instance| instance.role == Role::Controller))
            .ok_or(());
        let runs = controller.ok().flatten().is_some_and(|one| one.state == InstanceState::Running);
        let answer = match &engine.report {
            None => Finding::unknown("slow", "It takes too long to answer."),
            Some(report) => {
                engine::check(host, kind, report.as_ref().map(|report| &report.engine), engine.install)
            }
        };
        let places: Vec<_> = report.and_then(disk::of_pool).into_iter().chain(home).collect();
        let seen = [outside.certificates, inside.certificates].concat();
        let found: Vec<(Subject, Finding)> = vec![
            (engine::SUBJECT, answer),
            (version::SUBJECT, version::check(report.map(|report| &report.engine))),
            (pool::SUBJECT, pool::check(host, kind, report)),
            (profile::SUBJECT, profile::check(host, kind, report)),
            (network::SUBJECT, network::check(host, kind, report, controller.ok().flatten())),
            (idmap::SUBJECT, idmap::check(host, installed.as_ref())),
            (cgroups::SUBJECT, cgroups::check(host)),
            (inotify::SUBJECT, inotify::check(host)),
            #[cfg(windows)]
            (super::checks::wsl::SUBJECT, self.wsl().await),
            (images::SUBJECT, images::check(self.images.as_ref())),
            (controller::SUBJECT, controller::check(kind, self.images.as_ref(), controller, &inside.asked)),
            (daemon::SUBJECT, daemon::check(kind, &inside.asked, &inside.pinged)),
            (disk::SUBJECT, disk::check(kind, &places, runs)),
            (machines::SUBJECT, machines::check(self.strays(engine.instances.as_deref()))),
            (clock::SUBJECT, clock::check(OffsetDateTime::now_utc(), inside.clock)),
            (proxy::SUBJECT, proxy::check(outside.proxy.as_ref(), outside.proxy_answers)),
            (dns::SUBJECT, dns::check(&outside.looked_up, outside.proxy.is_some())),
            (
                certificates::SUBJECT,
                certificates::check(host, &seen, &authorities, OffsetDateTime::now_utc()),
            ),
            (keyring::SUBJECT, keyring),
            (bus::NOTIFICATIONS, bus::notifications(&names)),
            (bus::TRAY, bus::tray(&names)),
        ];
        let (mut checks, mut plans): (Vec<Check>, Vec<Option<Plan>>) =
            found.into_iter().map(|(subject, finding)| finding.about(subject)).unzip();
        for check in self.asked_capabilities() {
            plans.push(check.fix.as_ref().map(commands::capability));
            checks.push(check);
        }
        let ok = checks.iter().all(|check| check.state != CheckState::Fail);
        Examined { diagnosis: Diagnosis { ok, checks }, plans }
    }

    /// The containers of machines that nothing is known of; `None` when the engine can't be asked.
    fn strays(&self, instances: Option<&[InstanceStatus]>) -> Option<Result<Vec<MachineStatus>, Error>> {
        let instances = Ok(instances?.to_vec());
        let strays = |known: Vec<KnownMachine>| {
            status::strays(self.driver.kind(), known.iter(), &status::by_name(&instances))
        };
        Some(self.known_machines().map(strays))
    }

    /// The hosts that the modules of all machines come from.
    fn module_hosts(&self) -> Vec<String> {
        let known = self.known_machines().unwrap_or_default();
        let specs = known.iter().filter_map(|machine| machine.spec.as_ref().ok());
        let urls = specs.flat_map(|spec| spec.modules.iter().map(|module| module.url.as_str()));
        repositories::hosts(urls).into_iter().take(HOSTS).collect()
    }

    /// The capabilities that machines ask for, each once, as the machine sees it that needs it most.
    fn asked_capabilities(&self) -> Vec<Check> {
        let mut found: BTreeMap<String, Check> = BTreeMap::new();
        for machine in self.known_machines().unwrap_or_default() {
            let answers = self.machines.answers(&machine.name).unwrap_or_default();
            for asked in capability::check(&*self.host, &machine.record.requirements, &answers) {
                let worse = asked.check.state == CheckState::Fail;
                match found.entry(asked.capability) {
                    Entry::Occupied(mut known) if worse => drop(known.insert(asked.check)),
                    Entry::Occupied(_) => {}
                    Entry::Vacant(new) => {
                        new.insert(asked.check);
                    }
                }
            }
        }
        found.into_values().collect()
    }

    async fn ask_engine(&self) -> Engine {
        let (report, instances) = tokio::join!(
            tokio::time::timeout(ENGINE_LIMIT, self.driver.inspect()),
            tokio::time::timeout(ENGINE_LIMIT, self.driver.instances())
        );
        let report = report.ok();
        let missing = matches!(report, Some(Err(DriverError::Unreachable { .. })))
            && engines::installed(&*self.host, self.driver.kind()).is_none();
        let install = if missing { self.installing().await } else { None };
        Engine { report, instances: instances.ok().and_then(Result::ok), install }
    }

    /// What would install an engine.
    async fn installing(&self) -> Option<Plan> {
        let available = match engines::program(&*self.host, "apt-cache") {
            None => BTreeSet::new(),
            Some(_) => {
                let (_, lines) =
                    self.said(&["apt-cache", "policy", "lxd", "incus"]).await.unwrap_or_default();
                candidates(&lines)
            }
        };
        commands::install(&*self.host, self.driver.kind(), |package| available.contains(package))
    }

    async fn ask_inside(&self, instances: Option<&[InstanceStatus]>, hosts: &[String]) -> Inside {
        let running = |role: &Role| {
            instances
                .unwrap_or_default()
                .iter()
                .any(|one| one.role == *role && one.state == InstanceState::Running)
        };
        if !running(&Role::Controller) {
            let certificates = vec![];
            return Inside {
                asked: controller::Asked::NotRunning,
                pinged: daemon::Pinged::Unasked,
                clock: None,
                certificates,
            };
        }
        let machine = self.machine_to_ask(instances.unwrap_or_default());
        let places = [
            (certificates::From::Controller, Some(Role::Controller.instance())),
            (certificates::From::Machine, machine.map(|machine| machine.role.instance())),
        ];
        let connections = places.iter().filter_map(|(from, instance)| Some((*from, instance.as_ref()?)));
        let connections = connections.flat_map(|(from, instance)| {
            hosts.iter().map(move |host| self.connect_inside(from, instance, host))
        });
        let (asked, pinged, clock, certificates) =
            tokio::join!(self.ask_health(), self.ping(), self.ask_clock(), join_all(connections));
        Inside { asked, pinged, clock, certificates }
    }

    /// A machine that runs; one that may use this computer's certificates where there is one.
    fn machine_to_ask<'a>(&self, instances: &'a [InstanceStatus]) -> Option<&'a InstanceStatus> {
        let is_allowed = |one: &&InstanceStatus| match &one.role {
            Role::Machine(name) => {
                let answers = self.machines.answers(name).unwrap_or_default();
                answers.host_secrets.get(&HostSecret::CaCertificates) == Some(&true)
            }
            Role::Controller => false,
        };
        let running: Vec<&InstanceStatus> = instances
            .iter()
            .filter(|one| matches!(one.role, Role::Machine(_)) && one.state == InstanceState::Running)
            .collect();
        running.iter().find(|one| is_allowed(one)).or(running.first()).copied()
    }

    async fn ask_health(&self) -> controller::Asked {
        use controller::Asked;
        let spec = containers::in_controller(["/bin/ctrl-serve", "health"]);
        match self.output(&Role::Controller.instance(), spec).await {
            None => Asked::Failed("it took too long to answer".into()),
            Some(Err(DriverError::NotFound { .. } | DriverError::NotRunning { .. })) => Asked::NotRunning,
            // A program that isn't there is an error in some engines.
            Some(Err(error @ DriverError::Engine { .. })) => Asked::Damaged(evidence(&error.into())),
            Some(Err(error)) => Asked::Failed(evidence(&Error::from(error))),
            Some(Ok(output)) => match serde_json::from_slice(&output.stdout) {
                Ok(health) => Asked::Said(health),
                Err(_) => Asked::Damaged(format!("it ended with {}: {}", output.code, words(&output))),
            },
        }
    }

    async fn ping(&self) -> daemon::Pinged {
        use daemon::Pinged;
        let spec = containers::in_controller(["timeout", "-s", "KILL", PING, "nix", "store", "info"]);
        match self.output(&Role::Controller.instance(), spec).await {
            None => Pinged::Silent,
            Some(Err(_)) => Pinged::Unasked,
            Some(Ok(output)) => match output.code {
                0 => Pinged::Answered,
                // `timeout` is killed with its program when it kills.
                TIMED_OUT | 137 => Pinged::Silent,
                126 | 127 => Pinged::Unasked,
                _ => Pinged::Refused(words(&output)),
            },
        }
    }

    async fn ask_clock(&self) -> Option<(i64, i64)> {
        let spec = containers::in_controller(["date", "+%s"]);
        let output = self.output(&Role::Controller.instance(), spec).await?.ok()?;
        let its = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
        Some((its, OffsetDateTime::now_utc().unix_timestamp()))
    }

    async fn connect_inside(
        &self,
        from: certificates::From,
        instance: &InstanceName,
        host: &str,
    ) -> certificates::Seen {
        let argv =
            ["timeout".to_owned(), CONNECTION.to_owned()].into_iter().chain(certificates::connect(host));
        let spec = match from {
            // As its user's programs see it: with the certificates that it was given.
            certificates::From::Machine => {
                let shell = ["bash", "-lc", r#"exec "$@""#, "bash"].map(str::to_owned);
                containers::in_machine(shell.into_iter().chain(argv))
            }
            _ => containers::in_controller(argv),
        };
        let verdict = match self.output(instance, spec).await {
            Some(Ok(output)) => seen(output.code, &words(&output)),
            Some(Err(_)) => certificates::Verdict::Unasked,
            None => seen(TIMED_OUT, ""),
        };
        certificates::Seen { host: host.to_owned(), from, verdict }
    }

    /// Runs a command that says little; `None` when it takes too long.
    async fn output(
        &self,
        instance: &InstanceName,
        spec: ExecSpec,
    ) -> Option<Result<ExecOutput, DriverError>> {
        let run = async { self.driver.exec(instance, spec).await?.output().await };
        tokio::time::timeout(ENGINE_LIMIT, run).await.ok()
    }

    async fn look_outside(&self, hosts: &[String]) -> Outside {
        let proxy = proxy::wanted(&*self.host);
        let proxy_answers = async {
            match &proxy {
                Some(Ok(proxy::Proxy { host, port })) => connect(host, *port).await,
                _ => Ok(()),
            }
        };
        let names = async {
            if proxy.is_some() { vec![] } else { join_all(hosts.iter().map(|host| look_up(host))).await }
        };
        let certificates = join_all(hosts.iter().map(|host| self.connect_from_here(host)));
        let (proxy_answers, looked_up, certificates) = tokio::join!(proxy_answers, names, certificates);
        Outside { proxy, proxy_answers, looked_up, certificates }
    }

    async fn connect_from_here(&self, host: &str) -> certificates::Seen {
        let argv = certificates::connect(host);
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let verdict = match self.said(&argv).await {
            Ok((code, lines)) => seen(code, &lines.join("\n")),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => seen(TIMED_OUT, ""),
            Err(_) => certificates::Verdict::Unasked,
        };
        certificates::Seen { host: host.to_owned(), from: certificates::From::Host, verdict }
    }

    async fn bus_names(&self) -> bus::Names {
        if !bus::has_desktop(&*self.host) {
            return bus::Names::NoDesktop;
        }
        let ask = |method: &'static str| async move {
            let argv = bus::list(method);
            let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
            self.said(&argv).await.ok().filter(|(code, _)| *code == 0).map(|(_, lines)| bus::names(&lines))
        };
        match future::join(ask("ListNames"), ask("ListActivatableNames")).await {
            (Some(names), activatable) => {
                bus::Names::Known(names.into_iter().chain(activatable.unwrap_or_default()).collect())
            }
            _ => bus::Names::Unasked,
        }
    }

    /// The room where Codchi's own files are.
    async fn own_room(&self) -> Option<disk::Place> {
        let directory = self.paths.data.to_str()?;
        let (blocks, files) = (["df", "-kP", "--", directory], ["df", "-iP", "--", directory]);
        let (blocks, files) = tokio::join!(self.said(&blocks), self.said(&files));
        Some(disk::of_df(directory, &blocks.ok()?.1, &files.unwrap_or_default().1))
    }

    async fn check_keyring(&self) -> Finding {
        // A keyring may ask the bus, which may hang.
        let store = tokio::time::timeout(LIMIT, self.store_state()).await;
        let known = self.known_machines().unwrap_or_default();
        let needed = known
            .iter()
            .any(|machine| machine.record.requirements.secrets.values().any(|secret| !secret.optional));
        match store {
            Ok(store) => keyring::check(store.ok(), needed),
            Err(_) => Finding::unknown("slow", "It takes too long to answer."),
        }
    }

    #[cfg(windows)]
    async fn wsl(&self) -> Finding {
        use super::checks::wsl;
        let said = self.said(&wsl::ASK).await.ok();
        wsl::check(said.as_ref().map(|(code, lines)| (*code, lines.as_slice())))
    }

    /// Runs a program of the host as this user; its exit code and what it printed.
    async fn said(&self, argv: &[&str]) -> std::io::Result<(i32, Vec<String>)> {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let command = HostCommand { argv, limit: LIMIT };
        let mut lines = Vec::new();
        let code = self.host.run(&command, &mut |line| lines.push(line.to_owned())).await?;
        Ok((code, lines))
    }
}

/// What git's exit code and words mean; a connection that took too long is no verdict on trust.
fn seen(code: i32, output: &str) -> certificates::Verdict {
    match code {
        TIMED_OUT => certificates::Verdict::Unreached("it took too long".into()),
        code => certificates::verdict(code, output),
    }
}

async fn look_up(host: &str) -> dns::LookedUp {
    let (name, port) = repositories::name_and_port(host);
    let found = match tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.count()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it took too long".into()),
    };
    (name.to_owned(), found)
}

async fn connect(host: &str, port: u16) -> Result<(), String> {
    match tokio::time::timeout(LIMIT, tokio::net::TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it took too long".into()),
    }
}

/// What a command printed, for people: its errors, else its output.
fn words(output: &ExecOutput) -> String {
    let text = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    String::from_utf8_lossy(text).lines().take(20).map(crate::activity::plain).collect::<Vec<_>>().join("\n")
}

/// The packages with a candidate in what `apt-cache policy` printed.
fn candidates(lines: &[String]) -> BTreeSet<String> {
    let mut package = "";
    let mut found = BTreeSet::new();
    for line in lines {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            package = name;
        } else if line.trim().strip_prefix("Candidate:").is_some_and(|version| version.trim() != "(none)") {
            found.insert(package.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_without_a_candidate_are_not_available() {
        let text = "lxd:\n  Installed: (none)\n  Candidate: 5.0.2\n  Version table:\n     5.0.2 500\nincus:\n  Installed: (none)\n  Candidate: (none)\n";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(candidates(&lines), BTreeSet::from(["lxd".to_owned()]));
    }
}
