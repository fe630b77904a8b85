//! Two ways to do one thing, in turn, and what one costs in terms of the other.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

/// One line of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is aimed at, in words.
    pub(crate) target: &'static str,
    /// What was measured, in words: a ratio where there is something to compare with.
    pub(crate) measured: String,
    /// How.
    pub(crate) detail: String,
}

/// Runs `ours` and `theirs` in turn and compares run by run. `between` brings things back to the beginning; it isn't measured.
pub(crate) fn compare(
    name: &'static str,
    target: &'static str,
    runs: usize,
    mut ours: impl FnMut(usize),
    mut theirs: impl FnMut(usize),
    between: impl FnMut(usize),
) -> Row {
    compare_times(name, target, runs, |run| time(|| ours(run)), |run| time(|| theirs(run)), between)
}

/// The same for what takes its own time.
pub(crate) fn compare_times(
    name: &'static str,
    target: &'static str,
    runs: usize,
    mut ours: impl FnMut(usize) -> Duration,
    mut theirs: impl FnMut(usize) -> Duration,
    mut between: impl FnMut(usize),
) -> Row {
    let (mut a, mut b, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..runs {
        between(run * 2);
        let one = ours(run);
        between(run * 2 + 1);
        let other = theirs(run);
        ratios.push(one.as_secs_f64() / other.as_secs_f64());
        a.push(one.as_secs_f64());
        b.push(other.as_secs_f64());
    }
    let detail = format!("{:.3} s against {:.3} s, median of {runs} pairs", median(&mut a), median(&mut b));
    println!("{name}: {detail}");
    Row { name, target, measured: format!("{:.2}×", median(&mut ratios)), detail }
}

pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::from("| measure | target | measured | how |\n| --- | --- | --- | --- |\n");
    for row in rows {
        let _ = writeln!(table, "| {} | {} | {} | {} |", row.name, row.target, row.measured, row.detail);
    }
    table
}
