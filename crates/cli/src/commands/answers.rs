//! Answers that are given on the command line, beside the command they are for.

use std::{collections::BTreeMap, io::Read as _};

use codchi_controller::{
    failure::FailureCode,
    secret::{AskFor, GivenAnswers, HostSecret, SecretValue},
};
use zeroize::Zeroizing;

use crate::{
    app::App,
    exit::{Stop, failure},
    signals::unless_ended,
};

/// The most that is read for `--secrets-from`: a hundred of the largest values.
const MOST_BYTES: usize = 8 << 20;

/// What is answered beforehand.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Answers {
    /// Take the values of secrets from this file, or from stdin (-): a JSON object, name to text or {"base64": "…"}
    #[arg(long, value_name = "FILE|-")]
    secrets_from: Option<String>,
    /// Let the machine use this of yours; may be repeated
    #[arg(long, value_name = "WHAT")]
    allow: Vec<OwnSecret>,
    /// Don't let the machine use this of yours (any more); may be repeated
    #[arg(long, value_name = "WHAT")]
    deny: Vec<OwnSecret>,
    /// Build although this computer lacks this capability; remembered for the machine; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    without: Vec<String>,
    /// Don't build without this capability any more; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    with: Vec<String>,
}

/// The user's own secrets, as they are written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OwnSecret {
    CaCertificates,
    SshAgent,
    GitCredentials,
    NixAccessTokens,
}

impl From<OwnSecret> for HostSecret {
    fn from(secret: OwnSecret) -> Self {
        match secret {
            OwnSecret::CaCertificates => Self::CaCertificates,
            OwnSecret::SshAgent => Self::SshAgent,
            OwnSecret::GitCredentials => Self::GitCredentials,
            OwnSecret::NixAccessTokens => Self::NixAccessTokens,
        }
    }
}

impl Answers {
    /// Reads them.
    ///
    /// # Errors
    /// When the file can't be read or isn't what it should be. What is in it is never repeated.
    pub(crate) async fn read(self, app: &App) -> Result<GivenAnswers, Stop> {
        let secrets = match self.secrets_from.as_deref() {
            None => BTreeMap::new(),
            Some(from) => parse(from, &contents(app, from).await?)?,
        };
        let allowed = self.allow.into_iter().map(|secret| (secret.into(), true));
        let host_secrets =
            allowed.chain(self.deny.into_iter().map(|secret| (secret.into(), false))).collect();
        let without = self.without.into_iter().collect();
        let with = self.with.into_iter().collect();
        Ok(GivenAnswers { secrets, host_secrets, without, with, ..GivenAnswers::default() })
    }
}

/// What is asked: everything where somebody can answer.
pub(crate) fn ask_for(app: &App, json: bool) -> AskFor {
    if app.can_ask(json) { AskFor::Everything } else { AskFor::Required }
}

async fn contents(app: &App, from: &str) -> Result<Zeroizing<Vec<u8>>, Stop> {
    let read = match from {
        "-" => unless_ended(app.screen.stdin.rest(MOST_BYTES + 1)).await?,
        path => bounded(path),
    };
    let bytes = read.map_err(|error| {
        let mut why =
            failure(FailureCode::InvalidArgument, format!("can't read the secrets from {from}"), None);
        why.causes.push(error.to_string());
        Stop::from(why)
    })?;
    if bytes.len() > MOST_BYTES {
        let message = format!("{from} has more than {} MiB", MOST_BYTES >> 20);
        return Err(Stop::usage(message, "nothing was changed; a value has at most 64 KiB"));
    }
    Ok(bytes)
}

/// What is in a file, a pipe or a device, and one byte more than there may be where there is more.
fn bounded(path: &str) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room from the beginning: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
    std::fs::File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(from: &str, bytes: &[u8]) -> Result<BTreeMap<String, SecretValue>, Stop> {
    // The parser's own message may repeat a part of a value: only where it stumbled is told.
    serde_json::from_slice(bytes).map_err(|error| {
        Stop::usage(
            format!(
                "{from} isn't a JSON object of secrets (line {}, column {})",
                error.line(),
                error.column()
            ),
            r#"it looks like {"token": "the value", "key": {"base64": "AAEC"}}; a value has at most 64 KiB"#,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_something_else_is_refused_without_being_repeated() {
        let good = parse("f", br#"{"a": "x", "b": {"base64": "AA=="}}"#).unwrap();
        assert_eq!(good["b"].expose(), [0]);
        for bad in [r#"["hunter2"]"#, r#"{"a": 7}"#, r#"{"a": "hunter2""#, "hunter2", ""] {
            let stop = parse("f", bad.as_bytes()).unwrap_err();
            assert_eq!(stop.exit, crate::exit::Exit::USAGE);
            assert!(!format!("{stop:?}").contains("hunter2"), "{bad}");
        }
    }
}
