//! Running stages: each as soon as what it needs has passed and its lane is free.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::counts::Counts;
use super::stage::{Lane, Log, Stage};

/// How many lines of a failed stage's log are shown at once.
const SHOWN: usize = 60;

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// It did what it should.
    Passed,
    /// It did not; why.
    Failed(String),
    /// It was not started; why.
    NotRun(String),
}

/// The result of one stage.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) status: Status,
    pub(crate) time: Duration,
    pub(crate) counts: Option<Counts>,
}

/// Runs all stages; their outcomes in the order of the stages.
pub(crate) fn run(stages: Vec<Stage>, logs: &Path) -> Result<Vec<Outcome>> {
    let order: Vec<&'static str> = stages.iter().map(|s| s.name).collect();
    let mut outcomes: Vec<Outcome> = Vec::new();
    thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<(Lane, Outcome)>();
        let mut waiting = stages;
        let mut busy: Vec<Lane> = Vec::new();
        let mut running = 0_usize;
        while !waiting.is_empty() || running > 0 {
            while let Some(next) = waiting.iter().position(|s| is_decided(s, &outcomes, &busy)) {
                let stage = waiting.remove(next);
                if let Some(missing) = unmet(&stage, &outcomes) {
                    let status = Status::NotRun(format!("needs {missing}"));
                    outcomes.push(Outcome { name: stage.name, status, time: Duration::ZERO, counts: None });
                    continue;
                }
                eprintln!("·      {}", stage.name);
                busy.push(stage.lane);
                running += 1;
                let ended = ended.clone();
                scope.spawn(move || {
                    let lane = stage.lane;
                    // The receiver outlives every stage.
                    let _ = ended.send((lane, run_one(stage, logs)));
                });
            }
            if running == 0 {
                break;
            }
            if let Ok((lane, outcome)) = end.recv() {
                running -= 1;
                if let Some(at) = busy.iter().position(|b| *b == lane) {
                    busy.remove(at);
                }
                outcomes.push(outcome);
            }
        }
    });
    outcomes.sort_by_key(|o| order.iter().position(|n| *n == o.name));
    Ok(outcomes)
}

/// Whether a stage can be started or given up.
fn is_decided(stage: &Stage, outcomes: &[Outcome], busy: &[Lane]) -> bool {
    if unmet(stage, outcomes).is_some() {
        return true;
    }
    let all_passed = stage.needs.iter().all(|n| outcomes.iter().any(|o| o.name == *n));
    all_passed && (stage.lane == Lane::Own || !busy.contains(&stage.lane))
}

/// A needed stage that did not pass.
fn unmet(stage: &Stage, outcomes: &[Outcome]) -> Option<&'static str> {
    let bad = |o: &&Outcome| o.status != Status::Passed && stage.needs.contains(&o.name);
    outcomes.iter().find(bad).map(|o| o.name)
}

fn run_one(stage: Stage, logs: &Path) -> Outcome {
    let began = Instant::now();
    let name = stage.name;
    let done = |status, counts| Outcome { name, status, time: began.elapsed(), counts };
    let mut log = match Log::create(logs, name) {
        Ok(log) => log,
        Err(e) => return done(Status::Failed(format!("{e:#}")), None),
    };
    // A stage that panics has failed; the others, and who waits for it, go on.
    let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (stage.work)(&mut log)));
    match worked.unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked"))) {
        Ok(()) => {
            eprintln!("ok     {name} ({:.1} s)", began.elapsed().as_secs_f64());
            done(Status::Passed, log.counts())
        }
        Err(e) => {
            eprintln!("FAILED {name}: {e:#}\n--- the end of {}", log.path().display());
            eprintln!("{}\n---", log.tail(SHOWN));
            done(Status::Failed(format!("{e:#}")), log.counts())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn stage(name: &'static str, lane: Lane, needs: &'static [&'static str], ok: bool) -> Stage {
        Stage::new(name, lane, needs, Box::new(move |_| if ok { Ok(()) } else { anyhow::bail!("broken") }))
    }

    #[test]
    fn a_failure_stops_what_needs_it_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let outcomes = run(
            vec![
                stage("setup", Lane::Own, &[], true),
                stage("build", Lane::Cargo, &["setup"], false),
                stage("unit", Lane::Cargo, &["build"], true),
                stage("later", Lane::Cargo, &["unit"], true),
                stage("ui", Lane::Npm, &[], true),
            ],
            dir.path(),
        )
        .unwrap();
        let status: Vec<_> = outcomes.iter().map(|o| (o.name, o.status.clone())).collect();
        assert_eq!(
            status,
            [
                ("setup", Status::Passed),
                ("build", Status::Failed("broken".into())),
                ("unit", Status::NotRun("needs build".into())),
                ("later", Status::NotRun("needs unit".into())),
                ("ui", Status::Passed),
            ]
        );
    }

    #[test]
    fn a_stage_that_panics_has_failed() {
        let dir = tempfile::tempdir().unwrap();
        let broken = Stage::new("broken", Lane::Cargo, &[], Box::new(|_| panic!("of the test")));
        let outcomes = run(vec![broken, stage("after", Lane::Cargo, &[], true)], dir.path()).unwrap();
        let status: Vec<_> = outcomes.iter().map(|o| o.status.clone()).collect();
        assert_eq!(status, [Status::Failed("it panicked".into()), Status::Passed]);
    }

    #[test]
    fn a_lane_holds_one_stage_at_a_time() {
        static INSIDE: AtomicUsize = AtomicUsize::new(0);
        let dir = tempfile::tempdir().unwrap();
        let exclusive = |name| {
            let work = |_: &mut Log| {
                anyhow::ensure!(INSIDE.fetch_add(1, Ordering::SeqCst) == 0, "not alone");
                thread::yield_now();
                INSIDE.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            };
            Stage::new(name, Lane::Cargo, &[], Box::new(work))
        };
        let outcomes = run(vec![exclusive("a"), exclusive("b"), exclusive("c")], dir.path()).unwrap();
        assert!(outcomes.iter().all(|o| o.status == Status::Passed), "{outcomes:?}");
    }
}
