//! Making a machine like another one: the same modules at the same commits, and its own files where its user wants them.
//!
//! Secrets come along only when that was said. What the first one may use of the user's own never does: it is asked for again. What this
//! computer lacks and the first one was built without, the second one is built without too.

use std::sync::Arc;

use crate::{
    build::{BuildOptions, Dialogue},
    controller::Controller,
    error::Error,
    machine::MachineName,
    moves::origin::{Draft, Origin, Source},
    operation::{Door, Operation, OperationKind},
    secret::Answers,
};

/// A machine to make like another one.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// The one there is.
    pub machine: MachineName,
    /// The new one's name.
    pub name: MachineName,
    /// Whether its own files are copied.
    pub data: bool,
    /// Whether its secrets are copied; else they are asked for.
    pub secrets: bool,
    /// Whether to start it.
    pub start: bool,
    /// What is answered beforehand, and asked.
    pub dialogue: Dialogue,
}

impl Controller {
    /// Makes a machine like another one. One whose making didn't end is continued.
    ///
    /// # Errors
    /// Before the operation begins: no such machine, a taken name, a store of secrets that can't be read.
    pub async fn duplicate(self: &Arc<Self>, request: Duplicate, door: Door) -> Result<Operation, Error> {
        let Duplicate { machine: original, name, data, secrets, start, mut dialogue } = request;
        let spec = self.wanted(&original)?;
        if let Some(renaming) = self.renaming_with(&original)? {
            return Err(renaming.unfinished());
        }
        let source = Source::Machine { machine: original.clone() };
        if !self.free_or_draft_of(&name, &source)? {
            self.has_no_container(&name).await?;
        }
        let lock = self.machines.lock(&original)?;
        let answers = self.machines.answers(&original)?;
        if secrets {
            for (secret, value) in self.all_values(&original).await? {
                dialogue.answers.secrets.entry(secret).or_insert(value);
            }
        }
        // One that was never built has no files.
        let data = data && self.machines.record(&original)?.built.is_some();
        let draft = Draft {
            spec: spec.clone(),
            lock,
            answers: Answers { without: answers.without.clone(), ..answers.for_a_copy() },
            origin: Origin { source: source.clone(), data, filled: false },
            start,
        };
        let machine = self.lock(&name)?;
        self.free_or_draft_of(&name, &source)?;
        self.write_draft(&name, &draft)?;
        let options = BuildOptions { update: false, dry_run: false, start, dialogue };
        self.spawn_build(OperationKind::Create, machine, door, spec, options)
    }
}
