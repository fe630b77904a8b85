//! `ctrl-serve git-ssh FILE PROGRAM… -- ARGUMENTS…`: what git runs in place of ssh. The keys of the user's agent are for the repositories
//! that the user named and their neighbours of the same owner. An input of somebody else's flake at the same server isn't fetched in the
//! user's name: all machines could read it.

use std::io;
use std::path::Path;

/// A server, and what may be read there.
#[derive(Debug, serde::Deserialize)]
struct Place {
    /// Its name, with its port where that isn't the usual one.
    host: String,
    /// First segments of paths.
    owners: Vec<String>,
}

/// Why ssh isn't run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefusedError {
    #[error("cannot read {path}: {source}")]
    Places { path: String, source: io::Error },
    #[error("git asked ssh for something else than a repository")]
    Question,
    #[error(
        "the repository {path} at {host} is none that the user named: their SSH keys are not used for it"
    )]
    NotNamed { host: String, path: String },
}

/// The arguments of the program, where it may be run.
///
/// # Errors
/// See [`RefusedError`].
pub(crate) fn allowed(
    file: &Path,
    program: &[String],
    asked: &[String],
) -> Result<Vec<String>, RefusedError> {
    let read = || -> io::Result<Vec<Place>> {
        serde_json::from_slice(&std::fs::read(file)?)
            .map_err(|_| io::Error::other("it has an unexpected form"))
    };
    let places =
        read().map_err(|source| RefusedError::Places { path: file.display().to_string(), source })?;
    let question = Question::of(asked).ok_or(RefusedError::Question)?;
    if !question.is_about(&places) {
        return Err(RefusedError::NotNamed { host: question.host, path: question.path });
    }
    Ok([program, asked].concat())
}

/// What git wants to read.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    /// As in [`Place::host`].
    host: String,
    path: String,
}

impl Question {
    /// Git's arguments for OpenSSH (`ssh.variant` in git-config(1)): options, `[USER@]HOST`, one command.
    fn of(arguments: &[String]) -> Option<Self> {
        let mut rest = arguments.iter().map(String::as_str);
        let mut port = None;
        let destination = loop {
            match rest.next()? {
                // The version of the protocol, the only variable that git hands on.
                "-o" if rest.next()? == "SendEnv=GIT_PROTOCOL" => {}
                "-p" => port = Some(rest.next()?.parse::<u16>().ok()?),
                "-4" | "-6" => {}
                option if option.starts_with('-') => return None,
                destination => break destination,
            }
        };
        let command = rest.next().filter(|_| rest.next().is_none())?;
        let path = command.strip_prefix("git-upload-pack '")?.strip_suffix('\'')?;
        let is_plain = |c: char| !c.is_control() && !matches!(c, '\'' | '\\' | '!');
        if !path.chars().all(is_plain) || path.split('/').any(|part| part == "..") {
            return None;
        }
        let host = destination.rsplit('@').next()?;
        let host = match port {
            Some(port) if port != 22 => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Some(Self { host, path: path.to_owned() })
    }

    fn is_about(&self, places: &[Place]) -> bool {
        let owner = self.path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let same = |host: &str| {
            let host = host.replace(['[', ']'], "");
            host.strip_suffix(":22").unwrap_or(&host).eq_ignore_ascii_case(&self.host)
        };
        places.iter().any(|place| same(&place.host) && place.owners.iter().any(|one| one == owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn keys_are_for_the_repositories_that_were_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let places =
            r#"[{"host":"git.example.org:2222","owners":["acme"]},{"host":"github.com","owners":["me"]}]"#;
        std::fs::write(&file, places).unwrap();
        let ask = |line: &[&str]| allowed(file.path(), &words(&["ssh", "-F", "none"]), &words(line));
        let at = |path: &str| {
            let command = format!("git-upload-pack '{path}'");
            ask(&["-o", "SendEnv=GIT_PROTOCOL", "-p", "2222", "git@git.example.org", &command])
        };
        assert_eq!(at("/acme/web.git").unwrap()[..4], ["ssh", "-F", "none", "-o"]);
        assert!(ask(&["git@github.com", "git-upload-pack 'me/x'"]).is_ok());
        for path in ["/victim/private", "", "/", "/acmeevil/x"] {
            assert!(matches!(at(path), Err(RefusedError::NotNamed { .. })), "{path}");
        }
        for path in ["/acme/../victim/private", "/acme/x'; id '"] {
            assert!(matches!(at(path), Err(RefusedError::Question)), "{path}");
        }
        for line in [
            &["git@github.com", "git-upload-pack 'victim/private'"][..],
            &["-p", "2222", "github.com", "git-upload-pack 'me/x'"],
            &["github.com.evil", "git-upload-pack 'me/x'"],
        ] {
            assert!(matches!(ask(line), Err(RefusedError::NotNamed { .. })), "{line:?}");
        }
        for line in [
            &["-o", "ProxyCommand=id", "git@github.com", "git-upload-pack 'me/x'"][..],
            &["-G", "github.com"],
            &["github.com"],
            &["github.com", "id"],
            &["github.com", "git-receive-pack 'me/x'"],
            &["github.com", "git-upload-pack 'me/x'", "more"],
        ] {
            assert!(matches!(ask(line), Err(RefusedError::Question)), "{line:?}");
        }
    }
}
