//! What a failed program means, as a [`NixError`] with a good cause.

use std::borrow::Cow;

use codchi_controller::{
    access::{Access, Server, Transport},
    activity::{Activity, LogLine, Observer},
    machine::MachineName,
    nix::NixError,
};

use super::{access, exec::Output, machine_dir};
use crate::{
    diagnose::{self, Cause, Kind},
    log::{Report, names},
    sanitize,
};

/// How people call what Nix names: copies of host repositories by the original's directory, inputs by the address that the user gave.
#[derive(Default)]
pub(super) struct Origins {
    names: Vec<(String, String)>,
    inputs: Vec<(String, String)>,
}

impl Origins {
    /// A machine's own flake.
    pub(super) fn of_machine(machine: &MachineName) -> Self {
        let mut origins = Self::default();
        origins.add(format!("path:{}", machine_dir(machine)), format!("the flake of machine '{machine}'"));
        origins
    }

    /// `inside` is called `outside`.
    pub(super) fn add(&mut self, inside: String, outside: String) {
        self.names.push((inside, outside));
    }

    /// The flake input `name` is this source.
    pub(super) fn input(&mut self, name: &str, url: &str) {
        self.inputs.push((name.to_owned(), url.to_owned()));
    }

    /// All of both.
    pub(super) fn and(mut self, mut more: Self) -> Self {
        self.names.append(&mut more.names);
        self.inputs.append(&mut more.inputs);
        self
    }

    /// A text as people read it.
    pub(super) fn name<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.names.iter().fold(Cow::Borrowed(text), |text, (inside, outside)| {
            if text.contains(inside.as_str()) { Cow::Owned(text.replace(inside, outside)) } else { text }
        })
    }

    /// The source that Nix was reading, by its trace: the innermost input that is fetched or locked.
    fn source(&self, full: &str) -> String {
        if let Some(url) = last_quoted(full, "while fetching the input '") {
            let known = self.names.iter().find(|(inside, _)| url.starts_with(inside.as_str()));
            return known.map_or_else(|| names::address(url), |(_, outside)| outside.clone());
        }
        let path = last_quoted(full, "while updating the flake input '").unwrap_or_default();
        let (input, below) = path.split_once('/').map_or((path, None), |(input, below)| (input, Some(below)));
        let url = self.inputs.iter().find(|(name, _)| name == input).or(self.inputs.first());
        let url = url.map(|(_, url)| url.as_str()).unwrap_or("a source");
        match below {
            Some(below) => format!("the input '{below}' of {url}"),
            None => url.to_owned(),
        }
    }
}

/// The text in quotes behind the last `mark`.
fn last_quoted<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.rsplit_once(mark)?.1.split('\'').next()
}

/// An observer that is told of things by their names for people.
pub(super) struct Renamed<'a> {
    pub(super) observer: &'a dyn Observer,
    pub(super) origins: &'a Origins,
}

impl Observer for Renamed<'_> {
    fn activity(&self, activity: &Activity) {
        match self.origins.name(&activity.name) {
            Cow::Borrowed(_) => self.observer.activity(activity),
            Cow::Owned(name) => self.observer.activity(&Activity { name, ..activity.clone() }),
        }
    }

    fn log(&self, line: LogLine) {
        match self.origins.name(&line.text) {
            Cow::Borrowed(_) => self.observer.log(line),
            Cow::Owned(text) => self.observer.log(LogLine { text, ..line }),
        }
    }
}

/// The exit codes of a program that SIGKILL and SIGTERM ended, as shells have them.
const KILLED: i32 = 128 + 9;
const TERMINATED: i32 = 128 + 15;

