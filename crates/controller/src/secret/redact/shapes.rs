//! What looks like a secret, whoever's it is: the tokens of well-known services, credentials in addresses and headers, private keys.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;

use crate::activity::ActivityId;

/// How many lines a private key may have; after so many its end was lost.
const KEY_LINES: u32 = 400;

/// What each shape has in it. Lines without any of them, which is nearly all, cost one search.
const MARKS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "akia",
    "asia",
    "xox",
    "authorization",
    "://",
    "-----begin ",
    "eyj",
];

/// The secret is the group `s`, or all of it.
const SHAPES: &[&str] = &[
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"glpat-[A-Za-z0-9_-]{16,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"xox[a-z]-[A-Za-z0-9-]{10,}",
    // Each of its three parts begins as JSON does, or is at least long.
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    r#"(?i-u:authorization)["']?\s*[:=]\s*["']?(?i-u:bearer|basic|token)\s+(?<s>[^\s"',;]+)"#,
    r#"://(?<s>[^/\s:@"'<>]*:[^/\s@"'<>]+)@"#,
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?<s>[^-]*)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----)?",
];

static ANY_MARK: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(MARKS).ok());

static REGEXES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    // That each of them is valid, a test sees.
    SHAPES.iter().filter_map(|shape| Regex::new(&format!("(?-u){shape}")).ok()).collect()
});

/// Everything in `bytes` that looks like a secret.
pub(super) fn find(bytes: &[u8]) -> Vec<Range<usize>> {
    if !has_mark(bytes) {
        return Vec::new();
    }
    let spans = REGEXES.iter().flat_map(|regex| regex.captures_iter(bytes)).filter_map(|found| {
        let secret = found.name("s").or_else(|| found.get(0))?;
        Some(secret.range())
    });
    spans.filter(|span| !span.is_empty() && bytes.get(span.clone()) != Some(super::MASK.as_bytes())).collect()
}

fn has_mark(bytes: &[u8]) -> bool {
    ANY_MARK.as_ref().is_none_or(|marks| marks.is_match(bytes))
}

/// Where the end of `bytes` may be the beginning of something that looks like a secret.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    let begin = bytes.len().saturating_sub(HOLD);
    let tail = bytes.get(begin..).unwrap_or_default();
    UNFINISHED.iter().filter_map(|regex| Some(begin + regex.find(tail)?.start())).min().unwrap_or(bytes.len())
}

/// How much is held back at most for what may become a shape. A token is shorter, a private key of 16384 bits as well.
const HOLD: usize = 16 << 10;

static UNFINISHED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Tokens that may go on, and the beginnings of their marks.
        r"(?:gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|xox[a-z]-|eyJ)[A-Za-z0-9_.-]*$",
        r"(?:g|gh|gh[pousr]|gi|git|gith|githu|github|github_|github_p|github_pa|github_pat|gl|glp|glpa|glpat|A|AK|AKI|AS|ASI|x|xo|xox|xox[a-z]|e|ey)$",
        r"(?i-u:a|au|aut|auth|autho|author|authori|authoriz|authoriza|authorizat|authorizati|authorizatio)$",
        r#"(?i-u:authorization)["']?\s*(?:[:=]\s*["']?[A-Za-z]*\s*[^\s"',;]*)?$"#,
        r#":(?:/|//[^/\s@"'<>]*)?$"#,
        r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY(?:-{0,5}|-----[^-]*(?:-{0,5}(?:END[A-Z0-9 ]*-{0,5})?)?))?$",
        r"-{1,5}(?:B|BE|BEG|BEGI|BEGIN)?$",
    ]
    .iter()
    .filter_map(|regex| Regex::new(&format!("(?-u){regex}")).ok())
    .collect()
});

/// Finds private keys in logs, where each of their lines comes alone, by the activity that prints them.
#[derive(Debug, Default)]
pub struct Keys {
    inside: HashMap<Option<ActivityId>, u32>,
}

impl Keys {
    /// Whether the line is part of a key, between its first and its last line. To be asked for each line, in order.
    pub fn has(&mut self, activity: Option<ActivityId>, line: &str) -> bool {
        if self.inside.is_empty() && !line.contains("-----BEGIN ") {
            return false;
        }
        if let Some(lines) = self.inside.get_mut(&activity) {
            *lines += 1;
            if line.contains("-----END ") || *lines > KEY_LINES {
                self.inside.remove(&activity);
                return false;
            }
            return true;
        }
        if line.contains("PRIVATE KEY-----") && line.contains("-----BEGIN ") && !line.contains("-----END ") {
            self.inside.insert(activity, 0);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_regex() {
        assert_eq!(REGEXES.len(), SHAPES.len());
        assert_eq!(UNFINISHED.len(), 7);
        assert!(ANY_MARK.is_some());
    }
}
