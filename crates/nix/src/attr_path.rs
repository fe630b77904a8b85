//! Attribute paths as people write them in Nix: `nixosModules.hello`, `nixosModules."a b"`. Reading and writing, nothing else.

use crate::nix_string;

/// The most names that an attribute path may have, and the most bytes that a name may have.
const MAX_NAMES: usize = 16;
const MAX_NAME: usize = 256;

/// Why a text is not an attribute path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttrPathError {
    /// Nothing between two dots, or at an end.
    #[error("a name in the attribute path is empty")]
    EmptyName,
    /// A `"` without its partner.
    #[error("a quote in the attribute path isn't closed")]
    OpenQuote,
    /// Something directly beside a quoted name.
    #[error("the attribute path has a quote in the middle of a name")]
    StrayQuote,
    /// A control character.
    #[error("the attribute path contains a control character")]
    Control,
    /// More names, or longer ones, than anybody needs.
    #[error("the attribute path is too long")]
    TooLong,
}

/// Reads an attribute path. Names may be quoted; in quotes `\"`, `\\`, `\$` stand for the character itself. Unquoted names may hold any
/// characters but `.` and `"`, as on Nix' own command line.
///
/// # Errors
/// When it isn't one.
pub fn parse(text: &str) -> Result<Vec<String>, AttrPathError> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted)?,
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if name.contains('"') {
                    return Err(AttrPathError::StrayQuote);
                }
                if name.is_empty() {
                    return Err(AttrPathError::EmptyName);
                }
                (name.to_owned(), after)
            }
        };
        if name.chars().any(char::is_control) {
            return Err(AttrPathError::Control);
        }
        if name.len() > MAX_NAME || names.len() == MAX_NAMES {
            return Err(AttrPathError::TooLong);
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(names),
            None => return Err(AttrPathError::StrayQuote),
        }
    }
}

/// Reads up to the closing quote; `text` begins behind the opening one.
fn read_quoted(text: &str) -> Result<(String, &str), AttrPathError> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((name, text.get(at + 1..).unwrap_or_default())),
            '\\' => name.push(chars.next().ok_or(AttrPathError::OpenQuote)?.1),
            c => name.push(c),
        }
    }
    Err(AttrPathError::OpenQuote)
}

/// Writes an attribute path as one would in Nix, quoting where needed: `nixosModules."a b"`.
pub fn render<S: AsRef<str>>(names: &[S]) -> String {
    let mut out = String::new();
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.push('.');
        }
        if is_identifier(name.as_ref()) {
            out.push_str(name.as_ref());
        } else {
            out.push_str(&nix_string::quote(name.as_ref()));
        }
    }
    out
}

/// Words that Nix reads as something else than a name.
const KEYWORDS: &[&str] = &["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit", "or"];

/// Whether Nix takes the name without quotes.
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'\''))
        && !KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse("hello").unwrap(), ["hello"]);
        assert_eq!(parse("nixosModules.hello").unwrap(), ["nixosModules", "hello"]);
        assert_eq!(parse(r#"nixosModules."a b""#).unwrap(), ["nixosModules", "a b"]);
        assert_eq!(parse(r#""x.y".z"#).unwrap(), ["x.y", "z"]);
        assert_eq!(parse(r#""a\"b""#).unwrap(), ["a\"b"]);
        assert_eq!(parse(""), Err(AttrPathError::EmptyName));
        assert_eq!(parse("a..b"), Err(AttrPathError::EmptyName));
        assert_eq!(parse("a."), Err(AttrPathError::EmptyName));
        assert_eq!(parse(r#"a."b"#), Err(AttrPathError::OpenQuote));
        assert_eq!(parse(r#"a"b""#), Err(AttrPathError::StrayQuote));
        assert_eq!(parse(r#""a"b"#), Err(AttrPathError::StrayQuote));
        assert_eq!(parse("a\u{7}"), Err(AttrPathError::Control));
        assert_eq!(parse(&"a.".repeat(40)), Err(AttrPathError::TooLong));
    }

    #[test]
    fn quotes_only_where_needed() {
        assert_eq!(render(&["nixosModules", "hello-2"]), "nixosModules.hello-2");
        assert_eq!(render(&["nixosModules", "a b"]), r#"nixosModules."a b""#);
        assert_eq!(render(&["x", "if", "2nd", ""]), "x.\"if\".\"2nd\".\"\"");
        assert_eq!(render(&["${x}"]), r#""\${x}""#);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(names in prop::collection::vec("[^\\x00-\\x1f\\x7f-\\x9f]{1,20}", 1..5)) {
            prop_assert_eq!(parse(&render(&names)).unwrap(), names);
        }
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }
    }
}
