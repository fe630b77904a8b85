//! Text as a Nix string literal. Everything that enters generated Nix code goes through [`quote`].

/// Writes `text` as a Nix string literal in double quotes, which evaluates to exactly `text`.
///
/// NUL can't be in a Nix string; it is left out. (Names and addresses with NUL are refused long before.)
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            // Escaped alone, too: `$` before `{` begins an interpolation wherever the two come from.
            '$' => out.push_str("\\$"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => {}
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads one literal as Nix does (grammar: `STRING` in Nix' lexer); `None` when it isn't one or holds an interpolation.
    pub(crate) fn unquote(literal: &str) -> Option<String> {
        let mut out = String::new();
        let mut chars = literal.strip_prefix('"')?.strip_suffix('"')?.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' => return None,
                '$' if chars.peek() == Some(&'{') => return None,
                '\\' => match chars.next()? {
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    c => out.push(c),
                },
                c => out.push(c),
            }
        }
        Some(out)
    }

    #[test]
    fn escapes_what_nix_would_read() {
        assert_eq!(quote(r#"a"b\c${d}$e"#), r#""a\"b\\c\${d}\$e""#);
        assert_eq!(quote("a\nb\r\t"), r#""a\nb\r\t""#);
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_text(text in "(?s).{0,80}") {
            prop_assume!(!text.contains('\0'));
            prop_assert_eq!(unquote(&quote(&text)), Some(text));
        }
        #[test]
        fn never_ends_early(text in r#"[a"\\$\{\}\n]{0,40}"#) {
            let literal = quote(&text);
            prop_assert!(!literal.contains('\n'));
            prop_assert_eq!(unquote(&literal), Some(text));
        }
    }
}
