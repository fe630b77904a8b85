//! The forms in which programs print a value.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::SHORTEST;

/// The shortest line of a value of several lines that is masked alone, in bytes.
const SHORTEST_LINE: usize = 6;

/// The lines of values that are larger, in bytes, are masked only as they are.
const MANY_LINES: usize = 4 << 10;

/// The shortest part of a base64 text that says enough of the value to be masked.
const SHORTEST_PART: usize = 8;

/// What JavaScript's `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &UNRESERVED.remove(b'!').remove(b'*').remove(b'\'').remove(b'(').remove(b')');
/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What is left as it is in a path, such as by Python's `quote`.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Every form of a value.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
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
        insert(&mut forms, crate::activity::plain(text).into_bytes(), SHORTEST);
    }
    let lines: Vec<&[u8]> = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if lines.len() > 1 {
        // What frames a key is no secret.
        let lines = lines.into_iter().filter(|line| !line.starts_with(b"-----"));
        for line in lines.filter(|line| line.len() >= SHORTEST_LINE) {
            // A bundle of certificates has a thousand of them.
            if value.len() > MANY_LINES {
                forms.insert(line.to_vec());
            } else {
                plain(&mut forms, line);
            }
        }
    }
    forms
}

fn insert(forms: &mut BTreeSet<Vec<u8>>, form: Vec<u8>, shortest: usize) {
    if form.len() >= shortest {
        forms.insert(form);
    }
}

/// As it is, percent-encoded and escaped as in JSON.
fn plain(forms: &mut BTreeSet<Vec<u8>>, value: &[u8]) {
    forms.insert(value.to_vec());
    for set in [NON_ALPHANUMERIC, UNRESERVED, COMPONENT, PATH] {
        let upper = percent_encode(value, set).to_string();
        forms.insert(lower_hex(&upper).into_bytes());
        forms.insert(upper.replace("%20", "+").into_bytes());
        forms.insert(upper.into_bytes());
    }
    if let Ok(text) = std::str::from_utf8(value)
        && let Ok(json) = serde_json::to_string(text)
    {
        let json = json.get(1..json.len() - 1).unwrap_or_default();
        forms.insert(ascii_json(json).into_bytes());
        forms.insert(json.replace('/', "\\/").into_bytes());
        forms.insert(json.as_bytes().to_vec());
    }
}

/// As base64, alone and as a part of a longer text, in which it may begin at each of three places of a group.
fn encoded(forms: &mut BTreeSet<Vec<u8>>, value: &[u8]) {
    for (padded, bare) in [(&STANDARD, &STANDARD_NO_PAD), (&URL_SAFE, &URL_SAFE_NO_PAD)] {
        insert(forms, padded.encode(value).into_bytes(), SHORTEST);
        insert(forms, bare.encode(value).into_bytes(), SHORTEST);
        for shift in 0..3 {
            let text = bare.encode([&[0; 2][..shift], value].concat());
            // Characters that also carry bits of the neighbours are left out.
            let from = (shift * 8).div_ceil(6);
            let to = (shift + value.len()) * 8 / 6;
            if let Some(part) = text.get(from..to) {
                insert(forms, part.as_bytes().to_vec(), SHORTEST_PART);
            }
        }
    }
}

/// `%AB` as `%ab`.
fn lower_hex(text: &str) -> String {
    let mut digits = 0;
    let lower = text.chars().map(|c| {
        let is_digit = digits > 0;
        digits = if c == '%' { 2_u8 } else { digits.saturating_sub(1) };
        if is_digit { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}

/// JSON of programs that escape everything but ASCII.
fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}
