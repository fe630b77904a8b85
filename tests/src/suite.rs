//! Suites whose cases share one world and run in the order in which they are written.
//!
//! A suite is a test program without libtest's harness, because making a world takes longer than most cases. To cargo-nextest it is
//! one test with the suite's name; run by hand (`cargo test -p codchi-tests --test engine -- NAME…`) it takes the names of cases, or
//! parts of them. Each case brings about what it needs, so that it can run alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

/// One named case.
#[derive(Debug)]
pub struct Case<W> {
    /// Says what must hold.
    pub name: &'static str,
    /// Panics where it doesn't.
    pub run: fn(&mut W),
}

impl<W> Clone for Case<W> {
    fn clone(&self) -> Self {
        Self { name: self.name, run: self.run }
    }
}

/// Cases whose names are those of their functions: `cases! { module: function function; module: function; }`.
#[macro_export]
macro_rules! cases {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($($crate::suite::Case { name: stringify!($name), run: |scene| $module::$name(scene) },)*)*]
    };
}

/// What a suite is asked to do.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// Name the tests that there are.
    List { ignored: bool },
    /// Run the cases whose names contain one of these; all where there are none.
    Run(Vec<String>),
}

/// Runs a suite as its arguments say. The world is made when there is something to run, and removed however the cases end.
pub fn main<W>(suite: &str, world: impl FnOnce() -> W, cases: &[Case<W>]) -> ExitCode {
    match request(suite, std::env::args().skip(1)) {
        Request::List { ignored: true } => ExitCode::SUCCESS,
        Request::List { ignored: false } => {
            println!("{suite}: test");
            ExitCode::SUCCESS
        }
        Request::Run(wanted) => run(suite, world, cases, &wanted),
    }
}

/// Understands what libtest's users say: cargo, cargo-nextest and people.
fn request(suite: &str, arguments: impl Iterator<Item = String>) -> Request {
    let (flags, names): (Vec<String>, Vec<String>) = arguments.partition(|word| word.starts_with('-'));
    if flags.iter().any(|flag| flag == "--list") {
        return Request::List { ignored: flags.iter().any(|flag| flag == "--ignored") };
    }
    let formats = ["terse", "pretty", "json"];
    Request::Run(
        names.into_iter().filter(|name| name != suite && !formats.contains(&name.as_str())).collect(),
    )
}

fn run<W>(suite: &str, world: impl FnOnce() -> W, cases: &[Case<W>], wanted: &[String]) -> ExitCode {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let chosen: Vec<&Case<W>> = cases.iter().filter(|case| is_wanted(case.name)).collect();
    if chosen.is_empty() {
        println!("no case of {suite} is called {}; there are:", wanted.join(" or "));
        cases.iter().for_each(|case| println!("  {}", case.name));
        return ExitCode::FAILURE;
    }
    let begin = Instant::now();
    let mut world = world();
    println!("{suite}: {} cases; their world took {:.1} s", chosen.len(), begin.elapsed().as_secs_f32());
    let mut failed = Vec::new();
    for case in &chosen {
        let begin = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (case.run)(&mut world)));
        let word = if result.is_ok() { "PASS" } else { "FAIL" };
        println!("{word} [{:>8.3}s] {suite} {}", begin.elapsed().as_secs_f32(), case.name);
        if result.is_err() {
            failed.push(case.name);
        }
    }
    let gone = Instant::now();
    drop(world);
    println!(
        "{suite}: {} cases run: {} passed, {} failed, {} not asked for [{:.1} s, {:.1} s of it removing the world]",
        chosen.len(),
        chosen.len() - failed.len(),
        failed.len(),
        cases.len() - chosen.len(),
        begin.elapsed().as_secs_f32(),
        gone.elapsed().as_secs_f32(),
    );
    failed.iter().for_each(|name| println!("FAIL {suite} {name}"));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Request {
        request("engine", arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn understands_libtest_and_nextest() {
        assert_eq!(asked(&["--list", "--format", "terse"]), Request::List { ignored: false });
        assert_eq!(asked(&["--list", "--format", "terse", "--ignored"]), Request::List { ignored: true });
        assert_eq!(asked(&["--exact", "engine", "--nocapture"]), Request::Run(vec![]));
        assert_eq!(asked(&[]), Request::Run(vec![]));
        assert_eq!(asked(&["exec", "status"]), Request::Run(vec!["exec".into(), "status".into()]));
    }

    #[test]
    fn a_case_that_panics_fails_the_suite_and_the_others_still_run() {
        let cases: [Case<Vec<u8>>; 2] =
            [Case { name: "first", run: |_| panic!("no") }, Case { name: "second", run: |w| w.push(2) }];
        assert_eq!(run("s", Vec::new, &cases, &[]), ExitCode::FAILURE);
        assert_eq!(run("s", Vec::new, &cases, &["second".into()]), ExitCode::SUCCESS);
        assert_eq!(run("s", Vec::new, &cases, &["third".into()]), ExitCode::FAILURE);
    }
}
