//! Redaction of what comes in chunks: a value may begin in one and end in another.

use std::{collections::HashSet, sync::Arc};

use super::{Redactor, SHORTEST, mask, shapes};

/// Masks what comes in chunks. Holds back only what may be the beginning of something that must not be shown.
pub struct RedactedStream {
    redactor: Arc<Redactor>,
    /// The first bytes of all forms, to see quickly where none begins.
    begins: HashSet<[u8; SHORTEST]>,
    longest: usize,
    held: Vec<u8>,
}

impl RedactedStream {
    /// With nothing held back.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        let begins = redactor.forms.iter().filter_map(|form| form.bytes().first_chunk().copied()).collect();
        let longest = redactor.forms.iter().map(|form| form.bytes().len()).max().unwrap_or_default();
        Self { redactor, begins, longest, held: Vec::new() }
    }

    /// Takes a chunk; returns what can be shown now.
    pub fn feed(&mut self, chunk: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(chunk);
        let mut end = self.unfinished_value().min(shapes::unfinished(&self.held));
        let spans = self.redactor.spans(&self.held);
        // What was found to the end may still go on: as another form, or as a longer token.
        for span in spans.iter().rev() {
            if span.end > end && span.start < end {
                end = span.start;
            }
        }
        let ready: Vec<_> = spans.into_iter().filter(|span| span.end <= end).collect();
        let rest = self.held.split_off(end);
        let shown = std::mem::replace(&mut self.held, rest);
        if ready.is_empty() { shown } else { mask(&shown, &ready) }
    }

    /// What was held back, at the end.
    pub fn finish(&mut self) -> Vec<u8> {
        self.redactor.bytes(&std::mem::take(&mut self.held)).into_owned()
    }

    /// Where the end of what is held may be the beginning of a form.
    fn unfinished_value(&self) -> usize {
        let len = self.held.len();
        let first = (len + 1).saturating_sub(self.longest).min(len);
        (first..len).find(|&at| self.begins_form(self.held.get(at..).unwrap_or_default())).unwrap_or(len)
    }

    /// Whether a form begins with all of `tail` and is longer.
    fn begins_form(&self, tail: &[u8]) -> bool {
        if tail.first_chunk().is_some_and(|first| !self.begins.contains(first)) {
            return false;
        }
        let after = (std::ops::Bound::Excluded(tail), std::ops::Bound::Unbounded);
        self.redactor.forms.range::<[u8], _>(after).next().is_some_and(|form| form.bytes().starts_with(tail))
    }
}
