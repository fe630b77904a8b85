//! Collecting garbage in the controller: what nothing refers to any more is removed from the store. What links in machines refer to is kept,
//! also in those that are stopped.

use crate::{
    activity::LogLevel, containers, controller::Controller, driver::Role, error::Error,
    moves::origin::Origin, operation::Journal,
};

impl Controller {
    /// Collects garbage. Nobody builds meanwhile.
    ///
    /// # Errors
    /// When the files of a machine can't be seen, so that nobody knows what its user keeps.
    pub(crate) async fn collect_garbage(&self, journal: &Journal) -> Result<(), Error> {
        let _alone = self.alone(Some(journal)).await?;
        self.nix.release_all().await?;
        self.forget_deleted().await?;
        let seen = self.keep_roots().await?;
        for instance in self.driver.instances().await? {
            let Role::Machine(machine) = instance.role else { continue };
            if seen.contains(machine.as_str()) {
                continue;
            }
            let origin = self.machines.record(&machine)?.origin;
            if may_keep(instance.never_started, origin.as_ref()) {
                return Err(Error::GarbageUnknown { machine });
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

/// Whether something of a user may be in a machine: not in one that was never started, unless it was made with another one's files.
fn may_keep(never_started: bool, origin: Option<&Origin>) -> bool {
    !never_started || origin.is_some_and(|origin| origin.data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moves::origin::Source;

    #[test]
    fn only_what_is_new_keeps_nothing() {
        let origin = |data| Origin {
            source: Source::Machine { machine: "other".parse().unwrap() },
            data,
            filled: data,
        };
        assert!(!may_keep(true, None));
        assert!(!may_keep(true, Some(&origin(false))));
        assert!(may_keep(true, Some(&origin(true))), "a copy has files before its first start");
        assert!(may_keep(false, None));
    }
}
