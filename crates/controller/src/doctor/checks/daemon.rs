//! Does the nix-daemon answer.

use super::controller::{Asked, Health};
use crate::{
    doctor::{
        CheckGroup,
        commands::{self, FixId, Own},
        finding::{Finding, Subject},
    },
    driver::DriverKind,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "nix-daemon", group: CheckGroup::Controller, title: "Nix daemon" };

/// What a client of the daemon was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Pinged {
    /// It answered.
    Answered,
    /// It took the connection, or didn't, and said nothing in time.
    Silent,
    /// It refused, with these words.
    Refused(String),
    /// Nobody could be asked.
    Unasked,
}

pub(in crate::doctor) fn check(kind: DriverKind, asked: &Asked, pinged: &Pinged) -> Finding {
    let restart = || commands::own(FixId::Daemon, Own::Restart, kind);
    let Health { ready, nix, daemon } = match asked {
        Asked::NotRunning => return Finding::unknown("not_running", "The controller doesn't run."),
        Asked::Damaged(_) | Asked::Failed(_) => {
            return Finding::unknown("no_controller", "The controller doesn't tell.");
        }
        Asked::Said(health) => health,
    };
    let nix = nix.as_deref().unwrap_or("of unknown version");
    let mut seen = format!("nix {nix}, {}, restarted {} times", daemon.state, daemon.restarts);
    if let Some(last) = daemon.last_exit.as_ref().filter(|_| !ready) {
        seen.push_str(&format!(", last ended with {last}"));
    }
    match pinged {
        _ if !ready => Finding::fail("dead", "It doesn't run. Restarting the controller may help.")
            .mended_by(restart())
            .seen(seen),
        Pinged::Silent => {
            Finding::fail("silent", "It runs and doesn't answer. Restarting the controller helps.")
                .mended_by(restart())
                .seen(seen)
        }
        Pinged::Refused(words) => {
            Finding::fail("refuses", "It runs and refuses. Restarting the controller may help.")
                .mended_by(restart())
                .seen(format!("{seen}: {words}"))
        }
        Pinged::Answered | Pinged::Unasked => Finding::ok("answers", "It answers.").seen(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::controller::Daemon, *};
    use crate::doctor::CheckState;

    #[test]
    fn a_daemon_that_runs_must_also_answer() {
        let health = |ready| {
            let daemon = Daemon { state: "running".into(), restarts: 0, last_exit: Some("signal 9".into()) };
            Asked::Said(Health { ready, nix: Some("2.26.3".into()), daemon })
        };
        let look = |asked: &Asked, pinged| check(DriverKind::Lxd, asked, &pinged).about(SUBJECT).0;
        assert_eq!(look(&health(true), Pinged::Answered).state, CheckState::Ok);
        let silent = look(&health(true), Pinged::Silent);
        assert_eq!((silent.reason.as_str(), silent.fix.unwrap().id.as_str()), ("silent", "daemon"));
        let dead = look(&health(false), Pinged::Unasked);
        assert_eq!(dead.reason, "dead");
        assert!(dead.evidence.ends_with("last ended with signal 9"), "{}", dead.evidence);
        assert_eq!(look(&Asked::NotRunning, Pinged::Unasked).state, CheckState::Unknown);
    }
}
