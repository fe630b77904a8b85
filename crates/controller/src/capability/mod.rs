//! Capabilities: what a machine's modules may ask of the host beyond a container, such as a graphics card or the sound server.
//!
//! Each one is a file here (what is found on the host, why not, what a container is given, what mends it) and one of the same name in
//! `nix/capabilities` (what the machine's system does with it). Its name is in [`ALL`], and in `nix/options/capabilities.nix`.
//!
//! Looking changes nothing, starts no program and asks no engine.

mod camera;
mod cuda;
mod docker_nesting;
mod fuse;
mod gpu;
mod kvm;
mod look;
mod sockets;
mod sound;
mod ssh_agent;
mod tun;
mod usb;
mod video;
mod x_authority;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    doctor::{Check, CheckGroup, CheckState, Fix, fill},
    driver::Device,
    host::Host,
    nix::Requirements,
    secret::{Answers, HostSecret, SecretValue},
};

pub(crate) use sockets::{follow, places, unused};
pub(crate) use video::X11;

/// The capability that is a secret of the user's own as well.
pub(crate) const SSH_AGENT: &str = ssh_agent::CAPABILITY.name;

/// Something that hosts offer.
pub struct Capability {
    /// Its name, as modules say it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    probe: fn(&dyn Host) -> Finding,
}

/// What was found on the host: what a container is given, or why there is nothing to give.
type Finding = Result<Found, Missing>;

/// The host has it.
#[derive(Debug, Default)]
struct Found {
    /// What was seen: names and versions.
    evidence: String,
    devices: Vec<Device>,
    sockets: Vec<HostSocket>,
}

/// A socket of the host that a container is given.
#[derive(Debug)]
struct HostSocket {
    /// What it is called in the container.
    name: &'static str,
    /// Where it is now.
    at: PathBuf,
}

/// The host doesn't have it.
#[derive(Debug)]
struct Missing {
    /// A stable word for why, unique within the capability.
    reason: &'static str,
    /// Why not, and what now; `{name}` stands for a parameter.
    explanation: &'static str,
    parameters: BTreeMap<String, String>,
    /// What was looked for.
    evidence: String,
    /// What mends it, with the administrator's rights; empty where that isn't known.
    commands: Vec<Vec<String>>,
}

impl Missing {
    fn new(reason: &'static str, explanation: &'static str, evidence: impl Into<String>) -> Self {
        let parameters = BTreeMap::new();
        Self { reason, explanation, parameters, evidence: evidence.into(), commands: Vec::new() }
    }

    /// Says what `{name}` stands for.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    fn mended_by(mut self, argv: &[&str]) -> Self {
        self.commands.push(argv.iter().map(ToString::to_string).collect());
        self
    }
}

/// A device node that a kernel module makes.
fn node(host: &dyn Host, path: &str, module: &str) -> Finding {
    if look::exists(host, path) {
        let devices = vec![Device::Node { path: path.into() }];
        return Ok(Found { evidence: path.into(), devices, ..Found::default() });
    }
    Err(Missing::new(
        "no_module",
        "The kernel's module {module} isn't loaded, or this kernel has none.",
        format!("there is no {path}"),
    )
    .with("module", module)
    .mended_by(&["modprobe", module]))
}

/// All capabilities, in the order in which they are shown.
pub const ALL: &[Capability] = &[
    gpu::CAPABILITY,
    cuda::CAPABILITY,
    usb::CAPABILITY,
    ssh_agent::CAPABILITY,
    sound::CAPABILITY,
    video::CAPABILITY,
    camera::CAPABILITY,
    kvm::CAPABILITY,
    fuse::CAPABILITY,
    docker_nesting::CAPABILITY,
    tun::CAPABILITY,
];

/// The capability of this name.
pub fn named(name: &str) -> Option<&'static Capability> {
    ALL.iter().find(|capability| capability.name == name)
}

/// A check of a capability that a machine asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct CapabilityCheck {
    /// Its name, as modules say it.
    pub capability: String,
    /// What was found.
    pub check: Check,
    /// Whether the machine isn't built without it.
    pub required: bool,
    /// Whether the user wants the machine without it.
    pub without: bool,
}

impl CapabilityCheck {
    /// Whether nothing may be built before the user has decided.
    pub fn prevents_build(&self) -> bool {
        self.required && !self.without && self.check.state != CheckState::Ok
    }
}

