//! The document on standard input: one JSON object with everything that the machine is to have. Values are base64, so that any bytes
//! pass; see [`Document`].
//!
//! The host has checked the names; here they are checked again, since they become paths and shell text as root.

use std::collections::HashSet;
use std::io::{self, Read};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{DeliverError, USER, quote};

/// The version of the form.
pub(crate) const VERSION: u32 = 1;
/// More than this is no delivery.
pub(crate) const LARGEST: usize = 64 << 20;
/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// A value.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// What is delivered.
pub(crate) struct Delivery {
    /// Variables, in order.
    pub(crate) env: Vec<Variable>,
    /// Files.
    pub(crate) files: Vec<SecretFile>,
    /// PEM text: authorities beyond the system's.
    pub(crate) certificates: Option<Bytes>,
    /// A PKCS#12 trust store for Java.
    pub(crate) trust_store: Option<Bytes>,
    /// The cookie of the host's X server, as its clients read it.
    pub(crate) x_authority: Option<Bytes>,
}

/// A variable.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Bytes,
}

/// A file.
pub(crate) struct SecretFile {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) mode: u32,
    pub(crate) value: Bytes,
}

/// As it is written. Values are borrowed: no copy of them is left behind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    version: u32,
    #[serde(borrow)]
    env: Vec<EnvEntry<'a>>,
    #[serde(borrow)]
    files: Vec<FileEntry<'a>>,
    certificates: Option<&'a str>,
    trust_store: Option<&'a str>,
    x_authority: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvEntry<'a> {
    name: String,
    value: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry<'a> {
    name: String,
    owner: Option<String>,
    group: Option<String>,
    mode: Option<String>,
    value: &'a str,
}

/// Only the version, to say more than "not the form" of a newer document.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads everything, leaving no copy behind.
///
/// # Errors
/// Reading failed, or it is too much.
pub(crate) fn read_whole(input: &mut dyn Read) -> Result<Bytes, DeliverError> {
    let mut whole = Zeroizing::new(Vec::new());
    loop {
        quote::reserve(&mut whole, CHUNK);
        let had = whole.len();
        // Within the capacity, so nothing moves.
        whole.resize(had + CHUNK, 0);
        let read = match input.read(&mut whole[had..]) {
            Ok(0) => {
                whole.truncate(had);
                return Ok(whole);
            }
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            Err(e) => return Err(DeliverError::Read(e)),
        };
        whole.truncate(had + read);
        if whole.len() > LARGEST {
            return Err(DeliverError::TooLarge);
        }
    }
}

/// Understands and checks the document.
///
/// # Errors
/// It isn't one, or a name, mode or value in it can't be. Messages never repeat the text around it: it has values.
pub(crate) fn parse(text: &[u8]) -> Result<Delivery, DeliverError> {
    let form = |e: &serde_json::Error| DeliverError::Form { line: e.line(), column: e.column() };
    let versioned: Versioned = serde_json::from_slice(text).map_err(|e| form(&e))?;
    if versioned.version != VERSION {
        return Err(DeliverError::Version(versioned.version));
    }
    let document: Document<'_> = serde_json::from_slice(text).map_err(|e| form(&e))?;
    debug_assert_eq!(document.version, VERSION);
    let env = document.env.into_iter().map(variable).collect::<Result<Vec<_>, _>>()?;
    let files = document.files.into_iter().map(file).collect::<Result<Vec<_>, _>>()?;
    once("variable", env.iter().map(|v| v.name.as_str()))?;
    once("secret", files.iter().map(|f| f.name.as_str()))?;
    let part = |name: &'static str, text: Option<&str>| text.map(|t| decode("part", name, t)).transpose();
    Ok(Delivery {
        env,
        files,
        certificates: part("certificates", document.certificates)?,
        trust_store: part("trust_store", document.trust_store)?,
        x_authority: part("x_authority", document.x_authority)?,
    })
}

fn variable(entry: EnvEntry<'_>) -> Result<Variable, DeliverError> {
    let EnvEntry { name, value } = entry;
    let mut bytes = name.bytes();
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    if !(bytes.next().is_some_and(first) && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')) {
        return refused("variable", name, "it is not a variable's name");
    }
    let value = decode("variable", &name, value)?;
    if value.contains(&0) {
        return refused("variable", name, "its value has a NUL byte, which no variable can hold");
    }
    Ok(Variable { name, value })
}

fn file(entry: FileEntry<'_>) -> Result<SecretFile, DeliverError> {
    let FileEntry { name, owner, group, mode, value } = entry;
    let owner = owner.unwrap_or_else(|| USER.to_owned());
    let group = group.unwrap_or_else(|| "users".to_owned());
    let mode = mode.unwrap_or_else(|| "0400".to_owned());
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.len() > 64 || !name.bytes().next().is_some_and(first) || !name.bytes().all(inner) {
        return refused("secret", name, "it is not a secret's name");
    }
    let octal = matches!(mode.len(), 3 | 4) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let Some(mode) = u32::from_str_radix(&mode, 8).ok().filter(|m| octal && *m <= 0o777) else {
        return refused("secret", name, "its mode is not three octal digits");
    };
    let value = decode("secret", &name, value)?;
    Ok(SecretFile { name, owner, group, mode, value })
}

