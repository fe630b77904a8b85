//! Takes out of a text what the masks of secrets leave because it is no secret by its looks: users in addresses, and Nix' access tokens.

/// What stands for it.
const HIDDEN: &str = "***";

/// What may stand before a secret in a line of a program, in lower case.
const NAMES: &[&str] = &["access-tokens = "];

/// The text without secrets.
pub(super) fn scrub(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(text: &str) -> String {
    named(&addresses(text))
}

/// `scheme://user:password@host` without what is before the `@`.
fn addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\\\"'<>?#".contains(c)).unwrap_or(after.len());
        let (authority, after) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) if user != "git" => out.push_str(&format!("{HIDDEN}@{host}")),
            _ => out.push_str(authority),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What follows a name that a secret follows, to the end of the line.
fn named(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let found = NAMES.iter().filter_map(|name| Some(lower.find(name)? + name.len())).min();
    match found {
        Some(end) => {
            let line_end = if text.ends_with('\n') { "\n" } else { "" };
            format!("{}{HIDDEN}{line_end}", &text[..end])
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_access_is_gone_and_the_rest_stays() {
        for (text, scrubbed) in [
            ("GET https://me:pw@a.example/x?y", "GET https://***@a.example/x?y"),
            (
                "\"url\":\"git+https://tok@a.example/x\",\"ssh://git@a.example\"",
                "\"url\":\"git+https://***@a.example/x\",\"ssh://git@a.example\"",
            ),
            ("mail me@a.example", "mail me@a.example"),
            ("access-tokens = github.com=abc", "access-tokens = ***"),
            ("ä access-tokens = x\nü", "ä access-tokens = ***\nü"),
        ] {
            assert_eq!(scrub(text), scrubbed);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_scrubbed_and_keeps_its_lines(text in "(\\PC|\n|://|@){0,80}") {
            let scrubbed = scrub(&text);
            assert_eq!(scrubbed.matches('\n').count(), text.matches('\n').count());
            assert_eq!(scrub(&scrubbed), scrubbed);
        }
    }
}
