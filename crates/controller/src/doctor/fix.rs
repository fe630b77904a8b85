//! What mends a check, as an operation: every command with its output in the log, then the checks again.

use std::{path::PathBuf, sync::Arc};

use super::{
    Check, CheckState, Diagnosis,
    commands::{FixId, Own, Plan, Step},
    run::Examined,
};
use crate::{
    activity::{LogLevel, LogLine, Observer as _},
    controller::Controller,
    driver::{InstanceState, InstanceStatus, Role, StopMode},
    error::Error,
    host::HostCommand,
    operation::{Door, Journal, Operation, OperationKind, OperationOutcome, Phase},
};

/// What Incus before 6.0.5 says when it gave up on a bridge because an interface of this computer, of any container, went while it
/// looked at all of them (`deleteChildren` in its `internal/server/network/driver_bridge.go`). Its command does it the next time.
pub const INTERFACE_WENT: &str = "Failed to delete bridge children interfaces";
/// How often a bridge is tried; each time an interface would have to go within the few milliseconds of the look.
const BRIDGE_ATTEMPTS: u32 = 5;

/// What is to be mended.
#[derive(Clone, Debug)]
pub struct FixRequest {
    /// The id of a fix, or of a check that has one.
    pub id: String,
    /// The file that the fix needs, where it does.
    pub file: Option<PathBuf>,
}

impl Controller {
    /// Begins to mend what a check found. The checks are made again first: what is run is what they say then.
    ///
    /// # Errors
    /// When there is no such check, it needs no fix, or nothing is known that mends it.
    pub async fn fix(self: &Arc<Self>, request: &FixRequest, door: Door) -> Result<Operation, Error> {
        let (plan, before) = self.planned(request).await?;
        self.spawn(OperationKind::Fix, None, door, async move |controller, journal| {
            journal.enter(Phase::Fix);
            // Half of it would leave machines without a network: once begun it is finished.
            let whole = plan.id == FixId::Bridge;
            for (number, step) in plan.steps.iter().enumerate() {
                if journal.cancel().is_cancelled() && !(whole && number > 0) {
                    return Err(Error::Cancelled);
                }
                controller.take_step(step, &journal, whole).await?;
            }
            if plan.id == FixId::Certificates {
                controller.pass_on_trust(&journal).await?;
            }
            journal.enter(Phase::Verify);
            let warnings = controller.verify(plan.id, &before, &journal).await?;
            if plan.id == FixId::Capability {
                controller.look_again();
            }
            Ok(OperationOutcome { changed: true, warnings, ..OperationOutcome::default() })
        })
    }

    /// What mends the check, and the check.
    async fn planned(&self, request: &FixRequest) -> Result<(Plan, Check), Error> {
        let Examined { diagnosis, plans } = self.examine().await;
        let Some(check) = diagnosis.named(&request.id) else {
            return Err(Error::NoSuchCheck { id: request.id.clone(), known: ids(&diagnosis) });
        };
        let plan =
            diagnosis.checks.iter().zip(plans).find(|(one, _)| one.id == check.id).and_then(|(_, plan)| plan);
        let Some(plan) = plan else {
            return Err(match check.state {
                CheckState::Ok => Error::NothingToFix { title: check.title.clone() },
                _ => Error::NoFix { title: check.title.clone(), explanation: check.explanation.clone() },
            });
        };
        let shown = plan.shown();
        if shown.by_hand {
            return Err(Error::FixByHand { title: check.title.clone(), commands: shown.commands });
        }
        if !shown.needs_file {
            return Ok((plan, check.clone()));
        }
        let Some(file) = &request.file else {
            return Err(Error::FixNeedsFile { id: plan.id.word().to_owned() });
        };
        let absolute = std::path::absolute(file).ok().filter(|file| file.is_file());
        match absolute.as_ref().and_then(|file| file.to_str()) {
            Some(file) => Ok((plan.with_file(file), check.clone())),
            None => Err(Error::Argument(format!("there is no file {}", file.display()))),
        }
    }

    async fn take_step(&self, step: &Step, journal: &Journal, whole: bool) -> Result<(), Error> {
        match step {
            Step::Run(command) => self.run_on_host(command, journal, whole).await,
            Step::Make(part, command) => {
                // A user who may not ask yet has the administrator do it; what is there already is told apart then.
                let there = self.driver.inspect().await.is_ok_and(|report| part.is_there(&report));
                if there { Ok(()) } else { self.run_on_host(command, journal, whole).await }
            }
            Step::Own(own, _) => self.take_own_step(*own, journal).await,
            Step::ByHand(_) => Ok(()),
        }
    }

