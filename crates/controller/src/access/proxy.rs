//! The network's proxy, as environment variables name it. Its addresses may hold a password, which is never shown.

use std::fmt;

use serde::Serialize;

use crate::secret::SecretValue;

/// The network's proxy. Empty where there is none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// For `http:` addresses.
    pub http: Option<String>,
    /// For `https:` addresses.
    pub https: Option<String>,
    /// For all that have no own one.
    pub all: Option<String>,
    /// The hosts that are reached without one, separated by commas.
    pub no: Option<String>,
}

/// A proxy as it is shown: without passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ProxyStatus {
    /// For `http:` addresses.
    pub http: Option<String>,
    /// For `https:` addresses.
    pub https: Option<String>,
    /// For all that have no own one.
    pub all: Option<String>,
    /// The hosts that are reached without one.
    pub no: Option<String>,
}

impl Proxy {
    /// No proxy.
    pub const NONE: Self = Self { http: None, https: None, all: None, no: None };

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none() && self.all.is_none()
    }

    /// Whether an address holds a name or password.
    pub fn has_credentials(&self) -> bool {
        self.addresses().any(|address| credentials(address).is_some())
    }

    /// What programs read: some names in lower case only, others in upper case only. Addresses with credentials are left out where `public`.
    pub fn variables(&self, public: bool) -> Vec<(&'static str, &str)> {
        let fit = |address: &&str| !public || credentials(address).is_none();
        [
            (["http_proxy", "HTTP_PROXY"], self.http.as_deref().filter(fit)),
            (["https_proxy", "HTTPS_PROXY"], self.https.as_deref().filter(fit)),
            (["all_proxy", "ALL_PROXY"], self.all.as_deref().filter(fit)),
            (["no_proxy", "NO_PROXY"], self.no.as_deref()),
        ]
        .into_iter()
        .filter_map(|(names, value)| value.map(|value| names.map(|name| (name, value))))
        .flatten()
        .collect()
    }

    /// The passwords in its addresses, as they are written there.
    pub(crate) fn passwords(&self) -> Vec<SecretValue> {
        let password = |address: &str| {
            let known = address.get(credentials(address)?)?;
            SecretValue::new(known.split_once(':')?.1).ok()
        };
        self.addresses().filter_map(password).collect()
    }

    /// As it is shown.
    pub fn status(&self) -> ProxyStatus {
        let shown = |address: &Option<String>| address.as_deref().map(without_credentials);
        ProxyStatus {
            http: shown(&self.http),
            https: shown(&self.https),
            all: shown(&self.all),
            no: self.no.clone(),
        }
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        [&self.http, &self.https, &self.all].into_iter().flatten().map(String::as_str)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}

/// What is before the `@` of an address, and where.
fn credentials(address: &str) -> Option<std::ops::Range<usize>> {
    let begin = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(begin..)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // A password may hold any of them unencoded: what is before the last @ is left out then.
    let end = authority.rfind('@').or_else(|| rest.rfind('@'))?;
    Some(begin..begin + end)
}

fn without_credentials(address: &str) -> String {
    match credentials(address) {
        Some(range) => {
            let (before, after) = (address.get(..range.start), address.get(range.end + 1..));
            format!("{}{}", before.unwrap_or_default(), after.unwrap_or_default())
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown_and_not_handed_to_the_public() {
        for (address, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://me:hunter2@proxy:3128/", "http://proxy:3128/"),
            ("me:hunter2@proxy", "proxy"),
            ("http://me:hun/ter2@proxy", "http://proxy"),
            ("socks5h://me@proxy:1", "socks5h://proxy:1"),
        ] {
            let proxy = Proxy { https: Some(address.into()), no: Some("localhost".into()), ..Proxy::NONE };
            assert_eq!(proxy.status().https.as_deref(), Some(shown));
            assert!(!format!("{proxy:?}").contains("ter2"));
            assert_eq!(proxy.has_credentials(), address != shown, "{address}");
            let expected = if address == shown { 4 } else { 2 };
            assert_eq!(proxy.variables(true).len(), expected, "{address}");
            assert_eq!(proxy.variables(false).len(), 4);
            let passwords: Vec<_> = proxy.passwords().iter().map(|p| p.expose().to_vec()).collect();
            assert!(passwords.iter().all(|p| p == b"hunter2" || p == b"hun/ter2"), "{address}");
            assert_eq!(passwords.is_empty(), !address.contains("ter2"), "{address}");
        }
        assert!(Proxy { no: Some("x".into()), ..Proxy::NONE }.is_empty());
    }
}
