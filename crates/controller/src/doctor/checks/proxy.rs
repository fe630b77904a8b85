//! Does the proxy that the environment names answer.

use crate::{
    doctor::{
        CheckGroup,
        finding::{Finding, Subject},
    },
    host::Host,
};

pub(in crate::doctor) const SUBJECT: Subject =
    Subject { id: "proxy", group: CheckGroup::Network, title: "Proxy" };

/// The variables that name it, as curl and git read them.
const VARIABLES: &[&str] = &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy"];

/// A proxy, without the password that may be in its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct Proxy {
    pub(in crate::doctor) host: String,
    pub(in crate::doctor) port: u16,
}

/// The proxy for `https`; `Some(Err)` names a variable that makes no sense.
pub(in crate::doctor) fn wanted(host: &dyn Host) -> Option<Result<Proxy, &'static str>> {
    let (name, value) = VARIABLES.iter().find_map(|name| Some((*name, host.variable(name)?)))?;
    Some(parse(&value).ok_or(name))
}

fn parse(value: &str) -> Option<Proxy> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        scheme if scheme.starts_with("socks") => 1080,
        _ => return None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => (host, port.parse().ok()?),
        // curl's port where none is said.
        _ if scheme == "http" && !value.contains("://") => (authority, 1080),
        _ => (authority, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| Proxy { host: host.to_owned(), port })
}

/// `answered` says how connecting to it ended.
pub(in crate::doctor) fn check(
    proxy: Option<&Result<Proxy, &'static str>>,
    answered: Result<(), String>,
) -> Finding {
    match proxy {
        None => Finding::ok("none", "None is set."),
        Some(Err(variable)) => {
            Finding::fail("unread", "The variable {variable} isn't the address of a proxy.")
                .with("variable", *variable)
        }
        Some(Ok(Proxy { host, port })) => match answered {
            Ok(()) => Finding::ok("answers", "It answers.").seen(format!("{host}:{port}")),
            Err(why) => {
                Finding::fail("silent", "The proxy {proxy} doesn't answer: nothing can be downloaded.")
                    .with("proxy", format!("{host}:{port}"))
                    .seen(why)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::tests::Tree;

    #[test]
    fn addresses_are_read_as_curl_does_and_without_passwords() {
        let proxy = |host: &str, port| Some(Proxy { host: host.into(), port });
        assert_eq!(parse("http://me:secret@proxy.acme.example:3128/"), proxy("proxy.acme.example", 3128));
        assert_eq!(parse("proxy:8080"), proxy("proxy", 8080));
        assert_eq!(parse("proxy"), proxy("proxy", 1080));
        assert_eq!(parse("https://proxy"), proxy("proxy", 443));
        assert_eq!(parse("socks5h://[::1]:9050"), proxy("::1", 9050));
        assert_eq!(parse("http://[::1]"), proxy("::1", 80));
        assert_eq!((parse("ftp://proxy"), parse("http://"), parse("proxy:x")), (None, None, None));
    }

    #[test]
    fn a_proxy_that_is_silent_fails() {
        let host = Tree::new().host().with_variable("HTTPS_PROXY", "http://me:secret@proxy:3128");
        let found = wanted(&host);
        let told = check(found.as_ref(), Err("refused".into())).about(SUBJECT).0;
        assert_eq!(told.reason, "silent");
        assert!(!format!("{told:?}").contains("secret"));
        assert_eq!(check(found.as_ref(), Ok(())).reason, "answers");
        assert_eq!(check(wanted(&Tree::new().host()).as_ref(), Ok(())).reason, "none");
    }
}
