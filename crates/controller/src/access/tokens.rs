//! The user's tokens for hosts of repositories. Their values are in the secret store; for which hosts there are some is in
//! `tokens.json`, because not every store can list what it has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    controller::Controller,
    error::Error,
    files::{self, FileError},
    lock,
    secret::{SecretId, SecretValue, hide},
};

/// The format of `tokens.json` that is written.
const VERSION: u64 = 1;

/// A host for which a token is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TokenStatus {
    /// Its name, with its port where that isn't the usual one.
    pub host: String,
    /// The user's name there.
    pub user: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub changed: OffsetDateTime,
}

/// The content of `tokens.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Tokens {
    tokens: BTreeMap<String, Token>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    user: String,
    #[serde(with = "time::serde::rfc3339")]
    changed: OffsetDateTime,
}

impl Controller {
    /// The hosts for which tokens are kept.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn tokens(&self) -> Result<Vec<TokenStatus>, Error> {
        let status =
            |(host, token): (String, Token)| TokenStatus { host, user: token.user, changed: token.changed };
        Ok(self.read_tokens()?.tokens.into_iter().map(status).collect())
    }

    /// Keeps a token for a host, in place of the one before. Without a user it is the name that forges take for tokens.
    ///
    /// # Errors
    /// When host, user or token can't be ones, or the store can't be used.
    pub async fn set_token(&self, host: &str, user: Option<&str>, token: &SecretValue) -> Result<(), Error> {
        hide(token);
        let host = host_name(host)?;
        let user = user.map_or_else(|| usual_user(&host), str::to_owned);
        if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
            return Err(Error::Argument("a user's name has no colon and no control characters".into()));
        }
        let is_line = token.expose().iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
        if !is_line || std::str::from_utf8(token.expose()).is_err() {
            return Err(Error::Argument("a token is one line of text".into()));
        }
        let mut value = Zeroizing::new(Vec::with_capacity(user.len() + 1 + token.expose().len()));
        value.extend_from_slice(user.as_bytes());
        value.push(b':');
        value.extend_from_slice(token.expose());
        let value = SecretValue::new(value.to_vec())
            .map_err(|error| Error::Argument(format!("the token: {error}")))?;
        self.open_store().await?.set(&SecretId::Token { host: host.clone() }, &value).await?;
        self.update_tokens(|tokens| {
            tokens.insert(host, Token { user, changed: OffsetDateTime::now_utc() });
        })
    }

    /// Forgets the token for a host. Whether there was one.
    ///
    /// # Errors
    /// When it isn't a host, or the store can't be used.
    pub async fn remove_token(&self, host: &str) -> Result<bool, Error> {
        let host = host_name(host)?;
        let was_there = self.read_tokens()?.tokens.contains_key(&host);
        if was_there {
            self.open_store().await?.remove(&SecretId::Token { host: host.clone() }).await?;
            self.update_tokens(|tokens| drop(tokens.remove(&host)))?;
        }
        Ok(was_there)
    }

    fn read_tokens(&self) -> Result<Tokens, FileError> {
        Ok(files::read_versioned(&self.paths.tokens(), VERSION)?.unwrap_or_default())
    }

    fn update_tokens(&self, change: impl FnOnce(&mut BTreeMap<String, Token>)) -> Result<(), Error> {
        let _held = lock::tokens(&self.paths)?;
        let mut tokens = self.read_tokens()?;
        change(&mut tokens.tokens);
        Ok(files::write_versioned(&self.paths.tokens(), VERSION, &tokens)?)
    }
}

/// A host as it stands in addresses: in lower case, without the usual port. An address is taken for its host.
fn host_name(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let address = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let no_host = || {
        Error::Argument("that is no host; it is written like git.example.org, or git.example.org:8443".into())
    };
    // A line in it would be dropped by the parser, as browsers do.
    let url = Url::parse(&address).ok().filter(|_| !text.contains(char::is_control)).ok_or_else(no_host)?;
    if url.scheme() != "https" || !url.username().is_empty() || url.password().is_some() {
        return Err(no_host());
    }
    let host = url.host_str().filter(|host| !host.starts_with('-')).ok_or_else(no_host)?;
    Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// What forges take as the name beside a token: GitLab its own, the others any.
fn usual_user(host: &str) -> String {
    if host.contains("gitlab") { "oauth2".into() } else { "x-access-token".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_written_in_one_way() {
        for (typed, host) in [
            ("GitHub.com", "github.com"),
            ("https://git.example.org/acme/x", "git.example.org"),
            ("git.example.org:443", "git.example.org"),
            (" git.example.org:8443 ", "git.example.org:8443"),
            ("[fe80::1]:8443", "[fe80::1]:8443"),
            ("GIT.Müller.example", "git.xn--mller-kva.example"),
        ] {
            assert_eq!(host_name(typed).unwrap(), host, "{typed}");
        }
        for typed in [
            "",
            "a b",
            "user:t0ken@host",
            "host\n",
            "https://",
            "http://git.example.org",
            "::::",
            "-x",
            "host:99999",
        ] {
            let typed = typed.replace('\n', "\nx");
            let error = host_name(&typed).unwrap_err().to_string();
            assert!(!error.contains("t0ken"), "{error}");
        }
        assert_eq!(
            (usual_user("gitlab.com").as_str(), usual_user("github.com").as_str()),
            ("oauth2", "x-access-token")
        );
    }
}
