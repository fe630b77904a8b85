//! Which modules a repository offers: one evaluation in pure mode that builds nothing.

use std::time::Duration;

use codchi_controller::nix::{NixError, OfferedModule, OfferedNixpkgs, Problem, Repository, Run, Source};
use futures::{StreamExt as _, stream};
use serde::{Deserialize, de::DeserializeOwned};

use super::{ANSWER, ControllerNix, exec::Limits, failure::Origins, view::View};
use crate::{attr_path, flake_ref, sanitize};

/// How long it may take, with fetching.
const TIME: Duration = Duration::from_secs(60);
/// How much memory the evaluation may take, in bytes (Nix' garbage collector heeds it).
const MEMORY: u64 = 4 << 30;
/// Where the flake lies that looks at a repository; always the same bytes.
pub(super) const DIR: &str = "/config/discovery";
/// No more modules than these are shown.
const MOST_MODULES: usize = 1000;
/// When looking at all at once fails, so many are looked at one by one.
const MOST_LOOKED_AT: usize = 64;
/// So many of them at a time.
const AT_A_TIME: usize = 4;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 300;

/// What `offer.nix` answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    rev: Option<String>,
    modules: Vec<Module>,
    direct_nixpkgs: bool,
    nix_config: bool,
    strange: Vec<String>,
}

#[derive(Deserialize)]
struct Module {
    path: Vec<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

impl ControllerNix {
    pub(super) async fn discover(&self, source: &Source, run: Run<'_>) -> Result<Repository, NixError> {
        let flake = flake_ref::parse(&source.url).map_err(|error| NixError::Failed {
            action: "read the repository".into(),
            message: error.reason,
        })?;
        let mut origins = Origins::default();
        let put = self.put(
            DIR,
            &[
                ("flake.nix", include_bytes!("discovery/flake.nix")),
                ("offer.nix", include_bytes!("discovery/offer.nix")),
            ],
        );
        let (mirrored, put) = tokio::join!(self.mirror(&flake, run.cancel, &mut origins), put);
        put?;
        let mirrored = mirrored?;
        let url = mirrored.flake.nix_url();
        origins.input("repository", &source.url);

        let view = View::of_repository(&source.url, &flake);
        let look = Look { source, url: &url, view: &view, run, origins: &origins, again: false };
        let offer = match self.look::<Offer>(look, "offer").await {
            Err(error @ NixError::Evaluation { .. }) => self.one_by_one(look).await.ok_or(error)?,
            offer => offer?,
        };
        Ok(repository(source, offer, mirrored.uncommitted))
    }

    /// What the flake at [`DIR`] says of the repository under this name.
    async fn look<T: DeserializeOwned>(&self, look: Look<'_>, name: &str) -> Result<T, NixError> {
        let Look { source, url, view, run, origins, again } = look;
        let target = format!("path:{DIR}#{name}");
        let mut args = vec!["eval", "--json", "--no-write-lock-file"];
        if !again {
            args.push("--refresh");
        }
        args.extend([target.as_str(), "--override-input", "repository", url]);
        let spec = view.limit(Self::nix(&args)).env("GC_MAXIMUM_HEAP_SIZE", MEMORY.to_string());
        let limits = Limits { time: Some(TIME), stdout: ANSWER };
        let action = format!("read the modules of {}", source.url);
        let json = self.run_nix(&action, &source.url, spec, limits, run, origins).await?;
        serde_json::from_slice(&json).map_err(|error| NixError::Failed {
            action,
            message: format!("the answer has an unexpected form: {error}"),
        })
    }

    /// Looks at each module alone, so that one that fails says why and the others can be used. `None` when it isn't a module that fails.
    async fn one_by_one(&self, first: Look<'_>) -> Option<Offer> {
        let look = Look { again: true, ..first };
        let mut offer: Offer = self.look(look, "names").await.ok()?;
        let looked_at = std::mem::take(&mut offer.modules).into_iter().take(MOST_LOOKED_AT).enumerate().map(
            |(n, module)| async move {
                match self.look::<Module>(look, &format!("each.m{n}")).await {
                    Ok(module) => Some(module),
                    Err(NixError::Evaluation { cause, .. }) => Some(Module { error: Some(cause), ..module }),
                    Err(_) => None,
                }
            },
        );
        let looked_at: Vec<Option<Module>> = stream::iter(looked_at).buffered(AT_A_TIME).collect().await;
        offer.modules = looked_at.into_iter().collect::<Option<_>>()?;
        Some(offer)
    }
}

/// One look at a repository.
#[derive(Clone, Copy)]
struct Look<'a> {
    source: &'a Source,
    /// As Nix gets it.
    url: &'a str,
    view: &'a View,
    run: Run<'a>,
    origins: &'a Origins,
    /// Whether it was just fetched.
    again: bool,
}

fn repository(source: &Source, offer: Offer, uncommitted: bool) -> Repository {
    let mut problems = Vec::new();
    let mut problem = |code: &str, message: String| problems.push(Problem { code: code.into(), message });
    if offer.modules.is_empty() {
        problem(
            "no_modules",
            "the repository offers no modules: its flake has neither nixosModules nor codchiModules".into(),
        );
    }
    if offer.modules.len() > MOST_MODULES {
        problem(
            "many_modules",
            format!("only the first {MOST_MODULES} of {} modules are shown", offer.modules.len()),
        );
    }
    if offer.nix_config {
        problem("nix_config_ignored", "the flake has a nixConfig, which is not used".into());
    }
    if uncommitted {
        problem(
            "uncommitted_changes",
            "the repository has changes that are not committed; they are not seen".into(),
        );
    }
    if source.had_credentials {
        problem(
            "credentials_ignored",
            "the password or token in the address was left out and is not used".into(),
        );
    }
    for strange in offer.strange {
        problem("not_modules", format!("the flake's {} is not a set of modules", sanitize::plain(&strange)));
    }
    let module = |module: Module| {
        let text = |text: String| sanitize::plain_text(&text);
        let description =
            module.description.map(text).map(|text| text.chars().take(LONGEST_DESCRIPTION).collect());
        OfferedModule {
            attr: sanitize::plain(&attr_path::render(&module.path)).into_owned(),
            name: module.path.last().map(|name| sanitize::plain(name).into_owned()).unwrap_or_default(),
            path: module.path,
            description,
            error: module.error.map(text),
        }
    };
    Repository {
        url: source.url.clone(),
        rev: offer.rev,
        modules: offer.modules.into_iter().take(MOST_MODULES).map(module).collect(),
        nixpkgs: OfferedNixpkgs { direct: offer.direct_nixpkgs },
        problems,
    }
}
