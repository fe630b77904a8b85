//! Collecting garbage in the controller: what nothing refers to any more is removed from the store. What links in machines refer to is kept,
//! also in those that are stopped.

use crate::{
    activity::LogLevel, containers, controller::Controller, driver::Role, error::Error, operation::Journal,
};

impl Controller {
    /// Collects garbage. Nobody builds meanwhile.
    ///
    /// # Errors
    /// When the files of a machine can't be seen, so that nobody knows what its user keeps.
    pub(crate) async fn collect_garbage(&self, journal: &Journal) -> Result<(), Error> {
        let _alone = self.alone(Some(journal)).await?;
        self.nix.release_all().await?;
        let seen = self.keep_roots().await?;
        for instance in self.driver.instances().await? {
            match instance.role {
                Role::Machine(machine) if !seen.contains(machine.as_str()) => {
                    return Err(Error::GarbageUnknown { machine });
                }
                _ => {}
            }
        }
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
}