    async fn take_own_step(&self, own: Own, journal: &Journal) -> Result<(), Error> {
        let instance = Role::Controller.instance();
        match own {
            Own::Prepare => drop(self.use_controller(Some(journal)).await?),
            Own::Reinstall => {
                let _alone = self.alone(Some(journal)).await?;
                // It may be there in part only.
                if self.driver.instance(&instance).await?.is_some() {
                    journal.step("stop the controller", self.driver.stop(&instance, StopMode::Force)).await?;
                    journal.step("delete the controller", self.driver.delete(&instance)).await?;
                }
            }
            Own::Restart => {
                // Not alone: what it hangs in are the operations that use it.
                journal.step("stop the controller", self.driver.stop(&instance, StopMode::Force)).await?;
                drop(self.use_controller(Some(journal)).await?);
            }
            Own::Collect => self.collect_garbage(journal).await?,
        }
        Ok(())
    }

    /// Brings what this computer trusts now to the controller and to the machines that run.
    async fn pass_on_trust(&self, journal: &Journal) -> Result<(), Error> {
        let instances = self.driver.instances().await.unwrap_or_default();
        let runs = |one: &&InstanceStatus| one.state == InstanceState::Running;
        for instance in instances.iter().filter(runs) {
            match &instance.role {
                Role::Controller => drop(self.use_controller(Some(journal)).await?),
                Role::Machine(name) => drop(self.deliver_if_running(name).await?),
            }
        }
        Ok(())
    }

    /// Runs a command of the host; what it prints goes to the log. Where it is part of a `whole`, no cancellation ends it.
    async fn run_on_host(&self, command: &HostCommand, journal: &Journal, whole: bool) -> Result<(), Error> {
        let line = command.argv.join(" ");
        journal.say(LogLevel::Info, format!("$ {line}"));
        let run = async {
            for attempt in 1.. {
                let mut interface_went = false;
                let mut tell = |text: &str| {
                    interface_went |= text.contains(INTERFACE_WENT);
                    log(journal, text);
                };
                let code = self.host.run(command, &mut tell).await;
                let code = code.map_err(|source| Error::FixStart { command: line.clone(), source })?;
                if code == 0 {
                    break;
                }
                if !interface_went || attempt == BRIDGE_ATTEMPTS || journal.cancel().is_cancelled() {
                    return Err(Error::FixCommand { command: line.clone(), code });
                }
                journal.say(LogLevel::Info, "an interface went while the engine looked at it: once more");
            }
            Ok(())
        };
        let run = journal.step(line.clone(), run);
        if whole {
            return run.await;
        }
        if !command.elevates {
            return journal.unless_cancelled(run).await;
        }
        // It can't be ended with this user's rights, and in the middle of it a system's packages are half-installed.
        let mut run = std::pin::pin!(run);
        tokio::select! {
            result = &mut run => return result,
            () = journal.cancel().cancelled() => {}
        }
        journal.say(LogLevel::Warning, "this step is finished first; a prompt for a password can be refused");
        run.await.and(Err(Error::Cancelled))
    }

    /// The checks that were to be mended don't fail any more, and the one that was asked for isn't as it was. Returns what is noteworthy.
    async fn verify(&self, id: FixId, before: &Check, journal: &Journal) -> Result<Vec<String>, Error> {
        let diagnosis = journal.step("check again", async { Ok::<_, Error>(self.diagnose().await) }).await?;
        let mut warnings = Vec::new();
        for check in diagnosis
            .checks
            .iter()
            .filter(|check| check.id == before.id || id.mends().contains(&check.id.as_str()))
        {
            journal.say(LogLevel::Info, format!("{}: {}", check.title, check.explanation));
            // A new group counts for new sessions only: that is as far as it can be mended from here.
            let until_login = check.reason == "relogin" && matches!(id, FixId::Engine | FixId::EngineGroup);
            let after_login = check.reason == "no_engine" && id == FixId::Engine;
            match check.state {
                CheckState::Fail if until_login => warnings.push(check.explanation.clone()),
                CheckState::Unknown if after_login => {}
                CheckState::Warn if check.id != before.id || check.reason != before.reason => {
                    warnings.push(check.explanation.clone());
                }
                CheckState::Fail | CheckState::Unknown | CheckState::Warn => {
                    return Err(Error::StillFails {
                        title: check.title.clone(),
                        explanation: check.explanation.clone(),
                        evidence: check.evidence.clone(),
                    });
                }
                CheckState::Ok => {}
            }
        }
        Ok(warnings)
    }
}

fn log(journal: &Journal, text: &str) {
    journal.log(LogLine { activity: None, level: LogLevel::Output, text: text.to_owned() });
}

fn ids(diagnosis: &Diagnosis) -> Vec<String> {
    diagnosis.checks.iter().filter(|check| check.fix.is_some()).map(|check| check.id.clone()).collect()
}
