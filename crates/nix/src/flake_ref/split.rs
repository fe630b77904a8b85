//! An address as text, taken apart: scheme, user, host, path, parameters, fragment. Knows nothing of flakes.

use codchi_controller::nix::SourceError;
use percent_encoding::percent_decode_str;

use super::validate::refuse;

/// The scheme before the first colon, in lower case, and what follows; `None` when the text doesn't begin like a URL.
pub(super) fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The part before and the part behind the first `mark`.
pub(super) fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Decodes `%XX`. Refuses what isn't UTF-8, broken escapes, and control characters.
pub(super) fn decode(text: &str) -> Result<String, SourceError> {
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' && !(0..2).all(|_| bytes.next().is_some_and(|b| b.is_ascii_hexdigit())) {
            return Err(refuse(
                "bad_encoding",
                "the address has a % that isn't followed by two hexadecimal digits",
            ));
        }
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| {
        refuse("bad_encoding", "the address is not text: it has encoded bytes that aren't UTF-8")
    })?;
    if decoded.chars().any(super::validate::is_unsafe) {
        return Err(refuse("control_character", "the address has an encoded control character"));
    }
    Ok(decoded.into_owned())
}

/// The parts of what follows `scheme:`.
pub(super) struct Parts<'a> {
    /// User and password, as written.
    pub(super) userinfo: Option<&'a str>,
    /// Host and port, as written; `None` when there is no `//`.
    pub(super) host: Option<&'a str>,
    /// The path, as written.
    pub(super) path: &'a str,
    /// The parameters, as written.
    pub(super) query: Option<&'a str>,
}

/// Takes apart what follows `scheme:`, without the fragment.
pub(super) fn parts(text: &str) -> Parts<'_> {
    let (text, query) = cut(text, '?');
    let Some(text) = text.strip_prefix("//") else {
        return Parts { userinfo: None, host: None, path: text, query };
    };
    let slash = text.find('/').unwrap_or(text.len());
    let (authority, path) = text.split_at(slash);
    // A password may contain '@', a host can't.
    let (userinfo, host) = match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority),
    };
    Parts { userinfo, host: Some(host), path, query }
}

/// The parameters, decoded, in their order.
pub(super) fn query(text: Option<&str>) -> Result<Vec<(String, String)>, SourceError> {
    let mut params: Vec<(String, String)> = Vec::new();
    for param in text.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let (name, value) = param.split_once('=').unwrap_or((param, ""));
        let name = decode(name)?;
        if params.iter().any(|(known, _)| *known == name) {
            return Err(refuse("bad_parameter", "the address names a parameter twice"));
        }
        params.push((name, decode(value)?));
    }
    Ok(params)
}
