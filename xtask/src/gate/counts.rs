//! How many tests passed, failed and were skipped, read from what the test programs print.

use anyhow::{Context, Result};
use serde_json::Value;

/// The counts of one stage, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// The sum with others.
    pub(crate) fn plus(self, other: Counts) -> Counts {
        Counts {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// The number before a word, as in `3 passed`.
fn before(words: &[&str], word: &str) -> Option<u64> {
    words.windows(2).find(|w| w[1].trim_matches(|c: char| !c.is_alphabetic()) == word)?[0]
        .trim_matches(|c: char| !c.is_ascii_digit())
        .parse()
        .ok()
}

fn counts(line: &str) -> Counts {
    let words: Vec<&str> = line.split_whitespace().collect();
    Counts {
        passed: before(&words, "passed").unwrap_or(0),
        // nextest says "2 failed, 1 timed out"; both are failures.
        failed: before(&words, "failed").unwrap_or(0) + before(&words, "timed").unwrap_or(0),
        skipped: before(&words, "skipped").unwrap_or(0),
    }
}

/// nextest's `Summary [ 0.1s] 37 tests run: 35 passed (1 slow), 2 failed, 3 skipped`. What it calls skipped are mostly
/// tests that another stage runs: see [`ignored`].
pub(crate) fn of_nextest(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|l| l.trim_start().starts_with("Summary ["))?;
    Some(Counts { skipped: 0, ..counts(line.split_once(" run: ")?.1) })
}

/// The cases of suites that nextest takes for one test each: `engine: 20 cases run: 19 passed, 1 failed, …`. What they
/// add to nextest's own counts.
pub(crate) fn of_suites(text: &str) -> Counts {
    let suites = text.lines().filter_map(|l| l.split_once(" cases run: ")).map(|(_, rest)| counts(rest));
    suites.fold(Counts::default(), |sum, suite| {
        let (passed, failed) = if suite.failed == 0 { (1, 0) } else { (0, 1) };
        sum.plus(Counts {
            passed: suite.passed.saturating_sub(passed),
            failed: suite.failed.saturating_sub(failed),
            skipped: suite.skipped,
        })
    })
}

/// vitest's `Tests  1 failed | 11 passed | 2 skipped (14)`.
pub(crate) fn of_vitest(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|l| l.trim_start().starts_with("Tests "))?;
    Some(counts(line))
}

/// `12 passed, 0 failed` as the last line.
pub(crate) fn of_summary(text: &str) -> Option<Counts> {
    let line = text.lines().rev().find(|l| !l.trim().is_empty())?;
    line.contains(" passed, ").then(|| counts(line))
}

/// How many tests a `cargo nextest list --message-format json` calls ignored.
pub(crate) fn ignored(list: &str) -> Result<u64> {
    let json = list.lines().rev().find(|l| l.starts_with('{')).context("nextest listed nothing")?;
    let value: Value = serde_json::from_str(json).context("nextest's list is no JSON")?;
    let suites = value["rust-suites"].as_object().context("nextest's list has no suites")?;
    let tests = suites.values().filter_map(|s| s["testcases"].as_object()).flat_map(|t| t.values());
    Ok(tests.filter(|t| t["filter-match"]["reason"] == "ignored").count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
        Some(Counts { passed, failed, skipped })
    }

    #[test]
    fn nextest_summaries() {
        let ok = "   PASS a\n     Summary [   0.158s] 37 tests run: 37 passed, 0 skipped\n";
        assert_eq!(of_nextest(ok), c(37, 0, 0));
        let bad = "     Summary [  12.158s] 9/40 tests run: 5 passed (1 slow, 1 leaky), 3 failed, 1 timed out, 31 skipped";
        assert_eq!(of_nextest(bad), c(5, 4, 0));
        assert_eq!(of_nextest("error: could not compile"), None);
    }

    #[test]
    fn suites_count_their_cases_instead_of_themselves() {
        let text = "a: 20 cases run: 19 passed, 1 failed, 0 not asked for [1 s]\nb: 5 cases run: 5 passed, 0 failed, 0 not asked for\n";
        // nextest said: 1 passed, 1 failed; together 24 and 1.
        assert_eq!(Some(of_suites(text)), c(19 + 4, 0, 0));
    }

    #[test]
    fn vitest_summaries() {
        assert_eq!(of_vitest(" Test Files  4 passed (4)\n      Tests  31 passed (31)\n"), c(31, 0, 0));
        assert_eq!(of_vitest("      Tests  1 failed | 11 passed | 2 skipped (14)\n"), c(11, 1, 2));
    }

    #[test]
    fn own_summaries() {
        assert_eq!(of_summary("FAIL x\n41 passed, 1 failed\n\n"), c(41, 1, 0));
        assert_eq!(of_summary("run.sh: nix-instantiate is missing\n"), None);
    }

    #[test]
    fn ignored_tests_are_counted_and_those_of_other_stages_not() {
        let list = r#"{"rust-suites":{"a":{"testcases":{
            "x":{"filter-match":{"status":"matches"}},
            "y":{"filter-match":{"status":"mismatch","reason":"ignored"}},
            "z":{"filter-match":{"status":"mismatch","reason":"expression"}}}}}}"#
            .replace('\n', "");
        assert_eq!(ignored(&format!("Compiling…\n{list}\n")).unwrap(), 1);
        assert!(ignored("").is_err());
    }
}
