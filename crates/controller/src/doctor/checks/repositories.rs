//! Which hosts the modules of all machines come from. Only what is fetched over the network counts.

use std::collections::BTreeSet;

/// The host of an `https` address or of a forge's short form, with its port where there is one: `git.acme.example:8443`.
pub(in crate::doctor) fn https_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let parameter = |name: &str| {
        let query = url.split_once('?')?.1;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
    };
    let transport = scheme.rsplit('+').next().unwrap_or(scheme);
    let host = match (scheme, transport) {
        ("github", _) => parameter("host").unwrap_or_else(|| "github.com".into()),
        ("gitlab", _) => parameter("host").unwrap_or_else(|| "gitlab.com".into()),
        ("sourcehut", _) => parameter("host").unwrap_or_else(|| "git.sr.ht".into()),
        (_, "https") => {
            let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
            authority.rsplit('@').next()?.to_owned()
        }
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    (!host.is_empty() && !host.starts_with('-') && host.chars().all(plain)).then(|| host.to_ascii_lowercase())
}

/// The hosts of all of these addresses.
pub(in crate::doctor) fn hosts<'a>(urls: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    urls.into_iter().filter_map(https_host).collect()
}

/// Host and port.
pub(in crate::doctor) fn name_and_port(host: &str) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.parse::<u16>().is_ok() => {
            (name, port.parse().unwrap_or(443))
        }
        _ => (host, 443),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_over_https_has_a_host() {
        for (url, host) in [
            ("github:acme/shop", Some("github.com")),
            ("github:acme/shop/main?host=git.acme.example", Some("git.acme.example")),
            ("gitlab:a/b", Some("gitlab.com")),
            ("git+https://user:token@Git.Acme.example:8443/x.git?ref=main", Some("git.acme.example:8443")),
            ("https://acme.example/x.tar.gz", Some("acme.example")),
            ("tarball+https://acme.example#x", Some("acme.example")),
            ("git+ssh://git@acme.example/x", None),
            ("git+file:///srv/x", None),
            ("/srv/x", None),
            ("https://--upload-pack=x/", None),
            ("https://a b/", None),
        ] {
            assert_eq!(https_host(url).as_deref(), host, "{url}");
        }
        assert_eq!(name_and_port("a.example:8443"), ("a.example", 8443));
        assert_eq!(name_and_port("a.example"), ("a.example", 443));
    }
}
