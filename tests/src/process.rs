//! A process that ends with its owner, and one that cleans up after an owner who could not.

use std::{
    ffi::OsStr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A child process; dropping it ends it.
pub struct Process(Child);

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program())))
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("its stdin was piped")
    }

    /// What it says.
    ///
    /// # Panics
    /// When that isn't piped, or was taken.
    pub fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("its stdout was piped")
    }

    /// Its exit code, once it has ended; `None` in it when a signal ended it.
    pub(crate) fn ended(&mut self) -> Option<Option<i32>> {
        self.0.try_wait().unwrap().map(|status| status.code())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is to be done when this process is ended before it could do so itself: a shell, in a session of its own, that waits for the
/// other end of its stdin to go away. Dropping this is the same signal, so the script must find nothing to do when all is done.
pub struct AfterDeath {
    waiting: Child,
}

impl AfterDeath {
    /// Runs this script with `$1` and so on as in `args`.
    ///
    /// # Panics
    /// When there is no `setsid` or `sh`.
    pub fn run<S: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", &format!("cat >/dev/null; {script}"), "sh"]).args(args);
        let waiting = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { waiting: waiting.expect("setsid and sh") }
    }
}

impl Drop for AfterDeath {
    fn drop(&mut self) {
        drop(self.waiting.stdin.take());
        let _ = self.waiting.wait();
    }
}

/// Whether a process still runs. One that has ended doesn't, also while nobody has waited for it.
pub(crate) fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // Its name comes before, with anything in it.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// The processes that this one started and that still run.
pub(crate) fn children(id: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// A process and all that it started, directly or not.
pub(crate) fn family(id: u32) -> Vec<u32> {
    let mut family = vec![id];
    let mut next = 0;
    while let Some(&id) = family.get(next) {
        // A child is listed under the thread that started it.
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        for thread in threads {
            let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            family.extend(list.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        next += 1;
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_until_it_has_ended_and_not_until_somebody_waited_for_it() {
        let mut process = Process::spawn(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()));
        let id = process.id();
        assert!(runs(id));
        drop(process.stdin());
        while runs(id) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(process.ended(), Some(Some(0)));
        assert!(!runs(id));
    }
}