impl Capability {
    /// What the host says to it. A missing one is a failure.
    pub fn check(&self, host: &dyn Host) -> Check {
        let id = format!("capability.{}", self.name);
        let mut check = Check {
            id: id.clone(),
            group: CheckGroup::Capabilities,
            state: CheckState::Ok,
            reason: "there".into(),
            parameters: BTreeMap::new(),
            title: self.title.into(),
            explanation: "It is there.".into(),
            evidence: String::new(),
            fix: None,
        };
        match (self.probe)(host) {
            Ok(found) => check.evidence = found.evidence,
            Err(Missing { reason, explanation, parameters, evidence, commands }) => {
                check.state = CheckState::Fail;
                check.reason = reason.into();
                check.explanation = fill(explanation, &parameters);
                check.parameters = parameters;
                check.evidence = evidence;
                check.fix = (!commands.is_empty()).then_some(Fix {
                    id,
                    commands,
                    elevates: true,
                    needs_file: false,
                    by_hand: false,
                });
            }
        }
        check
    }
}

/// Looks whether the host has what a machine asks for. What is missing is a failure where it is required, else a warning.
pub fn check(host: &dyn Host, requirements: &Requirements, answers: &Answers) -> Vec<CapabilityCheck> {
    let asked = |names: &'_ [String], required: bool| {
        names.iter().map(move |name| (name.clone(), required)).collect::<Vec<_>>()
    };
    let all = [asked(&requirements.capabilities, true), asked(&requirements.optional_capabilities, false)];
    let one = |(name, required): (String, bool)| {
        let without = answers.without.contains(&name);
        let mut check = match named(&name) {
            Some(capability) => capability.check(host),
            None => Check {
                id: format!("capability.{name}"),
                group: CheckGroup::Capabilities,
                state: CheckState::Fail,
                reason: "unknown".into(),
                parameters: BTreeMap::new(),
                title: name.clone(),
                explanation: "This Codchi doesn't know it. A newer one may.".into(),
                evidence: String::new(),
                fix: None,
            },
        };
        if check.state == CheckState::Fail && (without || !required) {
            check.state = CheckState::Warn;
        }
        CapabilityCheck { capability: name, check, required, without }
    };
    all.into_iter().flatten().map(one).collect()
}

/// What is given to the container of a machine: of what it asks for, what the host has and the user doesn't withhold. `links` is the
/// directory of the links by which sockets are followed when they move; they are made here.
pub(crate) fn devices(
    host: &dyn Host,
    requirements: &Requirements,
    answers: &Answers,
    links: &Path,
) -> Vec<Device> {
    let mut names = wanted(requirements, answers);
    names.retain(|name| *name != SSH_AGENT);
    // The agent is the user's own: however it is asked for, they have said yes to it, for this machine.
    let agent = requirements.wanted_host_secrets().contains(&HostSecret::SshAgent)
        && answers.host_secrets.get(&HostSecret::SshAgent) == Some(&true);
    if agent && !answers.without.contains(SSH_AGENT) {
        names.push(SSH_AGENT);
    }
    let mut devices = Vec::new();
    for capability in ALL.iter().filter(|capability| names.contains(&capability.name)) {
        let Ok(found) = (capability.probe)(host) else { continue };
        let sockets = found.sockets.into_iter().filter_map(|socket| sockets::device(host, links, &socket));
        for device in found.devices.into_iter().chain(sockets) {
            if !devices.contains(&device) {
                devices.push(device);
            }
        }
    }
    devices
}

/// The names of what a machine asks for and the user doesn't withhold.
fn wanted<'a>(requirements: &'a Requirements, answers: &Answers) -> Vec<&'a str> {
    let asked = requirements.capabilities.iter().chain(&requirements.optional_capabilities);
    asked.map(String::as_str).filter(|name| !answers.without.contains(*name)).collect()
}

/// The cookie with which a machine that is given the display is let in there, as the content of an `.Xauthority`.
pub(crate) fn display_cookie(
    host: &dyn Host,
    requirements: &Requirements,
    answers: &Answers,
) -> Option<SecretValue> {
    let is_given = wanted(requirements, answers).contains(&video::CAPABILITY.name);
    is_given.then(|| video::authority(host)).flatten()
}

/// What the controller itself is given, for builds: its devices, and the names of the features of a system that Nix knows them by.
pub(crate) fn for_builds(host: &dyn Host) -> (Vec<Device>, Vec<&'static str>) {
    let mut devices = Vec::new();
    let mut features = Vec::new();
    for capability in [&kvm::CAPABILITY, &cuda::CAPABILITY] {
        if let Ok(found) = (capability.probe)(host) {
            features.push(capability.name);
            devices.extend(found.devices);
        }
    }
    (devices, features)
}
