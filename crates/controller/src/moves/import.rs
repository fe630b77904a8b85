//! Making a machine from a file that one was exported to. It is built and asked for as any new one; all of the file is checked before
//! anything is written down.

use std::{path::PathBuf, sync::Arc};

use crate::{
    build::{BuildOptions, Dialogue},
    controller::Controller,
    error::Error,
    machine::{MachineName, MachineSpec, NixpkgsChoice},
    moves::{
        archive::{self, Archive, ArchiveContents},
        export::blocking,
        origin::{Draft, Origin, Source},
    },
    operation::{Door, Operation, OperationKind},
    secret::{Answers, SecretAnswer, SecretValue, Values},
};

/// A machine to make from a file.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The file's absolute path.
    pub path: PathBuf,
    /// Its name, where it isn't to have the one in the file.
    pub name: Option<MachineName>,
    /// Opens the secrets in the file. Without it they are asked for.
    pub passphrase: Option<SecretValue>,
    /// Whether to start it.
    pub start: bool,
    /// What is answered beforehand, and asked.
    pub dialogue: Dialogue,
}

impl Controller {
    /// What is in a file that a machine was exported to.
    ///
    /// # Errors
    /// When it is something else, damaged or of a newer Codchi.
    pub async fn archive(&self, path: PathBuf) -> Result<ArchiveContents, Error> {
        blocking(move || Ok(Archive::open(&path)?.contents())).await
    }

    /// Makes a machine from a file. One whose import didn't end is continued. The file must stay until it has.
    ///
    /// # Errors
    /// Before the operation begins, and then nothing changed: a file that can't be used, a wrong passphrase, a taken name.
    pub async fn import(self: &Arc<Self>, request: ImportRequest, door: Door) -> Result<Operation, Error> {
        let ImportRequest { path, name, passphrase, start, mut dialogue } = request;
        let opened = path.clone();
        let Archive { manifest, lock, sealed, data, .. } = blocking(move || Archive::open(&opened)).await?;
        let name = name.unwrap_or_else(|| manifest.name.clone());
        let source = Source::Archive { path: path.clone() };
        if !self.free_or_draft_of(&name, &source)? {
            self.has_no_container(&name).await?;
        }
        let spec = self.checked(&path, manifest.spec)?;
        if let Some(size) = data {
            self.has_room(&path, size).await?;
        }
        if let (Some(sealed), Some(passphrase)) = (sealed, passphrase) {
            let values = self.unseal(sealed, passphrase).await?;
            // What is given beside it counts more.
            for (secret, value) in values.into_iter().filter(|(secret, _)| manifest.set.contains(secret)) {
                dialogue.answers.secrets.entry(secret).or_insert(value);
            }
        }
        let later = manifest.later.into_iter().map(|secret| (secret, SecretAnswer::Later));
        let draft = Draft {
            spec: spec.clone(),
            lock,
            answers: Answers { secrets: later.collect(), ..Answers::default() },
            origin: Origin { source: source.clone(), data: data.is_some(), filled: false },
            start,
        };
        let machine = self.lock(&name)?;
        // Somebody may have taken the name meanwhile.
        self.free_or_draft_of(&name, &source)?;
        self.write_draft(&name, &draft)?;
        let options = BuildOptions { update: false, dry_run: false, start, dialogue };
        self.spawn_build(OperationKind::Create, machine, door, spec, options)
    }

    /// What a stranger's file wants of a machine, as this computer has it.
    fn checked(&self, path: &std::path::Path, spec: MachineSpec) -> Result<MachineSpec, Error> {
        let mut modules = Vec::with_capacity(spec.modules.len());
        for mut module in spec.modules {
            module.url = self.parse_source(&module.url, None)?.url;
            if module.name.is_empty() || module.attr.is_empty() {
                return Err(archive::unusable(path, "it has a module without a name"));
            }
            if modules.iter().any(|other: &crate::machine::ModuleSpec| other.name == module.name) {
                return Err(archive::unusable(path, "two of its modules have the same name"));
            }
            modules.push(module);
        }
        match &spec.nixpkgs {
            NixpkgsChoice::Module { module } if !modules.iter().any(|one| one.name == *module) => {
                Err(archive::unusable(path, "it is to use the nixpkgs of a module that it doesn't have"))
            }
            _ => Ok(MachineSpec { driver: self.driver.kind(), modules, ..spec }),
        }
    }

    /// Whether the machine's own files fit into the engine's pool. Where that isn't known they may.
    async fn has_room(&self, path: &std::path::Path, size: u64) -> Result<(), Error> {
        let report = self.driver.inspect().await?;
        match report.used_pool().and_then(|pool| pool.space) {
            Some(room) if room.free() < size => Err(archive::unusable(
                path,
                &format!(
                    "its files have {} MiB, and there is room for {} MiB",
                    size >> 20,
                    room.free() >> 20
                ),
            )),
            _ => Ok(()),
        }
    }

    async fn unseal(&self, sealed: Vec<u8>, passphrase: SecretValue) -> Result<Values, Error> {
        let sealer = Arc::clone(&self.sealer);
        blocking(move || Ok(sealer.unseal(&sealed, &passphrase)?)).await
    }
}
