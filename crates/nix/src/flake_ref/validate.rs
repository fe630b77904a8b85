//! What each part of a flake reference may look like. Every rule says why in words; none repeats the text it refuses, since that may
//! hold a password in the wrong place.

use codchi_controller::nix::SourceError;

use super::Authority;

/// The longest address, in bytes.
pub(super) const MAX_LEN: usize = 2048;

pub(super) fn refuse(code: &'static str, reason: impl Into<String>) -> SourceError {
    SourceError { code, reason: reason.into() }
}

/// Control characters, and the invisible ones that reorder text.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A commit.
pub(super) fn rev(text: &str) -> Result<String, SourceError> {
    if matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(refuse("bad_rev", "the revision must be a full commit of 40 hexadecimal digits"))
}

/// Whether the text is a full commit.
pub(super) fn is_rev(text: &str) -> bool {
    rev(text).is_ok()
}

/// A branch or tag, by the rules of git-check-ref-format(1), and without the few characters that Nix doesn't take.
pub(super) fn reference(text: &str) -> Result<String, SourceError> {
    let bad = |why: &str| Err(refuse("bad_ref", format!("the branch or tag {why}")));
    if text.is_empty() {
        return bad("has no name");
    }
    if text.len() > 250 {
        return bad("has too long a name");
    }
    if text.starts_with('-') {
        return bad("begins with a dash");
    }
    if text.chars().any(|c| c.is_whitespace() || is_unsafe(c)) {
        return bad("contains a space or control character");
    }
    if text.contains("..") {
        return bad("contains '..'");
    }
    if text.contains([
        '~', '^', ':', '?', '*', '[', '\\', '"', '\'', '`', '$', '<', '>', '|', ';', '&', '{', '}',
    ]) {
        return bad("contains a character that git or Nix doesn't allow");
    }
    let bad_component = |part: &str| {
        part.is_empty() || part.starts_with('.') || part.ends_with('.') || part.ends_with(".lock")
    };
    if text == "@" || text.split('/').any(bad_component) {
        return bad("isn't a name that git allows");
    }
    Ok(text.to_owned())
}

/// A branch or tag at a forge: Nix takes only plain characters there (`refRegexS` in Nix' `url-parts.hh`).
pub(super) fn forge_reference(text: &str) -> Result<String, SourceError> {
    let name = reference(text)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'/' | b'@' | b'+' | b'-');
    if name.starts_with(['_', '+']) || !name.bytes().all(plain) {
        return Err(refuse(
            "bad_ref",
            "the branch or tag contains a character that Nix doesn't take at a forge",
        ));
    }
    Ok(name)
}

/// A directory below a source.
pub(super) fn dir(text: &str) -> Result<Option<String>, SourceError> {
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.trim_end_matches('/');
    if text.is_empty() || text == "." {
        return Ok(None);
    }
    if text.starts_with(['/', '-']) || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(refuse("bad_dir", "dir= must be a directory inside the repository, without '..'"));
    }
    Ok(Some(text.to_owned()))
}

/// The hash of a source's content.
pub(super) fn nar_hash(text: &str) -> Result<String, SourceError> {
    // '+' may have arrived as a space from programs that decode forms.
    let ok = text.strip_prefix("sha256-").is_some_and(|hash| {
        hash.len() == 44
            && hash.ends_with('=')
            && hash.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
    });
    if ok {
        Ok(text.to_owned())
    } else {
        Err(refuse("bad_parameter", "narHash= must be a hash in the form sha256-…"))
    }
}

/// A decoded absolute path.
pub(super) fn absolute(path: &str) -> Result<String, SourceError> {
    let Some(below) = path.strip_prefix('/') else {
        return Err(refuse(
            "relative_path",
            "a directory must be given with its full path, beginning with /",
        ));
    };
    if below.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(refuse("bad_path", "the path contains '.' or '..'; give the full path"));
    }
    let parts: Vec<_> = below.split('/').filter(|part| !part.is_empty()).collect();
    if parts.first().is_some_and(|part| part.starts_with('-')) {
        return Err(refuse("bad_path", "the path begins with a dash"));
    }
    if parts.is_empty() {
        return Err(refuse("bad_path", "the address names no repository"));
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The name of an owner, group or repository at a forge.
pub(super) fn forge_name(text: &str, what: &str) -> Result<String, SourceError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'~');
    if text.is_empty()
        || text.len() > 128
        || text.starts_with('-')
        || matches!(text, "." | "..")
        || !text.bytes().all(plain)
    {
        return Err(refuse(
            "bad_name",
            format!("the {what} in the address isn't a name that a forge allows"),
        ));
    }
    Ok(text.to_owned())
}

/// A host name or address, in lower case.
pub(super) fn host(text: &str) -> Result<String, SourceError> {
    let bad = || refuse("bad_host", "the host in the address isn't a host name");
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or_else(bad)?;
        return address.parse::<std::net::Ipv6Addr>().map(|a| format!("[{a}]")).map_err(|_| bad());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(bad());
    }
    Ok(host)
}

/// Host and port, and the user where SSH needs one.
pub(super) fn authority(text: &str, user: Option<&str>, own_port: u16) -> Result<Authority, SourceError> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Some(port).filter(|p| *p != own_port),
            _ => return Err(refuse("bad_host", "the port in the address isn't a number from 1 to 65535")),
        },
    };
    let user = match user {
        None => None,
        Some(user) => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
            if user.is_empty() || user.len() > 64 || user.starts_with('-') || !user.bytes().all(plain) {
                return Err(refuse("bad_user", "the user in the address isn't a user name"));
            }
            Some(user.to_owned())
        }
    };
    Ok(Authority { user, host: host(name)?, port })
}
