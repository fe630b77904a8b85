//! What is kept of repositories, copies of those of this computer and what Nix has fetched of others, goes with the last machine that is
//! made of them.

use std::collections::BTreeSet;

use codchi_controller::{machine::MachineSpec, nix::NixError};

use super::{ControllerNix, exec::Input, mirror, view};
use crate::flake_ref;

/// How a name ends that is being removed: what is left of something must not be taken for it.
const GONE: &str = ".gone";

impl ControllerNix {
    /// Removes what none of these machines is made of.
    pub(super) async fn sweep(&self, but: &[MachineSpec]) -> Result<(), NixError> {
        let action = "remove what is kept of repositories";
        let kept: BTreeSet<String> = but.iter().flat_map(kept_for).collect();
        // From above: the directories are made with the first that is in them.
        let [copies, caches] = [mirror::COPIES, view::CACHES].map(|place| format!("{place}/*"));
        let find = ["find", "/config", "-mindepth", "2", "-maxdepth", "2", "-type", "d"];
        let places = ["(", "-path", &copies, "-o", "-path", &caches, ")"];
        let find = Self::command(find.into_iter().chain(places));
        let found = self.ask(action, find, Input::Nothing).await?;
        let found = String::from_utf8_lossy(&found).into_owned();
        let (left, there): (Vec<&str>, Vec<&str>) = found.lines().partition(|path| path.ends_with(GONE));
        let remove = async |path: &str| {
            let spec = Self::command(["rm", "-rf", "--", path]);
            self.ask(action, spec, Input::Nothing).await
        };
        for path in left {
            remove(path).await?;
        }
        for path in there.into_iter().filter(|path| !kept.contains(*path)) {
            let gone = format!("{path}{GONE}");
            let rename = Self::command(["mv", "--no-target-directory", "--", path, &gone]);
            self.ask(action, rename, Input::Nothing).await?;
            remove(&gone).await?;
        }
        Ok(())
    }
}

/// What a machine is made with, and what a look at each of its repositories uses.
fn kept_for(spec: &MachineSpec) -> Vec<String> {
    let urls: Vec<&str> = spec.inputs().into_iter().map(|(_, url)| url).collect();
    let copies = urls.iter().filter_map(|url| flake_ref::parse(url).ok()?.host_repository());
    let copies = copies.map(|path| mirror::copy_of(&path));
    let looks = urls.iter().map(|url| view::cache_of([*url]));
    copies.chain(looks).chain([view::cache_of(urls.iter().copied())]).collect()
}
