//! Supervision of one long-running child as a pure state machine: events in, actions out, no clock, no
//! processes. The loop in [`crate::controller`] carries the actions out; `nix-daemon` and the DHCP client are
//! each under one [`Supervisor`].

use std::time::Duration;

/// The first pause after a failure; doubled by each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that lived this long was well: its end starts the pauses from the beginning.
const STABLE: Duration = Duration::from_secs(60);
/// How long a child may take to stop after TERM.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long a child may take to answer its first probe before it is killed and started again.
const ANSWER_GRACE: Duration = Duration::from_secs(20);

/// Where the child stands. Times are since the start of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started yet.
    Idle,
    /// Running, not yet known to work.
    Starting { pid: i32, since: Duration },
    /// Running and working.
    Ready { pid: i32, since: Duration },
    /// Ended; started again at `until`.
    BackOff { until: Duration },
    /// Asked to stop; killed at `deadline`.
    Stopping { pid: i32, deadline: Duration },
    /// Stopped for good.
    Stopped,
}

impl State {
    /// The word for it in health reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            State::Idle | State::Starting { .. } => "starting",
            State::Ready { .. } => "running",
            State::BackOff { .. } => "back-off",
            State::Stopping { .. } => "stopping",
            State::Stopped => "stopped",
        }
    }

    /// The child's process id while there is one.
    pub(crate) fn pid(self) -> Option<i32> {
        match self {
            State::Starting { pid, .. } | State::Ready { pid, .. } | State::Stopping { pid, .. } => Some(pid),
            State::Idle | State::BackOff { .. } | State::Stopped => None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Begin.
    Start,
    /// The child was started.
    Spawned(i32),
    /// The child could not be started; why.
    SpawnFailed(String),
    /// The child answered a probe.
    Answered,
    /// The child with this id ended; how.
    Exited(i32, String),
    /// Time passed: the moment asked for by [`Supervisor::wake_at`] has come.
    Tick,
    /// Stop for good.
    Stop,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start the child and report [`Event::Spawned`] or [`Event::SpawnFailed`].
    Spawn,
    /// Find out whether it works and report [`Event::Answered`].
    Probe,
    /// Ask it to end (TERM).
    Terminate(i32),
    /// Make it end (KILL).
    Kill(i32),
}

/// One supervised child.
#[derive(Debug)]
pub(crate) struct Supervisor {
    state: State,
    restarts: u32,
    failures: u32,
    last_exit: Option<String>,
}

impl Supervisor {
    pub(crate) fn new() -> Self {
        Supervisor { state: State::Idle, restarts: 0, failures: 0, last_exit: None }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// How often the child was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How the child ended last, in words.
    pub(crate) fn last_exit(&self) -> Option<&str> {
        self.last_exit.as_deref()
    }

    /// When [`Event::Tick`] is due next.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        match self.state {
            State::BackOff { until } => Some(until),
            State::Stopping { deadline, .. } => Some(deadline),
            State::Starting { since, .. } => Some(since + ANSWER_GRACE),
            State::Idle | State::Ready { .. } | State::Stopped => None,
        }
    }

    /// Takes one event at time `now`.
    pub(crate) fn on(&mut self, now: Duration, event: Event) -> Vec<Action> {
        match (self.state, event) {
            (State::Idle, Event::Start) => vec![Action::Spawn],
            (State::Idle | State::BackOff { .. }, Event::Spawned(pid)) => {
                self.state = State::Starting { pid, since: now };
                vec![Action::Probe]
            }
            (State::Idle | State::BackOff { .. }, Event::SpawnFailed(why)) => {
                self.back_off(now, why);
                vec![]
            }
            (State::Starting { pid, since }, Event::Answered) => {
                self.state = State::Ready { pid, since };
                vec![]
            }
            (State::Starting { pid, since } | State::Ready { pid, since }, Event::Exited(gone, how))
                if gone == pid =>
            {
                if now.saturating_sub(since) >= STABLE {
                    self.failures = 0;
                }
                self.back_off(now, how);
                vec![]
            }
            (State::BackOff { until }, Event::Tick) if now >= until => {
                self.restarts = self.restarts.saturating_add(1);
                vec![Action::Spawn]
            }
            (State::Starting { pid, since }, Event::Tick) if now >= since + ANSWER_GRACE => {
                // It runs but does not answer: its exit leads to the next start.
                self.state = State::Starting { pid, since: now };
                vec![Action::Kill(pid)]
            }
            (State::Starting { pid, .. } | State::Ready { pid, .. }, Event::Stop) => {
                self.state = State::Stopping { pid, deadline: now + STOP_GRACE };
                vec![Action::Terminate(pid)]
            }
            (State::Idle | State::BackOff { .. }, Event::Stop) => {
                self.state = State::Stopped;
                vec![]
            }
            (State::Stopping { pid, .. }, Event::Exited(gone, how)) if gone == pid => {
                self.last_exit = Some(how);
                self.state = State::Stopped;
                vec![]
            }
            (State::Stopping { pid, deadline }, Event::Tick) if now >= deadline => {
                self.state = State::Stopping { pid, deadline: now + STOP_GRACE };
                vec![Action::Kill(pid)]
            }
            _ => vec![],
        }
    }

    fn back_off(&mut self, now: Duration, how: String) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.last_exit = Some(how);
        self.state = State::BackOff { until: now + pause };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn running(at: Duration) -> Supervisor {
        let mut s = Supervisor::new();
        assert_eq!(s.on(at, Event::Start), [Action::Spawn]);
        assert_eq!(s.on(at, Event::Spawned(7)), [Action::Probe]);
        assert_eq!(s.state().word(), "starting");
        assert_eq!(s.on(at, Event::Answered), []);
        assert_eq!(s.state(), State::Ready { pid: 7, since: at });
        s
    }

    #[test]
    fn an_end_leads_to_a_restart_after_a_pause() {
        let mut s = running(ms(0));
        s.on(ms(500), Event::Exited(7, "signal 9".into()));
        assert_eq!(s.state(), State::BackOff { until: ms(600) });
        assert_eq!(s.last_exit(), Some("signal 9"));
        assert_eq!(s.on(ms(599), Event::Tick), [], "not before its time");
        assert_eq!(s.on(ms(600), Event::Tick), [Action::Spawn]);
        assert_eq!(s.on(ms(601), Event::Spawned(8)), [Action::Probe]);
        assert_eq!((s.state().pid(), s.restarts()), (Some(8), 1));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over_after_a_stable_run() {
        let mut s = running(ms(0));
        let mut now = ms(1);
        let mut pauses = Vec::new();
        for pid in 7..20 {
            s.on(now, Event::Exited(pid, "exit 1".into()));
            let until = s.wake_at().unwrap();
            pauses.push(until - now);
            now = until;
            assert_eq!(s.on(now, Event::Tick), [Action::Spawn]);
            s.on(now, Event::Spawned(pid + 1));
        }
        assert_eq!(&pauses[..4], [ms(100), ms(200), ms(400), ms(800)]);
        assert_eq!(*pauses.last().unwrap(), LONGEST_PAUSE);
        s.on(now + STABLE, Event::Exited(20, "exit 1".into()));
        assert_eq!(s.wake_at(), Some(now + STABLE + FIRST_PAUSE));
    }

    #[test]
    fn the_end_of_another_process_changes_nothing() {
        let mut s = running(ms(0));
        s.on(ms(1), Event::Exited(99, "exit 0".into()));
        assert_eq!(s.state().word(), "running");
    }

    #[test]
    fn a_child_that_cannot_start_is_tried_again_and_the_reason_kept() {
        let mut s = Supervisor::new();
        s.on(ms(0), Event::Start);
        s.on(ms(0), Event::SpawnFailed("no such file".into()));
        assert_eq!((s.state().word(), s.last_exit()), ("back-off", Some("no such file")));
        assert_eq!(s.on(ms(100), Event::Tick), [Action::Spawn]);
        s.on(ms(100), Event::SpawnFailed("no such file".into()));
        assert_eq!(s.wake_at(), Some(ms(300)));
    }

    #[test]
    fn a_child_that_never_answers_is_killed_and_started_again() {
        let mut s = Supervisor::new();
        s.on(ms(0), Event::Start);
        s.on(ms(0), Event::Spawned(7));
        assert_eq!(s.on(ANSWER_GRACE - ms(1), Event::Tick), []);
        assert_eq!(s.on(ANSWER_GRACE, Event::Tick), [Action::Kill(7)]);
        s.on(ANSWER_GRACE, Event::Exited(7, "signal 9".into()));
        assert_eq!(s.state().word(), "back-off");
    }

    #[test]
    fn stop_is_term_then_kill_then_final() {
        let mut s = running(ms(0));
        assert_eq!(s.on(ms(10), Event::Stop), [Action::Terminate(7)]);
        assert_eq!(s.on(ms(20), Event::Stop), [], "once is enough");
        assert_eq!(s.on(ms(10) + STOP_GRACE, Event::Tick), [Action::Kill(7)]);
        assert_eq!(s.on(ms(6000), Event::Exited(7, "signal 9".into())), []);
        assert_eq!(s.state(), State::Stopped);
        assert_eq!(s.on(ms(9000), Event::Tick), []);
        assert_eq!(s.on(ms(9000), Event::Start), [], "never again");
    }

    #[test]
    fn stop_during_a_pause_does_not_start_it_again() {
        let mut s = running(ms(0));
        s.on(ms(1), Event::Exited(7, "exit 1".into()));
        s.on(ms(2), Event::Stop);
        assert_eq!((s.state(), s.wake_at()), (State::Stopped, None));
    }
}