/// Why Nix failed. `what` is what was evaluated, `access` what it could use.
pub(super) fn of_nix(
    action: &str,
    what: &str,
    code: i32,
    report: &Report,
    origins: &Origins,
    access: &Access,
) -> NixError {
    if let Some(build) = report.failed.first() {
        return NixError::Build {
            derivation: build.name.clone(),
            cause: build.cause().text,
            last_lines: build.last_lines.clone(),
        };
    }
    if let KILLED | TERMINATED = code {
        // What it said while it was torn down isn't the reason.
        let message = "nix was ended from outside, or there was no memory left".into();
        return NixError::Failed { action: action.to_owned(), message };
    }
    let Some(last) = report.messages.last() else {
        let said = report.output.iter().rev().find(|line| !line.trim().is_empty());
        return NixError::Failed {
            action: action.to_owned(),
            message: match said {
                Some(said) => origins.name(said.trim()).into_owned(),
                None => format!("nix ended with exit code {code} and gave no reason"),
            },
        };
    };
    let text = origins.name(&last.text);
    if last.is_about_the_daemon() {
        let message =
            "the nix-daemon in the controller stopped or doesn't answer; it is started again by itself"
                .into();
        return NixError::Failed { action: action.to_owned(), message };
    }
    if is_without_flake(&last.text, &last.full) {
        return NixError::NoFlake { url: origins.source(&last.full) };
    }
    if last.is_about_a_build() {
        let derivation = names::derivation(&last.text).map_or("a derivation", names::store_path);
        return NixError::Build {
            derivation: derivation.to_owned(),
            cause: diagnose::build(&text, &[]).text,
            last_lines: Vec::new(),
        };
    }
    if last.is_about_fetching() {
        let said: Vec<String> = report.output.iter().map(|line| origins.name(line).into_owned()).collect();
        let cause = diagnose::fetch(&text, &said);
        return of_fetch(origins.source(&last.full), cause, &text, &said, access);
    }
    let cause = diagnose::evaluation(&text, last.place.as_deref());
    NixError::Evaluation {
        what: what.to_owned(),
        cause: cause.text,
        trace: origins.name(&last.full).into_owned(),
    }
}

/// What was refused in a run that ended well: Nix uses what it fetched before when a repository can't be fetched anew. That is right
/// without a network, but who has no access any more must hear of it.
pub(super) fn of_refused(report: &Report, origins: &Origins, access: &Access) -> Option<NixError> {
    // Git and SSH say it; Nix itself only warns.
    let said: Vec<String> = report.output.iter().map(|line| origins.name(line).into_owned()).collect();
    let cause = diagnose::fetch("", &said);
    if said.is_empty() || !is_about_access(&cause) {
        return None;
    }
    let host = said.iter().rev().find_map(|line| address(line)).map(|server| server.host);
    let at_host = |url: &&String| access::server(url).map(|server| server.host) == host;
    let input = origins.inputs.iter().map(|(_, url)| url).find(at_host).filter(|_| host.is_some());
    let url = input.cloned().unwrap_or_else(|| origins.source(""));
    Some(of_fetch(url, cause, "", &said, access))
}

fn is_about_access(cause: &Cause) -> bool {
    matches!(cause.kind, Kind::Denied | Kind::Certificate | Kind::HostKey)
}

/// Why a source couldn't be fetched: which server refused, and what was used there.
fn of_fetch(url: String, cause: Cause, text: &str, said: &[String], access: &Access) -> NixError {
    let missing = cause.kind == Kind::Missing;
    // The server that was asked may be that of an input of an input: git and curl name it.
    let named = said.iter().rev().map(String::as_str).chain([text]).find_map(address);
    let server = match (named, access::server(&url)) {
        // The same, with its whole path.
        (Some(named), Some(own)) if named.host == own.host => Some(own),
        (named, own) => named.or(own),
    };
    let server = server.filter(|_| is_about_access(&cause));
    let Some(server) = server else { return NixError::Fetch { url, reason: cause.text, missing } };
    let host = server.host.clone();
    match cause.kind {
        Kind::Certificate => NixError::Certificate { url, host, reason: cause.text },
        Kind::HostKey => NixError::HostKey {
            host,
            changed: said.iter().any(|line| line.to_lowercase().contains("has changed")),
        },
        _ => NixError::AccessDenied { url, used: access.used_at(&server), host, reason: cause.text },
    }
}

/// The server whose address is quoted in a line.
fn address(line: &str) -> Option<Server> {
    ["https://", "ssh://"].iter().find_map(|scheme| {
        let (_, rest) = line.split_once(scheme)?;
        let rest = rest.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"')).next()?;
        let rest = rest.trim_end_matches([':', '/']);
        access::server(&format!("git+{scheme}{rest}")).or_else(|| {
            // Asked for a password, git names the host alone.
            let host = rest.split('/').next()?.rsplit('@').next()?.to_ascii_lowercase();
            let transport = if *scheme == "ssh://" { Transport::Ssh } else { Transport::Https };
            let (owner, path) = (String::new(), String::new());
            Some(Server { transport, host, owner, path, forge: None, archive: false })
        })
    })
}

