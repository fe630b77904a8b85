//! The phase `ask`: the operation waits until what its modules need is answered, by whichever door.
//!
//! An answer is a change of the machine's `answers.json` (and of the store of secrets), so it doesn't matter which process gives it.

use notify::RecursiveMode;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    activity::LogLevel,
    build::Pipeline,
    capability::CapabilityCheck,
    containers::setup::ReadyController,
    error::Error,
    nix::Requirements,
    secret::{AskFor, Asks, StoreError, StoreState},
    watch::{self, Watch},
};

/// Everything is answered.
pub(crate) struct Asked {
    /// The controller, which nobody replaces now.
    pub(crate) ready: ReadyController,
    /// Whether somebody was waited for: what isn't built yet may have been removed meanwhile.
    pub(crate) waited: bool,
}

impl Pipeline<'_> {
    /// Returns when nothing is open any more. While an answer is waited for, others may replace the controller: it isn't `ready` any more
    /// then, and what comes back is what it was made into afterwards.
    pub(crate) async fn ask(
        &self,
        requirements: &Requirements,
        ready: ReadyController,
    ) -> Result<Asked, Error> {
        let Self { controller, journal, machine, options, .. } = self;
        let given = &options.dialogue.answers;
        controller.keep_answers(machine, requirements, given).await?;
        let found = controller.find_again(machine, requirements).await?;
        if !found.is_empty() {
            let text = format!("kept from an earlier machine of this name: {}", found.join(", "));
            journal.say(LogLevel::Info, text);
        }
        let strange = given.secrets.keys().filter(|name| !requirements.secrets.contains_key(*name));
        let strange: Vec<&str> = strange.map(String::as_str).collect();
        if !strange.is_empty() {
            let strange = strange.join(", ");
            journal.say(
                LogLevel::Warning,
                format!("no module asks for these secrets that were given: {strange}"),
            );
        }
        let asks_nothing = requirements.secrets.is_empty() && requirements.wanted_host_secrets().is_empty();
        if asks_nothing && requirements.capabilities.is_empty() {
            journal.skip();
            return Ok(Asked { ready, waited: false });
        }
        if self.open(requirements).await?.is_empty() {
            return Ok(Asked { ready, waited: false });
        }
        drop(ready);
        let (_watch, mut changed) = self.watch_answers()?;
        loop {
            let store = controller.store()?;
            let unlocked = controller.unlocked.notified();
            let was_ready = store.state().await == StoreState::Ready;
            // Also at first: an answer may have come before the watch.
            let asks = self.open(requirements).await?;
            if asks.is_empty() {
                journal.go_on();
                let ready = controller.use_controller(Some(journal)).await?;
                return Ok(Asked { ready, waited: true });
            }
            // One that is ready and doesn't give a value has it where only its user can open it: it wouldn't be opened, again and again.
            let is_open = was_ready && store.state().await == StoreState::Ready;
            let may_be_opened = asks.unlock.is_some() && !is_open;
            journal.wait(asks);
            tokio::select! {
                _ = changed.recv() => {}
                () = unlocked => {}
                () = store.opened(), if may_be_opened => {}
                () = journal.cancel().cancelled() => return Err(Error::Cancelled),
            }
        }
    }

    /// Whether a secret that is needed was forgotten since these requirements were built.
    pub(crate) fn lacks_an_answer(&self, requirements: &Requirements) -> Result<bool, Error> {
        let answers = self.controller.machines.answers(self.machine)?;
        Ok(!Asks::open(&self.spec, requirements, &answers, AskFor::Required).is_empty())
    }

    /// What is open now. A secret that is said to be set and isn't in the store any more is open again.
    async fn open(&self, requirements: &Requirements) -> Result<Asks, Error> {
        let Self { controller, machine, spec, options, .. } = self;
        let mut answers = controller.machines.answers(machine)?;
        match controller.lost_values(machine, requirements, &answers).await {
            Ok(lost) if lost.is_empty() => {}
            Ok(lost) => {
                controller.machines.update_answers(machine, |answers| {
                    answers.secrets.retain(|name, _| !lost.contains(name));
                })?;
                answers.secrets.retain(|name, _| !lost.contains(name));
            }
            Err(Error::Store(StoreError::Locked { kind })) => {
                return Ok(Asks { unlock: Some(kind), ..Asks::default() });
            }
            Err(error) => return Err(error),
        }
        let mut asks = Asks::open(spec, requirements, &answers, options.dialogue.ask_for);
        if options.dialogue.ask_for == AskFor::Everything {
            let missing = controller.check_capabilities(machine, requirements)?;
            let missing = missing.into_iter().filter(CapabilityCheck::prevents_build);
            asks.capabilities = missing.map(|missing| missing.check).collect();
        }
        Ok(asks)
    }

    fn watch_answers(&self) -> Result<(Watch, UnboundedReceiver<()>), Error> {
        let directory = self.controller.machines.directory(self.machine);
        let (tell, changed) = unbounded_channel();
        let watch = watch::watch(&directory, RecursiveMode::NonRecursive, move |_| {
            // Nobody listens when the operation is over.
            let _ = tell.send(());
        })?;
        Ok((watch, changed))
    }
}
