//! Is the controller there, of this release, and does it run what belongs in it.

use serde::Deserialize;

use crate::{
    containers::images::ImageSet,
    doctor::{
        CheckGroup,
        commands::{self, FixId, Own},
        finding::{Finding, Subject},
    },
    driver::{DriverKind, InstanceState, InstanceStatus},
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "controller", group: CheckGroup::Controller, title: "Controller" };

/// What `ctrl-serve health` says.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::doctor) struct Health {
    pub(in crate::doctor) ready: bool,
    #[serde(default)]
    pub(in crate::doctor) nix: Option<String>,
    pub(in crate::doctor) daemon: Daemon,
}

/// The daemon's part of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::doctor) struct Daemon {
    pub(in crate::doctor) state: String,
    #[serde(default)]
    pub(in crate::doctor) restarts: u64,
    #[serde(default)]
    pub(in crate::doctor) last_exit: Option<String>,
}

/// What asking the controller gave.
#[derive(Clone, Debug)]
pub(in crate::doctor) enum Asked {
    /// It doesn't run, or there is none.
    NotRunning,
    /// Its health.
    Said(Health),
    /// What belongs in it isn't there: what was said instead.
    Damaged(String),
    /// It couldn't be asked: why.
    Failed(String),
}

pub(in crate::doctor) fn check(
    kind: DriverKind,
    images: Option<&ImageSet>,
    controller: Result<Option<&InstanceStatus>, ()>,
    asked: &Asked,
) -> Finding {
    let current = images.map(|images| &images.controller.image.sha256);
    let prepare = || commands::own(FixId::Controller, Own::Prepare, kind);
    let instance = match controller {
        Err(()) => return Finding::no_engine(),
        Ok(None) => {
            return Finding::warn(
                "not_installed",
                "It isn't installed yet. That happens by itself with the first machine.",
            )
            .mended_by(prepare());
        }
        Ok(Some(instance)) => instance,
    };
    if instance.state != InstanceState::Running {
        return Finding::warn("stopped", "It doesn't run. It is started by itself when it is needed.")
            .mended_by(prepare());
    }
    match asked {
        Asked::Damaged(said) => {
            return Finding::fail(
                "damaged",
                "It is damaged: what belongs in it isn't there. It can be made again; the store stays.",
            )
            .seen(said)
            .mended_by(commands::own(FixId::Controller, Own::Reinstall, kind));
        }
        Asked::Failed(why) => {
            return Finding::fail(
                "silent",
                "It runs, but doesn't tell how it is. It can be made again; the store stays.",
            )
            .seen(why)
            .mended_by(commands::own(FixId::Controller, Own::Reinstall, kind));
        }
        Asked::NotRunning | Asked::Said(_) => {}
    }
    if current.is_some() && instance.image.as_ref() != current {
        return Finding::warn(
            "other_release",
            "It is of another release. It is replaced by itself when it is next needed; the store stays.",
        )
        .mended_by(prepare());
    }
    Finding::ok("runs", "It runs.").seen(instance.address.clone().unwrap_or_default())
}
