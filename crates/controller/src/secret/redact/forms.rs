//! The forms in which programs print a value.

use std::{borrow::Borrow, cmp::Ordering, collections::BTreeSet, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

use super::SHORTEST;

/// The shortest line of a value of several lines that is masked alone, in bytes.
const SHORTEST_LINE: usize = 6;

/// The lines of values that are larger, in bytes, are masked only as they are.
const MANY_LINES: usize = 4 << 10;

/// The shortest part of a base64 text that says enough of the value to be masked.
const SHORTEST_PART: usize = 8;

/// How long a byte becomes at most in JSON: `\u001f`.
const ESCAPED: usize = 6;

/// What JavaScript's `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &UNRESERVED.remove(b'!').remove(b'*').remove(b'\'').remove(b'(').remove(b')');
/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What is left as it is in a path, such as by Python's `quote`.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// One form. All that know it share it, and it is zeroed with the last of them.
#[derive(Clone)]
pub(super) struct Form(Arc<Zeroizing<Vec<u8>>>);

impl Form {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for Form {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Borrow<[u8]> for Form {
    fn borrow(&self) -> &[u8] {
        self.bytes()
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Form {}

impl PartialOrd for Form {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Form {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

/// Every form of a value.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Form> {
    let mut forms = BTreeSet::new();
    if value.len() < SHORTEST {
        return forms;
    }
    plain(&mut forms, value);
    encoded(&mut forms, value);
    let trimmed = value.trim_ascii();
    if trimmed.len() >= SHORTEST && trimmed.len() < value.len() {
        plain(&mut forms, trimmed);
        encoded(&mut forms, trimmed);
    }
    // Without what steers a terminal, as it gets into the log.
    if let Ok(text) = std::str::from_utf8(value) {
        insert(&mut forms, bytes(crate::activity::plain(text)), SHORTEST);
    }
    let lines: Vec<&[u8]> = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if lines.len() > 1 {
        // What frames a key is no secret.
        let lines = lines.into_iter().filter(|line| !line.starts_with(b"-----"));
        for line in lines.filter(|line| line.len() >= SHORTEST_LINE) {
            // A bundle of certificates has a thousand of them.
            if value.len() > MANY_LINES {
                insert(&mut forms, copy(line), 0);
            } else {
                plain(&mut forms, line);
            }
        }
    }
    forms
}

fn insert(forms: &mut BTreeSet<Form>, form: Zeroizing<Vec<u8>>, shortest: usize) {
    if form.len() >= shortest {
        forms.insert(form.into());
    }
}

fn copy(value: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(value.to_vec())
}

fn bytes(text: String) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.into_bytes())
}

/// A text out of parts, of at most this length. With room from the beginning: growing would leave copies behind.
fn text<'a>(parts: impl Iterator<Item = &'a str>, longest: usize) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(longest));
    text.extend(parts);
    text
}

/// As it is, percent-encoded and escaped as in JSON.
fn plain(forms: &mut BTreeSet<Form>, value: &[u8]) {
    insert(forms, copy(value), 0);
    for set in [NON_ALPHANUMERIC, UNRESERVED, COMPONENT, PATH] {
        let upper = text(percent_encode(value, set), value.len() * 3);
        insert(forms, lower_hex(&upper), 0);
        insert(forms, replaced(&upper, "%20", "+"), 0);
        insert(forms, copy(upper.as_bytes()), 0);
    }
    let mut json = Zeroizing::new(Vec::with_capacity(value.len() * ESCAPED + 2));
    if let Ok(text) = std::str::from_utf8(value)
        && serde_json::to_writer(&mut *json, text).is_ok()
        && let Ok(json) = std::str::from_utf8(&json)
    {
        let json = json.get(1..json.len() - 1).unwrap_or_default();
        insert(forms, ascii_json(json), 0);
        insert(forms, replaced(json, "/", "\\/"), 0);
        insert(forms, copy(json.as_bytes()), 0);
    }
}

fn replaced(whole: &str, from: &str, to: &str) -> Zeroizing<Vec<u8>> {
    let mut replaced = Zeroizing::new(Vec::with_capacity(whole.len() * to.len().max(1)));
    for (number, part) in whole.split(from).enumerate() {
        if number > 0 {
            replaced.extend_from_slice(to.as_bytes());
        }
        replaced.extend_from_slice(part.as_bytes());
    }
    replaced
}

/// As base64, alone and as a part of a longer text, in which it may begin at each of three places of a group.
fn encoded(forms: &mut BTreeSet<Form>, value: &[u8]) {
    for (padded, bare) in [(&STANDARD, &STANDARD_NO_PAD), (&URL_SAFE, &URL_SAFE_NO_PAD)] {
        insert(forms, bytes(padded.encode(value)), SHORTEST);
        insert(forms, bytes(bare.encode(value)), SHORTEST);
        for shift in 0..3 {
            let shifted = Zeroizing::new([&[0; 2][..shift], value].concat());
            let text = Zeroizing::new(bare.encode(&*shifted));
            // Characters that also carry bits of the neighbours are left out.
            let from = (shift * 8).div_ceil(6);
            let to = (shift + value.len()) * 8 / 6;
            if let Some(part) = text.get(from..to) {
                insert(forms, copy(part.as_bytes()), SHORTEST_PART);
            }
        }
    }
}

/// `%AB` as `%ab`.
fn lower_hex(text: &str) -> Zeroizing<Vec<u8>> {
    let mut lower = copy(text.as_bytes());
    let mut digits = 0;
    for byte in lower.iter_mut() {
        let is_digit = digits > 0;
        digits = if *byte == b'%' { 2_u8 } else { digits.saturating_sub(1) };
        if is_digit {
            byte.make_ascii_lowercase();
        }
    }
    lower
}

/// JSON of programs that escape everything but ASCII.
fn ascii_json(json: &str) -> Zeroizing<Vec<u8>> {
    let mut ascii = Zeroizing::new(Vec::with_capacity(json.len() * ESCAPED));
    for c in json.chars() {
        if c.is_ascii() {
            ascii.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
    ascii
}
