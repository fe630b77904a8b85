//! The phase `check`, and what it leads to: a machine's container is given what its modules ask for and the host has.

use crate::{
    activity::LogLevel,
    build::Pipeline,
    capability::{self, CapabilityCheck, SSH_AGENT},
    containers,
    controller::Controller,
    doctor::CheckState,
    error::Error,
    machine::MachineName,
    nix::Requirements,
    secret::{AskFor, HostSecret},
};

impl Pipeline<'_> {
    /// Remembers what the user wants to go without from now on, and what not any more.
    pub(crate) fn remember_without(&self) -> Result<(), Error> {
        let given = &self.options.dialogue.answers;
        let named = || given.without.iter().chain(&given.with);
        if let Some(unknown) = named().find(|name| capability::named(name).is_none()) {
            let known: Vec<&str> = capability::ALL.iter().map(|capability| capability.name).collect();
            let known = known.join(", ");
            return Err(Error::Argument(format!("there is no capability '{unknown}'; there are {known}")));
        }
        if named().next().is_some() && !self.options.dry_run {
            self.controller.machines.update_answers(self.machine, |answers| answers.take_without(given))?;
        }
        Ok(())
    }

    /// Whether nothing may be built for these requirements before the user has decided, or the host has been mended.
    pub(crate) fn lacks_what_it_needs(&self, requirements: &Requirements) -> Result<bool, Error> {
        let checks = self.controller.check_capabilities(self.machine, requirements)?;
        Ok(checks.iter().any(CapabilityCheck::prevents_build))
    }

    /// Compares what the modules ask for with what the host has. What is missing and required ends it, unless somebody is there who
    /// will be asked. Returns what is noteworthy.
    pub(crate) fn check(&self, requirements: &Requirements) -> Result<Vec<String>, Error> {
        let Self { controller, journal, machine, options, .. } = self;
        let checks = controller.check_capabilities(machine, requirements)?;
        if checks.is_empty() {
            journal.skip();
            return Ok(vec![]);
        }
        let mut noteworthy = Vec::new();
        for CapabilityCheck { capability, check, without, .. } in &checks {
            let (level, text) = match check.state {
                CheckState::Ok if *without => {
                    (LogLevel::Info, format!("{capability}: left out, as you wished"))
                }
                CheckState::Ok => (LogLevel::Info, format!("{capability}: {}", check.evidence)),
                CheckState::Warn => {
                    let text = format!("without {capability}: {}", check.explanation);
                    noteworthy.push(text.clone());
                    (LogLevel::Warning, text)
                }
                _ => (LogLevel::Error, format!("{capability} is missing: {}", check.explanation)),
            };
            journal.say(level, text);
            if capability == SSH_AGENT && check.state == CheckState::Ok && !without {
                noteworthy.extend(controller.agent_withheld(machine)?);
            }
        }
        let missing: Vec<CapabilityCheck> =
            checks.into_iter().filter(CapabilityCheck::prevents_build).collect();
        // A dry run changes nothing, and shows what would be built all the same.
        if missing.is_empty() || options.dry_run || options.dialogue.ask_for == AskFor::Everything {
            return Ok(noteworthy);
        }
        Err(Error::MissingCapabilities { machine: (*machine).clone(), missing })
    }
}

impl Controller {
    /// Has operations that wait for what this computer lacked look again: it may be mended.
    pub(crate) fn look_again(&self) {
        for machine in self.known_machines().unwrap_or_default() {
            let last = machine.record.last_operation.and_then(|id| self.operations.read(id).ok().flatten());
            if last.is_some_and(|operation| operation.lacks_capabilities())
                && let Err(error) = self.look_again_at(&machine.name)
            {
                tracing::warn!(machine = %machine.name, %error, "it doesn't look again");
            }
        }
    }

    /// The same for one machine: whichever process waits sees that its answers were written, and looks what is open.
    pub(crate) fn look_again_at(&self, name: &MachineName) -> Result<(), Error> {
        Ok(self.machines.update_answers(name, |_| ())?)
    }

    /// What is noteworthy where a machine asks for the agent and its user hasn't said yes. Who is there is asked after this.
    fn agent_withheld(&self, name: &MachineName) -> Result<Option<String>, Error> {
        Ok(match self.machines.answers(name)?.host_secrets.get(&HostSecret::SshAgent) {
            Some(true) => None,
            Some(false) => Some("without ssh-agent: it isn't allowed to use yours".into()),
            None => Some("without ssh-agent: it may use yours after `--allow ssh-agent`".into()),
        })
    }

    /// What a machine's modules ask of this computer, as they were last evaluated, and what it has.
    ///
    /// # Errors
    /// When there is no such machine, or its files can't be read.
    pub fn capabilities(&self, name: &MachineName) -> Result<Vec<CapabilityCheck>, Error> {
        self.exists(name)?;
        self.check_capabilities(name, &self.machines.record(name)?.requirements)
    }

    /// The same for these requirements.
    pub(crate) fn check_capabilities(
        &self,
        name: &MachineName,
        requirements: &Requirements,
    ) -> Result<Vec<CapabilityCheck>, Error> {
        Ok(capability::check(&*self.host, requirements, &self.machines.answers(name)?))
    }

    /// What a machine's container is to be for a system that asks for this, with what the host has for it now.
    pub(crate) fn machine_spec(
        &self,
        name: &MachineName,
        requirements: &Requirements,
        image: &crate::driver::Image,
    ) -> Result<crate::driver::InstanceSpec, Error> {
        self.machine_spec_as(name, name, requirements, image)
    }

    /// The same for the container of another name than what is known of it has.
    pub(crate) fn machine_spec_as(
        &self,
        known: &MachineName,
        name: &MachineName,
        requirements: &Requirements,
        image: &crate::driver::Image,
    ) -> Result<crate::driver::InstanceSpec, Error> {
        let answers = self.machines.answers(known)?;
        let devices = capability::devices(&*self.host, requirements, &answers, &self.paths.sockets());
        Ok(containers::machine(name, image, devices))
    }

    /// Gives a machine's container what the host has for its system now, and takes away what it hasn't any more.
    pub(crate) async fn configure_machine(&self, name: &MachineName) -> Result<(), Error> {
        self.configure_for(name, &self.machines.record(name)?.given()).await
    }

    /// The same for a system that asks for this.
    pub(crate) async fn configure_for(
        &self,
        name: &MachineName,
        requirements: &Requirements,
    ) -> Result<(), Error> {
        // Without images nothing can be made, but what is there still runs.
        let Some(images) = &self.images else { return Ok(()) };
        let spec = self.machine_spec(name, requirements, &images.machine.image)?;
        Ok(self.driver.configure(&spec).await?)
    }
}
