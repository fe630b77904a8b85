//! Collecting garbage in the controller: what nothing there refers to any more is removed from the store.
//!
//! The controller doesn't see into machines. What a user keeps there (`result` of a build, a profile of their own) is for it a link to
//! nowhere, and Nix would remove what it keeps. So the machines are asked first, and while one keeps something nothing is collected.

use std::collections::BTreeSet;

use crate::{
    activity::LogLevel,
    containers,
    controller::Controller,
    driver::{InstanceState, Role},
    error::Error,
    operation::Journal,
};

/// Where the daemon notes links that keep something.
const LINKS: &str = "/nix/var/nix/gcroots/auto";

impl Controller {
    /// Collects garbage. Nobody builds meanwhile.
    ///
    /// # Errors
    /// When a machine keeps something, or can't be asked whether it does.
    pub(crate) async fn collect_garbage(&self, journal: &Journal) -> Result<(), Error> {
        let _alone = self.alone(Some(journal)).await?;
        self.nothing_is_kept_in_machines(journal).await?;
        let text = "programs that run in machines may use what nothing keeps, such as those of `nix shell`";
        journal.say(LogLevel::Warning, text);
        let cancelled = async {
            journal.cancel().cancelled().await;
            "it was cancelled"
        };
        let collect = containers::in_controller(["nix-store", "--gc"]);
        let instance = Role::Controller.instance();
        let run = self.run_in(&instance, collect, journal, cancelled);
        let (code, _) = journal.step("collect garbage", run).await?;
        if journal.cancel().is_cancelled() {
            return Err(Error::Cancelled);
        }
        if code == 0 { Ok(()) } else { Err(Error::FixCommand { command: "nix-store --gc".into(), code }) }
    }

    async fn nothing_is_kept_in_machines(&self, journal: &Journal) -> Result<(), Error> {
        // Followed, only what leads nowhere is still a link.
        let find = ["find", "-L", LINKS, "-maxdepth", "1", "-type", "l", "-exec", "readlink", "{}", ";"];
        let elsewhere = self.lines_of(Role::Controller, &find, journal).await?;
        if elsewhere.is_empty() {
            return Ok(());
        }
        for instance in self.driver.instances().await? {
            let Role::Machine(machine) = instance.role else { continue };
            if instance.state != InstanceState::Running {
                return Err(Error::GarbageUnknown { machine });
            }
            let list = ["ls", "-d", "-1", "--"].into_iter().chain(elsewhere.iter().map(String::as_str));
            let list: Vec<&str> = list.collect();
            let there = self.lines_of(Role::Machine(machine.clone()), &list, journal).await?;
            let kept: Vec<String> = there.intersection(&elsewhere).cloned().collect();
            if !kept.is_empty() {
                return Err(Error::KeptInMachine { machine, kept });
            }
        }
        Ok(())
    }

    /// The absolute paths that a command prints, one a line, whatever its exit code.
    async fn lines_of(
        &self,
        role: Role,
        argv: &[&str],
        journal: &Journal,
    ) -> Result<BTreeSet<String>, Error> {
        let spec = match role {
            Role::Controller => containers::in_controller(argv.iter().copied()),
            Role::Machine(_) => containers::in_machine(argv.iter().copied()),
        };
        let output =
            async { Ok::<_, Error>(self.driver.exec(&role.instance(), spec).await?.output().await?) };
        let output = journal.unless_cancelled(output).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter(|line| line.starts_with('/')).map(str::to_owned).collect())
    }
}
