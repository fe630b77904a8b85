//! The proxy that the environment names, as curl reads it: lower case before upper case, and `HTTP_PROXY` is taken as well.

use codchi_controller::access::Proxy;

use crate::Environment;

pub(super) fn of(environment: &Environment) -> Proxy {
    let variable = |lower: &str, upper: &str| {
        let value = environment.text(lower).or_else(|| environment.text(upper))?;
        // It becomes a line of a file.
        Some(value.trim().to_owned()).filter(|value| !value.contains(char::is_control))
    };
    Proxy {
        http: variable("http_proxy", "HTTP_PROXY"),
        https: variable("https_proxy", "HTTPS_PROXY"),
        all: variable("all_proxy", "ALL_PROXY"),
        no: variable("no_proxy", "NO_PROXY"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_comes_first() {
        let proxy = of(&Environment::from([
            ("http_proxy", "http://lower:1"),
            ("HTTP_PROXY", "http://upper:1"),
            ("HTTPS_PROXY", "http://upper:2"),
            ("ALL_PROXY", "http://two\nlines"),
            ("no_proxy", " localhost,.example.org "),
        ]));
        assert_eq!(proxy.http.as_deref(), Some("http://lower:1"));
        assert_eq!(proxy.https.as_deref(), Some("http://upper:2"));
        assert_eq!((proxy.all, proxy.no.as_deref()), (None, Some("localhost,.example.org")));
    }
}
