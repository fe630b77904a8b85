//! Which modules of a repository are meant by what somebody named, or didn't.

use crate::{
    error::Error,
    machine::ModuleSpec,
    nix::{OfferedModule, Repository, Source},
};

/// The modules that are meant.
pub(crate) fn choose(
    source: &Source,
    repository: &Repository,
    asked: &[String],
) -> Result<Vec<ModuleSpec>, Error> {
    let offered = || repository.modules.iter().map(|module| module.name.clone()).collect::<Vec<_>>();
    let url = || repository.url.clone();
    if repository.modules.is_empty() {
        return Err(Error::NoModules { url: url() });
    }
    let find = |wanted: &str| {
        let found = repository.modules.iter().find(|module| module.name == wanted || module.attr == wanted);
        found.ok_or_else(|| Error::ModuleNotFound { place: url(), module: wanted.into(), offered: offered() })
    };
    let mut chosen: Vec<&OfferedModule> =
        asked.iter().map(|wanted| find(wanted)).collect::<Result<_, _>>()?;
    if chosen.is_empty() {
        chosen.push(match (&source.attr, repository.modules.as_slice()) {
            (Some(attr), modules) => {
                let named = |module: &&OfferedModule| {
                    module.path == *attr || attr.len() == 1 && attr.first() == module.path.last()
                };
                modules.iter().find(named).ok_or_else(|| Error::ModuleNotFound {
                    place: url(),
                    module: attr.join("."),
                    offered: offered(),
                })?
            }
            (None, [only]) => only,
            (None, modules) => modules
                .iter()
                .find(|module| module.name == "default")
                .ok_or_else(|| Error::ChooseModule { url: url(), offered: offered() })?,
        });
    }
    chosen
        .into_iter()
        .map(|module| match &module.error {
            Some(cause) => {
                Err(Error::ModuleBroken { module: module.name.clone(), url: url(), cause: cause.clone() })
            }
            None => Ok(ModuleSpec {
                name: module.name.clone(),
                url: source.url.clone(),
                attr: module.path.clone(),
            }),
        })
        .collect()
}
