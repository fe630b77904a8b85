//! What mends a check, as an operation: every command with its output in the log, then the checks again.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    Check, CheckState, Diagnosis,
    commands::{Command, FixId, Own, Part, Plan, Step},
    engines::Names,
    run::Examined,
};
use crate::{
    activity::{LogLevel, LogLine, Observer as _},
    controller::Controller,
    driver::{InstanceState, InstanceStatus, Role, StopMode},
    error::Error,
    host::{HostCommand, OnTold, Told},
    operation::{Door, Journal, Operation, OperationKind, OperationOutcome, Phase},
};

/// What Incus before 6.0.5 says when it gave up on a bridge because an interface of this computer, of any container, went while it
/// looked at all of them (`deleteChildren` in its `internal/server/network/driver_bridge.go`). Its command does it the next time.
pub const INTERFACE_WENT: &str = "Failed to delete bridge children interfaces";

/// How long a command of this user's own may take.
const SHORT: Duration = Duration::from_secs(120);

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
            let mut left = plan.steps.as_slice();
            while !left.is_empty() {
                let begun = left.len() < plan.steps.len();
                if journal.cancel().is_cancelled() && !(whole && begun) {
                    return Err(Error::Cancelled);
                }
                let (now, later) = left.split_at(controller.at_once(left));
                controller.take_steps(now, &journal, whole).await?;
                left = later;
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

    /// How many of the next steps are done at once: those that need the administrator's rights, so that they are asked for once. One after
    /// the other where this process has them. What makes a part of the engine's setup is a turn of its own for who may ask the engine:
    /// it may be there once the engine runs.
    fn at_once(&self, steps: &[Step]) -> usize {
        let user = self.host.user();
        if user.uid == 0 {
            return 1;
        }
        let may_ask = user.groups.iter().any(|group| group.name == Names::of(self.driver.kind()).group);
        let makes = |step: &Step| matches!(step, Step::Make(..));
        let begins_with = steps.first().is_some_and(makes);
        let together = |step: &&Step| step.elevated().is_some() && (!may_ask || makes(step) == begins_with);
        steps.iter().take_while(together).count().max(1)
    }

    async fn take_steps(&self, steps: &[Step], journal: &Journal, whole: bool) -> Result<(), Error> {
        if let [Step::Own(own, _)] = steps {
            return self.take_own_step(*own, journal).await;
        }
        let makes = steps.iter().any(|step| matches!(step, Step::Make(..)));
        // Where it doesn't answer, or not to this user yet, nothing counts as there.
        let report = if makes { self.driver.inspect().await.ok() } else { None };
        let missing = |part: &Part| !report.as_ref().is_some_and(|report| part.is_there(report));
        let commands = steps.iter().filter_map(|step| match step {
            Step::Run(command) => Some(command),
            Step::Make(part, command) => missing(part).then_some(command),
            Step::Own(..) | Step::ByHand(_) => None,
        });
        let commands: Vec<&Command> = commands.collect();
        if commands.is_empty() { Ok(()) } else { self.run_on_host(&commands, journal, whole).await }
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

    /// Runs commands of the host, with the rights that the first one needs; what they print goes to the log. Where they are part of a
    /// `whole`, no cancellation ends them.
    async fn run_on_host(&self, commands: &[&Command], journal: &Journal, whole: bool) -> Result<(), Error> {
        let elevates = commands.first().is_some_and(|command| command.elevates);
        let what = match commands {
            [command] => command.line(),
            _ => format!("{} commands as administrator", commands.len()),
        };
        let run = journal.step(what, self.run_patiently(commands, journal));
        if whole {
            return run.await;
        }
        if !elevates {
            return journal.unless_cancelled(run).await;
        }
        // It can't be ended with this user's rights, and in the middle of it a system's packages are half-installed.
        let mut run = std::pin::pin!(run);
        tokio::select! {
            result = &mut run => return result,
            () = journal.cancel().cancelled() => {}
        }
        let rest = match commands {
            [_] => "this command is finished first; a prompt for a password can be refused".to_owned(),
            _ => format!(
                "these {} commands are finished first; a prompt for a password can be refused",
                commands.len()
            ),
        };
        journal.say(LogLevel::Warning, rest);
        run.await.and(Err(Error::Cancelled))
    }

    /// Runs commands until one fails, and from that one on again where an interface that went broke it.
    async fn run_patiently(&self, mut commands: &[&Command], journal: &Journal) -> Result<(), Error> {
        for attempt in 1.. {
            let (mut begun, mut interface_went) = (0, false);
            let mut told = |told: Told<'_>| match told {
                Told::Begins(number) => {
                    (begun, interface_went) = (number, false);
                    if let Some(command) = commands.get(number) {
                        journal.say(LogLevel::Info, format!("$ {}", command.line()));
                    }
                }
                Told::Prints(text) => {
                    interface_went |= text.contains(INTERFACE_WENT);
                    log(journal, text);
                }
            };
            let ended = self.run_once(commands, &mut told).await;
            let line = commands.get(begun).map(|command| command.line()).unwrap_or_default();
            let code = ended.map_err(|source| Error::FixStart { command: line.clone(), source })?;
            if code == 0 {
                break;
            }
            if !interface_went || attempt == BRIDGE_ATTEMPTS || journal.cancel().is_cancelled() {
                return Err(Error::FixCommand { command: line, code });
            }
            journal.say(LogLevel::Info, "an interface went while the engine looked at it: once more");
            commands = commands.get(begun..).unwrap_or_default();
        }
        Ok(())
    }

    async fn run_once(&self, commands: &[&Command], told: OnTold<'_>) -> std::io::Result<i32> {
        match commands {
            [command] if !command.elevates => {
                told(Told::Begins(0));
                let command = HostCommand { argv: command.argv.clone(), limit: SHORT };
                self.host.run(&command, &mut |line| told(Told::Prints(line))).await
            }
            _ => {
                let commands: Vec<_> = commands.iter().map(|command| command.argv.clone()).collect();
                self.host.run_as_administrator(&commands, told).await
            }
        }
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
