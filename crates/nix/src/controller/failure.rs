//! What a failed program means, as a [`NixError`] with a good cause.

use codchi_controller::{machine::MachineName, nix::NixError};

use super::{exec::Output, machine_dir};
use crate::{
    diagnose::{self, Kind},
    log::{Report, names},
    sanitize,
};

/// How addresses in the controller are called by people: copies of host repositories by the original's address, for example.
#[derive(Default)]
pub(super) struct Origins(Vec<(String, String)>);

impl Origins {
    /// A machine's own flake.
    pub(super) fn of_machine(machine: &MachineName) -> Self {
        Self(vec![(format!("path:{}", machine_dir(machine)), format!("the flake of machine '{machine}'"))])
    }

    /// `inside` is called `outside`.
    pub(super) fn add(&mut self, inside: String, outside: String) {
        self.0.push((inside, outside));
    }

    /// All of both.
    pub(super) fn and(mut self, mut more: Self) -> Self {
        self.0.append(&mut more.0);
        self
    }

    fn name(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (inside, outside)| text.replace(inside, outside))
    }

    /// The address of the source that a message is about; else the first one.
    fn source(&self, text: &str) -> String {
        let named = self.0.iter().find(|(inside, _)| text.contains(inside.as_str()));
        named.or_else(|| self.0.last()).map(|(_, outside)| outside.clone()).unwrap_or_default()
    }
}

/// Why Nix failed. `what` is what was evaluated.
pub(super) fn of_nix(action: &str, what: &str, code: i32, report: &Report, origins: &Origins) -> NixError {
    if let Some(build) = report.failed.first() {
        return NixError::Build {
            derivation: build.name.clone(),
            cause: build.cause().text,
            last_lines: build.last_lines.clone(),
        };
    }
    let Some(last) = report.messages.last() else {
        let said = report.output.iter().rev().find(|line| !line.trim().is_empty());
        return NixError::Failed {
            action: action.to_owned(),
            message: match said {
                Some(said) => origins.name(said.trim()),
                None => format!("nix ended with exit code {code} and gave no reason"),
            },
        };
    };
    let text = origins.name(&last.text);
    if let Some(url) = without_flake(&last.text) {
        return NixError::NoFlake { url: origins.name(url.trim_end_matches('/')) };
    }
    if last.is_about_a_build() {
        let derivation = names::derivation(&last.text).map_or("a derivation", names::store_path);
        return NixError::Build {
            derivation: derivation.to_owned(),
            cause: diagnose::build(&text, &[]).text,
            last_lines: Vec::new(),
        };
    }
    let cause = diagnose::evaluation(&text, last.place.as_deref());
    if last.is_about_fetching() {
        let url = fetched(&last.full)
            .map_or_else(|| origins.source(&last.full), |url| origins.name(&names::address(url)));
        return NixError::Fetch { url, reason: cause.text, missing: cause.kind == Kind::Missing };
    }
    NixError::Evaluation { what: what.to_owned(), cause: cause.text, trace: origins.name(&last.full) }
}

/// The source that has no flake: "source tree referenced by 'URL' does not contain a '/flake.nix' file", before 2.20 "'URL' does not
/// contain …"; "path 'URL' does not contain a 'flake.nix', searching up" for directories.
fn without_flake(text: &str) -> Option<&str> {
    let (before, after) = text.split_once("does not contain a '")?;
    after.split('\'').next().filter(|file| file.ends_with("flake.nix"))?;
    let url = names::quoted(before)?;
    Some(url.split('?').next().unwrap_or(url))
}

/// The address in "while fetching the input 'URL'".
fn fetched(full: &str) -> Option<&str> {
    let (_, after) = full.split_once("while fetching the input '")?;
    after.split('\'').next()
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
