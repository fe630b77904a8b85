//! What Nix sees of the controller while it reads what strangers wrote: a flake may name any path as an input, and what lies there would
//! be the evaluation's, the store's, and by `fetchurl` anybody's.

use std::collections::BTreeSet;

use codchi_controller::{
    driver::ExecSpec,
    machine::{MachineName, MachineSpec},
};
use sha2::{Digest, Sha256};

use super::{ControllerNix, discovery, machine_dir, mirror};
use crate::flake_ref::FlakeRef;

/// What belongs to machines, and to other runs.
const OTHERS: [&str; 8] = [
    "/config/machines",
    "/config/roots",
    mirror::COPIES,
    discovery::DIR,
    CACHES,
    "/nix/var/nix/profiles",
    "/nix/var/nix/gcroots",
    "/instances",
];
/// What Nix has fetched before. It asks nobody whether the one who names an address may have what is there.
pub(super) const CACHES: &str = "/config/cache";

/// What a run of Nix is for, and so the only thing that it sees of that kind.
pub(super) struct View {
    own: Vec<String>,
    cache: String,
}

impl View {
    /// For a machine: its flake, and the copies of repositories that its modules come from.
    pub(super) fn of_machine(machine: &MachineName, spec: &MachineSpec) -> Self {
        let inputs = crate::flake::inputs(spec).into_iter().flatten();
        let copies = inputs.filter_map(|input| copy_of(&input.flake));
        let own = std::iter::once(machine_dir(machine)).chain(copies).collect();
        Self { own, cache: cache_of(spec.inputs().into_iter().map(|(_, url)| url)) }
    }

    /// For a look at a repository.
    pub(super) fn of_repository(url: &str, flake: &FlakeRef) -> Self {
        let own = std::iter::once(discovery::DIR.to_owned()).chain(copy_of(flake)).collect();
        Self { own, cache: cache_of([url]) }
    }

    /// The program with this view, and without root's capabilities.
    pub(super) fn limit(&self, mut spec: ExecSpec) -> ExecSpec {
        let hide = OTHERS.iter().flat_map(|path| ["--hide", path]);
        let keep = self.own.iter().chain([&self.cache]).flat_map(|path| ["--keep", path]);
        let wrapper = [ControllerNix::SERVE, "confine"].into_iter().chain(hide).chain(keep).chain(["--"]);
        spec.argv.splice(..0, wrapper.map(str::to_owned));
        spec.env("XDG_CACHE_HOME", &self.cache)
    }
}

/// One for each set of sources: a look at a repository and the machines that are made of it alone share theirs.
pub(super) fn cache_of<'a>(urls: impl IntoIterator<Item = &'a str>) -> String {
    let urls: BTreeSet<&str> = urls.into_iter().collect();
    let digest = Sha256::digest(urls.into_iter().collect::<Vec<_>>().join("\n"));
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{CACHES}/{id}")
}

fn copy_of(flake: &FlakeRef) -> Option<String> {
    flake.host_repository().map(|path| mirror::copy_of(&path))
}
