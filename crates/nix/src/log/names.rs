//! What to call things in a log: derivations, store paths, addresses.

/// The name in a store path: without the directory, the hash, and what follows the name (`.drv`, `^out`, `/bin/x`).
pub(crate) fn store_path(path: &str) -> &str {
    let base = path.strip_prefix("/nix/store/").unwrap_or(path);
    let base = base.split('/').next().unwrap_or(base);
    let base = base.split(['^', '!']).next().unwrap_or(base);
    let name = match base.split_once('-') {
        Some((hash, name)) if hash.len() == 32 => name,
        _ => base,
    };
    name.strip_suffix(".drv").unwrap_or(name)
}

/// An address without user, password and parameters, any of which may be secret.
pub(crate) fn address(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = match authority.rsplit_once('@') {
                // An SSH user is part of the address; anything else there may be secret.
                Some((user, _)) if scheme.ends_with("ssh") && !user.contains(':') => authority,
                Some((_, host)) => host,
                None => authority,
            };
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// The first text in single quotes.
pub(crate) fn quoted(text: &str) -> Option<&str> {
    text.split('\'').nth(1)
}

/// The first derivation named in a text, with its full path.
pub(crate) fn derivation(text: &str) -> Option<&str> {
    let start = text.find("/nix/store/")?;
    let rest = text.get(start..)?;
    let end = rest.find(".drv")? + ".drv".len();
    let path = rest.get(..end)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+' | '-' | '.' | '_' | '?' | '=');
    path.chars().all(plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let hash = "y6i4wiigjn08a5rci3dbxb5a57pslfbm";
        assert_eq!(store_path(&format!("/nix/store/{hash}-bad-2.3.drv")), "bad-2.3");
        assert_eq!(store_path(&format!("/nix/store/{hash}-bad-2.3.drv^out")), "bad-2.3");
        assert_eq!(store_path(&format!("/nix/store/{hash}-x/bin/y")), "x");
        assert_eq!(store_path("strange"), "strange");
        assert_eq!(address("https://me:pw@h/x?token=1#y"), "https://h/x");
        assert_eq!(address("github:o/r?x=1"), "github:o/r");
        assert_eq!(address("git+ssh://git@h/x"), "git+ssh://git@h/x");
        assert_eq!(address("git+ssh://git:pw@h/x"), "git+ssh://h/x");
        assert_eq!(
            derivation(&format!("a '/nix/store/{hash}-b.drv' c")),
            Some(format!("/nix/store/{hash}-b.drv").as_str())
        );
        assert_eq!(derivation("/nix/store/a b.drv"), None);
        assert_eq!(derivation("none"), None);
    }
}