/// Whether a source has no flake: while an input is locked, "path '…/flake.nix' does not exist" (2.24 to 2.28), "… does not contain a
/// '/flake.nix' file" (others).
fn is_without_flake(text: &str, full: &str) -> bool {
    let missing =
        text.contains("/flake.nix' does not exist") && full.contains("while updating the flake input '");
    missing || (text.contains("does not contain a '") && text.contains("flake.nix'"))
}

/// Why another program failed.
pub(super) fn of_program(action: &str, output: &Output) -> NixError {
    let stderr = sanitize::plain_text(&String::from_utf8_lossy(&output.stderr));
    let mut said = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = said.clone().find(|line| line.contains("error")).or_else(|| said.next_back());
    NixError::Failed {
        action: action.to_owned(),
        message: match said {
            Some(said) => said.trim_start_matches("error:").trim().to_owned(),
            None => format!("it ended with exit code {}", output.code),
        },
    }
}

#[cfg(test)]
mod tests {
    use codchi_controller::access::Used;

    use super::*;

    fn failure(url: &str, said: &str) -> NixError {
        let said: Vec<String> = said.lines().map(str::to_owned).collect();
        let text = "program 'git' failed with exit code 128";
        of_fetch(url.into(), diagnose::fetch(text, &said), text, &said, &Access::default())
    }

    #[test]
    fn the_server_that_refused_is_named() {
        let url = "git+https://git.example.org:8443/acme/x.git";
        match failure(url, "fatal: Authentication failed for 'https://git.example.org:8443/acme/x.git/'") {
            NixError::AccessDenied { url: of, host, used: Used::Nothing, .. } => {
                assert_eq!((of.as_str(), host.as_str()), (url, "git.example.org:8443"));
            }
            other => panic!("{other:?}"),
        }
        let said =
            "fatal: could not read Username for 'https://other.example.org': terminal prompts disabled";
        match failure(url, said) {
            NixError::AccessDenied { host, .. } => assert_eq!(host, "other.example.org"),
            other => panic!("{other:?}"),
        }
        let said = "fatal: unable to access 'https://git.example.org:8443/acme/x.git/': server certificate \
                    verification failed. CAfile: none CRLfile: none";
        assert!(
            matches!(failure(url, said), NixError::Certificate { host, .. } if host == "git.example.org:8443")
        );
        let ssh = "git+ssh://git@git.example.org:2222/acme/x";
        let denied = failure(ssh, "git@git.example.org: Permission denied (publickey).");
        assert!(matches!(
            denied,
            NixError::AccessDenied { host, used: Used::NoAgent, .. } if host == "git.example.org:2222"
        ));
        let unknown = failure(ssh, "No ED25519 host key is known for x.\nHost key verification failed.");
        assert!(matches!(unknown, NixError::HostKey { changed: false, .. }));
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.";
        assert!(matches!(failure(ssh, changed), NixError::HostKey { changed: true, .. }));
        let mut report = Report::default();
        let mut origins = Origins::default();
        origins.input("m0", "git+https://elsewhere.example.org/acme/y");
        origins.input("m1", url);
        assert!(of_refused(&report, &origins, &Access::default()).is_none());
        report.output.push_back("warning: could not update local clone".into());
        report.output.push_back("fatal: unable to access: Could not resolve host: git.example.org".into());
        assert!(of_refused(&report, &origins, &Access::default()).is_none(), "offline is no refusal");
        let refused = "fatal: Authentication failed for 'https://git.example.org:8443/acme/x.git/'";
        report.output.push_back(refused.into());
        match of_refused(&report, &origins, &Access::default()) {
            Some(NixError::AccessDenied { url: of, .. }) => assert_eq!(of, url),
            other => panic!("{other:?}"),
        }
        let gone = failure(url, "fatal: couldn't find remote ref refs/heads/x");
        assert!(matches!(gone, NixError::Fetch { missing: true, .. }));
    }
}