fn decode(what: &'static str, name: &str, text: &str) -> Result<Bytes, DeliverError> {
    let mut value = Zeroizing::new(Vec::with_capacity(base64::decoded_len_estimate(text.len())));
    match STANDARD.decode_vec(text, &mut value) {
        Ok(()) => Ok(value),
        // What is wrong with it isn't said: that would be a part of it.
        Err(_) => refused(what, name.to_owned(), "its value is not base64"),
    }
}

fn once<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), DeliverError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return refused(what, name.to_owned(), "it is there twice");
        }
    }
    Ok(())
}

fn refused<T>(what: &'static str, name: String, reason: &'static str) -> Result<T, DeliverError> {
    Err(DeliverError::Refused { what, name, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(document: &Value) -> Result<Delivery, String> {
        parse(document.to_string().as_bytes()).map_err(|e| e.to_string())
    }

    fn with_file(name: &str, mode: &str) -> Result<Delivery, String> {
        let file = json!({"name": name, "owner": "codchi", "group": "users", "mode": mode, "value": "eA=="});
        parsed(&json!({"version": 1, "env": [], "files": [file], "certificates": null, "trust_store": null}))
    }

    fn with_env(name: &str, value: &str) -> Result<Delivery, String> {
        let env = json!({"name": name, "value": value});
        parsed(&json!({"version": 1, "env": [env], "files": [], "certificates": null, "trust_store": null}))
    }

    #[test]
    fn a_whole_document() {
        let delivery = parsed(&json!({
            "version": 1,
            "env": [{"name": "API_TOKEN", "value": "c2VjcmV0"}],
            "files": [{"name": "tls-key", "owner": "codchi", "group": "users", "mode": "0440", "value": "/wA="}],
            "certificates": "UEVN",
            "trust_store": null,
            "x_authority": "//8=",
        }))
        .ok()
        .unwrap();
        assert_eq!((delivery.env[0].name.as_str(), &**delivery.env[0].value), ("API_TOKEN", &b"secret"[..]));
        assert_eq!((delivery.files[0].mode, &**delivery.files[0].value), (0o440, &b"\xff\0"[..]));
        assert_eq!(delivery.certificates.unwrap().as_slice(), b"PEM");
        assert!(delivery.trust_store.is_none());
        assert_eq!(delivery.x_authority.unwrap().as_slice(), b"\xff\xff");
    }

    #[test]
    fn names_that_are_none_are_refused_and_named() {
        for name in
            ["", "/", "..", ".", "../x", "a/b", "/etc/passwd", ".hidden", "-x", "a\0b", "a b", "ä", "a\n"]
        {
            let error = with_file(name, "0400").err().unwrap();
            assert!(error.contains("not a secret's name"), "{name:?}: {error}");
        }
        assert!(with_file(&"x".repeat(65), "0400").is_err());
        assert!(with_file(&"x".repeat(64), "400").is_ok());
        for name in ["", "1A", "A-B", "A=B", "A\nB", "A;id", "$(id)", "A\0"] {
            let error = with_env(name, "eA==").err().unwrap();
            assert!(error.contains("not a variable's name"), "{name:?}: {error}");
        }
        for mode in ["", "4", "rw", "4755", "0o40", "-400", "00400", "0800"] {
            assert!(with_file("a", mode).err().unwrap().contains("mode"), "{mode:?}");
        }
        for twice in ["env", "files"] {
            let mut document =
                json!({"version": 1, "env": [], "files": [], "certificates": null, "trust_store": null});
            let entry = match twice {
                "env" => json!({"name": "A", "value": ""}),
                _ => json!({"name": "A", "owner": "a", "group": "b", "mode": "400", "value": ""}),
            };
            document[twice] = json!([entry, entry]);
            assert!(parsed(&document).err().unwrap().contains("twice"), "{twice}");
        }
    }

    #[test]
    fn values_are_never_repeated() {
        // Each is refused for another reason.
        let canary = "Q0FOQVJZ";
        let texts = [
            with_env("A", &format!("{canary}AA=")).err().unwrap(),
            with_env("A", &format!("{canary}*")).err().unwrap(),
            with_env("A", &format!("{canary}AA==")).err().unwrap(),
            parse(
                format!("{{\"version\":1,\"env\":[{{\"name\":\"A\",\"value\":\"{canary}\\/\"}}]}}")
                    .as_bytes(),
            )
            .err()
            .unwrap()
            .to_string(),
            parse(format!("{{\"version\":1,\"env\":\"{canary}\"}}").as_bytes()).err().unwrap().to_string(),
            parse(format!("{{\"version\":\"{canary}\"}}").as_bytes()).err().unwrap().to_string(),
            parse(format!("{{\"version\":1,\"{canary}\":1}}").as_bytes()).err().unwrap().to_string(),
            parse(canary.as_bytes()).err().unwrap().to_string(),
        ];
        for text in texts {
            assert!(!text.contains(canary) && !text.contains("CANARY"), "{text}");
        }
    }

    #[test]
    fn another_version_is_said() {
        let error = parsed(&json!({"version": 2, "more": []})).err().unwrap();
        assert_eq!(error, "the delivery has version 2; this machine understands version 1");
    }

    #[test]
    fn everything_is_read_and_too_much_is_refused() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        assert_eq!(read_whole(&mut bytes.as_slice()).unwrap().as_slice(), bytes);
        let endless = &mut std::io::repeat(b' ');
        assert!(matches!(read_whole(endless), Err(DeliverError::TooLarge)));
    }
}
