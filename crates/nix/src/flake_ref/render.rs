//! The canonical text of a flake reference. Everything is percent-encoded but a few harmless characters, so that the text can stand
//! in Nix code, on a command line and on a terminal as it is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Authority, FlakeKind, FlakeRef};

/// Encoded in a parameter's value: everything but letters, digits and these.
const VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'@');
/// Encoded in a path.
const PATH: &AsciiSet = &VALUE.remove(b'+').remove(b',').remove(b'=').remove(b':');
/// Encoded in one segment of a path.
const SEGMENT: &AsciiSet = &PATH.add(b'/');

/// Encodes a decoded path.
pub(super) fn path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Encodes one decoded segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Encodes a parameter.
pub(super) fn value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

fn authority(authority: &Authority) -> String {
    let mut out = String::new();
    if let Some(user) = &authority.user {
        out.push_str(user);
        out.push('@');
    }
    out.push_str(&authority.host);
    if let Some(port) = authority.port {
        out.push_str(&format!(":{port}"));
    }
    out
}

/// The whole reference without its fragment.
pub(super) fn url(flake: &FlakeRef) -> String {
    let mut params: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, text: &Option<String>| {
        if let Some(text) = text {
            params.push((name.to_owned(), value(text)));
        }
    };
    add("dir", &flake.dir);
    add("narHash", &flake.nar_hash);
    let mut out = match &flake.kind {
        FlakeKind::Forge { forge, host, owner, repo } => {
            add("host", host);
            let mut out = format!("{}:{}/{}", forge.scheme(), segment(owner), segment(repo));
            // At a forge a reference is one or the other.
            if let Some(at) = flake.rev.as_ref().or(flake.reference.as_ref()) {
                out.push('/');
                out.push_str(&path(at));
            }
            out
        }
        FlakeKind::Git { transport, authority: server, path: at, flags } => {
            add("ref", &flake.reference);
            add("rev", &flake.rev);
            params.extend(flags.iter().map(|(name, text)| ((*name).to_owned(), value(text))));
            let server = server.as_ref().map(authority).unwrap_or_default();
            format!("{}://{server}{}", transport.scheme(), path(at))
        }
        FlakeKind::Path { path: at } => {
            add("rev", &flake.rev);
            format!("path:{}", path(at))
        }
        FlakeKind::Tarball { scheme, authority: server, path: at, params: own } => {
            add("rev", &flake.rev);
            params.extend(own.iter().cloned());
            let prefix = if super::web::is_archive(at) { "" } else { "tarball+" };
            format!("{prefix}{scheme}://{}{at}", authority(server))
        }
    };
    params.sort();
    for (i, (name, text)) in params.iter().enumerate() {
        out.push(if i == 0 { '?' } else { '&' });
        out.push_str(name);
        if !text.is_empty() {
            out.push('=');
            out.push_str(text);
        }
    }
    out
}
