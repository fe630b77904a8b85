//! Keeps secrets out of logs, errors and events: known values in every form in which programs print them, and what looks like a token.
//!
//! What is masked can't be read again. Values below [`SHORTEST`] bytes are not masked: they are in every text, which would be
//! destroyed, and they are guessed faster than they are read.

mod forms;
mod shapes;
mod stream;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use aho_corasick::AhoCorasick;

use super::SecretValue;
use forms::Form;

pub use shapes::Keys;
pub use stream::RedactedStream;

/// What is shown instead.
pub const MASK: &str = "•••";

/// The shortest value that is masked, in bytes.
pub const SHORTEST: usize = 4;

/// How much of a form is searched for, in bytes; the rest is compared where that is found. Bounds what large values cost.
const SEARCHED: usize = 128;

/// What must not be shown. Made again when a value is added, and shared.
#[derive(Default)]
pub struct Redactor {
    forms: BTreeSet<Form>,
    /// The forms that are longer than what is searched for, by their number.
    long: BTreeMap<usize, Form>,
    known: Option<AhoCorasick>,
}

/// The values that this process has read or written, whoever did it.
static KNOWN: LazyLock<RwLock<Arc<Redactor>>> = LazyLock::new(RwLock::default);

/// The redactor that masks the values that this process knows.
pub fn known() -> Arc<Redactor> {
    Arc::clone(&KNOWN.read().unwrap_or_else(PoisonError::into_inner))
}

/// Has a value masked in everything that this process writes from now on.
pub fn hide(value: &SecretValue) {
    let forms = forms::forms(value.expose());
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if !forms.is_subset(&known.forms) {
        *known = Arc::new(known.with(forms));
    }
}

impl Redactor {
    /// One that knows these values.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let forms = values.into_iter().flat_map(|value| forms::forms(value.expose())).collect();
        Self::default().with(forms)
    }

    fn with(&self, mut forms: BTreeSet<Form>) -> Self {
        forms.extend(self.forms.iter().cloned());
        let begins = forms.iter().map(Form::bytes).map(|form| form.get(..SEARCHED).unwrap_or(form));
        // Its prefilter would keep copies in memory that nobody zeroes.
        let known = AhoCorasick::builder().prefilter(false).build(begins).inspect_err(|error| {
            // There are more of them than the automaton can count: beyond what a store holds.
            tracing::error!(%error, "known secrets can't be masked");
        });
        let long = forms.iter().enumerate().filter(|(_, form)| form.bytes().len() > SEARCHED);
        let long = long.map(|(number, form)| (number, form.clone())).collect();
        Self { known: known.ok().filter(|_| !forms.is_empty()), forms, long }
    }

    /// Text in which nothing is left that must not be shown.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A value may be part of a character.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Masks in place.
    pub fn string(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.text(text) {
            *text = masked;
        }
    }

    /// The same for bytes.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let spans = self.spans(bytes);
        if spans.is_empty() { Cow::Borrowed(bytes) } else { Cow::Owned(mask(bytes, &spans)) }
    }

    /// A match with as much of its form as is there: also one that was cut off.
    fn whole(&self, number: usize, found: Range<usize>, bytes: &[u8]) -> Range<usize> {
        let Some(form) = self.long.get(&number) else { return found };
        let after = bytes.get(found.end..).unwrap_or_default();
        let rest =
            form.bytes().iter().skip(SEARCHED).zip(after).take_while(|(form, there)| form == there).count();
        found.start..found.end + rest
    }

    /// What must be masked: in order, without overlaps. All matches count, also those that overlap: else the beginning of one secret
    /// could save the rest of another.
    fn spans(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let found = self.known.iter().flat_map(|known| known.find_overlapping_iter(bytes));
        let known = found.map(|found| self.whole(found.pattern().as_usize(), found.range(), bytes));
        let mut spans: Vec<_> = known.chain(shapes::find(bytes)).collect();
        if spans.len() > 1 {
            spans.sort_unstable_by_key(|span| (span.start, span.end));
            let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
            for span in spans {
                match merged.last_mut() {
                    Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                    _ => merged.push(span),
                }
            }
            spans = merged;
        }
        spans
    }
}

fn mask(bytes: &[u8], spans: &[Range<usize>]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for span in spans {
        masked.extend_from_slice(bytes.get(at..span.start).unwrap_or_default());
        masked.extend_from_slice(MASK.as_bytes());
        at = span.end;
    }
    masked.extend_from_slice(bytes.get(at..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests;
