//! Work that a child does while PID 1 goes on: never twice at once, and once more when it is wanted meanwhile.

use std::io;

/// Whether the child runs, and what follows.
#[derive(Debug, Default)]
pub(crate) struct OneAtATime {
    running: Option<i32>,
    again: bool,
}

impl OneAtATime {
    /// Has the work done from what is there now: at once, or after what runs.
    ///
    /// # Errors
    /// What `start`, which gives the child's id, failed with.
    pub(crate) fn want(&mut self, start: impl FnOnce() -> io::Result<i32>) -> io::Result<()> {
        if self.running.is_some() {
            self.again = true;
            return Ok(());
        }
        self.running = Some(start()?);
        Ok(())
    }

    /// The child `pid` ended. Whether it was this one, and the work is wanted again.
    pub(crate) fn ended(&mut self, pid: i32) -> bool {
        if self.running != Some(pid) {
            return false;
        }
        self.running = None;
        std::mem::take(&mut self.again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_meanwhile_is_done_once_afterwards() {
        let mut work = OneAtATime::default();
        work.want(|| Ok(7)).unwrap();
        for _ in 0..3 {
            work.want(|| unreachable!("it runs")).unwrap();
        }
        assert!(!work.ended(8), "another child");
        assert!(work.ended(7));
        work.want(|| Ok(9)).unwrap();
        assert!(!work.ended(9), "nothing was wanted meanwhile");
    }

    #[test]
    fn what_could_not_start_does_not_run() {
        let mut work = OneAtATime::default();
        assert!(work.want(|| Err(io::ErrorKind::OutOfMemory.into())).is_err());
        work.want(|| Ok(7)).unwrap();
        assert!(!work.ended(7));
    }
}
