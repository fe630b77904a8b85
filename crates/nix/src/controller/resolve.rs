//! From a specification to a locked flake in the controller.

use std::collections::BTreeSet;

use codchi_controller::{
    machine::{MachineName, MachineSpec, NixpkgsChoice},
    nix::{NixError, Run},
};
use futures::future::try_join_all;

use super::{
    ANSWER, ControllerNix,
    exec::{Input, Limits},
    failure::Origins,
    lock::Lock,
    machine_dir,
    mirror::in_controller,
    system,
    view::View,
};
use crate::flake;

/// What is done with the lock file.
enum Locking<'a> {
    /// It is complete and still fits.
    Keep,
    /// What is missing is added.
    Complete,
    /// These inputs are locked anew, what is missing is added.
    Update(Vec<&'a str>),
    /// All inputs are locked anew.
    UpdateAll,
}

impl ControllerNix {
    pub(super) async fn lock_inputs(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        known: Option<&str>,
        update: bool,
        run: Run<'_>,
    ) -> Result<String, NixError> {
        let action = "prepare the machine's flake";
        let failed = |message: String| NixError::Failed { action: action.to_owned(), message };
        let inputs = flake::inputs(spec).map_err(|error| failed(error.to_string()))?;
        let text = flake::render(spec, &system(), |flake| in_controller(flake).nix_url())
            .map_err(|error| failed(error.to_string()))?;
        let machine_json = serde_json::to_vec_pretty(spec).map_err(|error| failed(error.to_string()))?;

        let lock = known.and_then(Lock::parse);
        let dir = machine_dir(machine);
        let mut files: Vec<(&str, &[u8])> =
            vec![("flake.nix", text.as_bytes()), ("machine.json", &machine_json)];
        // A lock that can't be read is made anew; Nix would only fail on it.
        if let (Some(known), Some(_)) = (known, &lock) {
            files.push(("flake.lock", known.as_bytes()));
        }
        let mirror = async {
            let all = try_join_all(inputs.iter().map(|input| async {
                let mut origins = Origins::default();
                origins.input(&input.name, &input.flake.url());
                self.mirror(&input.flake, run.cancel, &mut origins).await.map(|_| origins)
            }));
            Ok(all.await?.into_iter().fold(Origins::of_machine(machine), Origins::and))
        };
        let check = async {
            match (&lock, known) {
                _ if update => Ok(Locking::UpdateAll),
                (Some(lock), Some(_)) => {
                    let sources: Vec<_> = inputs
                        .iter()
                        .map(|input| (input.name.as_str(), in_controller(&input.flake)))
                        .collect();
                    let complete =
                        lock.covers(sources.iter().map(|(name, flake)| (*name, flake)), &nixpkgs_of(spec));
                    let stale = self.changed_directories(lock).await?;
                    Ok(match lock.inputs_with(&stale) {
                        stale if !stale.is_empty() => Locking::Update(stale),
                        _ if complete => Locking::Keep,
                        _ => Locking::Complete,
                    })
                }
                _ => Ok(Locking::Complete),
            }
        };
        let (origins, (), locking) = tokio::try_join!(mirror, self.put(&dir, &files), check)?;

        let target = format!("path:{dir}");
        let args = match &locking {
            Locking::Keep => return Ok(known.unwrap_or_default().to_owned()),
            Locking::Complete => vec!["flake", "lock", &target],
            Locking::Update(inputs) => ["flake", "update"]
                .into_iter()
                .chain(inputs.iter().copied())
                .chain(["--flake", &target])
                .collect(),
            Locking::UpdateAll => vec!["flake", "update", "--refresh", "--flake", &target],
        };
        let limits = Limits { time: None, stdout: ANSWER };
        self.run_nix(
            "fetch the modules' sources",
            "the modules' sources",
            View::of_machine(machine, spec).limit(Self::nix(&args)),
            limits,
            run,
            &origins,
        )
        .await?;
        let cat = Self::command(["cat", &format!("{dir}/flake.lock")]);
        let bytes = self.ask("read the lock of the machine's flake", cat, Input::Nothing).await?;
        String::from_utf8(bytes).map_err(|_| failed("its lock is not text".into()))
    }

    /// The directories of the controller whose content isn't what `lock` says: Codchi's own flake after an upgrade, for example.
    async fn changed_directories<'a>(&self, lock: &'a Lock) -> Result<BTreeSet<&'a str>, NixError> {
        let directories = lock.directories();
        if directories.is_empty() {
            return Ok(BTreeSet::new());
        }
        let argv = ["nix", "--extra-experimental-features", "nix-command", "hash", "path", "--"];
        let spec = Self::command(argv.into_iter().chain(directories.keys().copied()));
        let output = self.try_ask("look at the builtin nixpkgs", spec, Input::Nothing).await?;
        let hashes = String::from_utf8_lossy(&output.stdout);
        let mut hashes = hashes.lines();
        // A directory that can't be read has changed, too.
        Ok(directories
            .into_iter()
            .filter(|(_, hash)| hashes.next() != Some(hash))
            .map(|(path, _)| path)
            .collect())
    }
}

/// The input whose nixpkgs the machine uses.
fn nixpkgs_of(spec: &MachineSpec) -> String {
    let of_module = |wanted: &String| {
        let module = spec.modules.iter().find(|module| module.name == *wanted)?;
        spec.inputs().into_iter().find(|(_, url)| *url == module.url).map(|(name, _)| name)
    };
    match &spec.nixpkgs {
        NixpkgsChoice::Builtin => None,
        NixpkgsChoice::Module { module } => of_module(module),
    }
    .unwrap_or_else(|| "codchi".to_owned())
}
