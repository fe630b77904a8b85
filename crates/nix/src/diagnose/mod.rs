//! The likely cause of a failure in one line, from what Nix and the failed programs said. Pure.
//!
//! Nix gives no codes, so this reads prose; the patterns are those of Nix 2.18 to 2.31, curl, git, OpenSSH and glibc. Where nothing is
//! recognised, Nix' own words are the cause.

mod known;

use crate::{
    log::{in_source, names},
    sanitize,
};

use known::known;

/// The longest cause, in characters.
const LONGEST: usize = 300;

/// What kind of cause it is, where somebody branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something isn't there, or not visible to this user.
    Missing,
    /// A server wants to know who asks, or refuses who does.
    Denied,
    /// A server's certificate isn't trusted.
    Certificate,
    /// An SSH server's host key isn't known.
    HostKey,
    /// The network, a name, a refused connection.
    Network,
    /// A full disk, too little memory.
    Resources,
    /// Anything else.
    Other,
}

/// A cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Its kind.
    pub kind: Kind,
    /// In one line.
    pub text: String,
}

/// Why a derivation failed: `message` is Nix' error, `lines` what the builder printed last. Both without colours.
pub fn build(message: &str, lines: &[String]) -> Cause {
    let other = |text: String| Cause { kind: Kind::Other, text: shorten(&text) };
    if message.contains("hash mismatch in fixed-output derivation") {
        let of = |mark: &str| {
            message.lines().find_map(|line| line.trim_start().strip_prefix(mark)).map_or("?", str::trim)
        };
        return other(format!(
            "what was downloaded has another hash than expected: {} instead of {}",
            of("got:"),
            of("specified:")
        ));
    }
    if message.contains("is required to build") || message.contains("Required system:") {
        return other(required_system(message));
    }
    let last_error = lines.iter().rev().take(25).find(|line| looks_like_error(line));
    let said = last_error.or_else(|| lines.iter().rev().find(|line| !line.trim().is_empty()));
    for text in lines.iter().rev().take(10).map(String::as_str).chain([message]) {
        if let Some(cause) = known(text) {
            let detail = if text == message {
                String::new()
            } else {
                format!(" ({})", text.trim().trim_start_matches("error:").trim())
            };
            return Cause { text: shorten(&format!("{}{detail}", cause.text)), ..cause };
        }
    }
    if let Some((_, output)) = message.split_once("failed to produce output path for output ") {
        let output = output.split('\'').nth(1).unwrap_or("out");
        let lines = said.map(|line| format!("; it said: {}", line.trim())).unwrap_or_default();
        return other(format!("it ended without making its output '{output}'{lines}"));
    }
    if let Some((_, after)) = message.split_once("timed out after") {
        return other(format!("it was stopped after {}", first_line(after).trim_end_matches(['.', ';'])));
    }
    let ending = ["failed with exit code ", "failed due to signal "].into_iter().find_map(|mark| {
        let (_, after) = message.split_once(mark)?;
        let code = after.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((mark.starts_with("failed due"), code.to_owned()))
    });
    match (ending, said) {
        (Some((true, code)), said) if code == "9" => {
            let detail = said.map(|line| format!("; it said: {}", line.trim())).unwrap_or_default();
            Cause {
                kind: Kind::Resources,
                text: shorten(&format!("it was killed, perhaps for want of memory{detail}")),
            }
        }
        (_, Some(said)) => other(said.trim().to_owned()),
        (Some((true, code)), None) => other(format!("it was ended by signal {code}")),
        (Some((false, code)), None) => other(format!("it ended with exit code {code} and printed nothing")),
        (None, None) => other(first_line(message).to_owned()),
    }
}

/// Why an evaluation failed: `message` is Nix' error without its trace and colours, `place` the file and line it names.
pub fn evaluation(message: &str, place: Option<&str>) -> Cause {
    if let Some(cause) = known(message) {
        let host = host(message).map(|host| format!(" ({host})")).unwrap_or_default();
        return Cause { text: shorten(&format!("{}{host}", cause.text)), ..cause };
    }
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("Nix gave no reason");
    let rest: Vec<&str> = lines.map(|line| line.trim_start_matches("- ")).collect();
    let text = if first.starts_with("Failed assertions:") {
        format!("failed assertion: {}", rest.join(" "))
    } else if let Some(said) = first.strip_suffix("Definition values:") {
        // The definitions follow, each as "In `FILE': VALUE".
        let files =
            rest.iter().filter_map(|line| line.strip_prefix("In `")?.split_once('\'')).map(|(file, _)| file);
        // A module that was added to the machine is called `NAME (STORE PATH)`.
        let files = files.map(|file| file.split_once(" (/nix/store/").map_or(file, |(name, _)| name));
        let files: Vec<&str> = files.map(in_source).filter(|file| *file != "<unknown-file>").collect();
        let files =
            if files.is_empty() { String::new() } else { format!(" (defined in {})", files.join(", ")) };
        format!("{}{files}", said.trim().trim_end_matches('.'))
    } else if first.ends_with(':') {
        format!("{first} {}", rest.join(" "))
    } else {
        first.to_owned()
    };
    // Errors of the module system name the option; the place is somewhere in its library.
    let of_module_system = ["Failed assertions:", "The option `", "A definition for option `"];
    let place = place.filter(|_| !of_module_system.iter().any(|start| first.starts_with(start)));
    let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
    Cause { kind: Kind::Other, text: shorten(&format!("{text}{place}")) }
}

/// Why something couldn't be fetched: `message` is Nix' error, `lines` what git and SSH said.
pub fn fetch(message: &str, lines: &[String]) -> Cause {
    let gone = message.starts_with("path '") && message.ends_with("' does not exist");
    if gone {
        return Cause { kind: Kind::Missing, text: "the controller has no such directory".into() };
    }
    if known(message).is_some() {
        return evaluation(message, None);
    }
    let said = lines.iter().rev().find_map(|line| Some((known(line)?, line)));
    if let Some((cause, line)) = said {
        let line = line.trim().trim_start_matches("fatal:").trim_start_matches("ssh:").trim();
        return Cause { text: shorten(&format!("{} ({line})", cause.text)), ..cause };
    }
    let fatal = lines.iter().rev().find_map(|line| line.trim().strip_prefix("fatal:"));
    match fatal {
        Some(fatal) => Cause { kind: Kind::Other, text: shorten(fatal) },
        None => evaluation(message, None),
    }
}

/// The host of the first address in a text.
fn host(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '\'', '"', ' ', '?']).next()?;
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

/// Says which platform or feature a derivation needs. Until 2.28: "a 'S' with features {F} is required to build 'D', but I am a 'S' with
/// features {F}"; since: lines "Required system: 'S' with features {F}" and "Current system: …", the features not in every version.
fn required_system(message: &str) -> String {
    let (needed, own) = match (message.split_once("Required system:"), message.split_once("Current system:"))
    {
        (Some((_, needed)), Some((_, own))) => (first_line(needed), first_line(own)),
        _ => message.split_once("but I am a").unwrap_or((message, "")),
    };
    let quoted = |text: &str| names::quoted(text).unwrap_or("another system").to_owned();
    let features = |text: &str| -> Vec<String> {
        let list = text.split_once('{').and_then(|(_, rest)| rest.split('}').next()).unwrap_or_default();
        list.split(',')
            .map(|feature| feature.trim().to_owned())
            .filter(|feature| !feature.is_empty())
            .collect()
    };
    let has = features(own);
    let missing: Vec<String> =
        features(needed).into_iter().filter(|feature| !has.contains(feature)).collect();
    if quoted(needed) == quoted(own) && !missing.is_empty() {
        format!("it needs the system feature {}, which the controller doesn't have", missing.join(", "))
    } else {
        format!("it can be built only on {}, not on {}", quoted(needed), quoted(own))
    }
}

fn looks_like_error(line: &str) -> bool {
    let lower = line.to_lowercase();
    ["error", "fatal", "not found", "no such file", "permission denied", "failed", "undefined", "panic"]
        .iter()
        .any(|word| lower.contains(word))
        && !lower.contains("0 errors")
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// One line of bounded length.
fn shorten(text: &str) -> String {
    let text = sanitize::plain_text(text);
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        // A path in a source says nothing with the store's part.
        match word.split_once("/nix/store/") {
            Some((before, path)) if path.contains("-source/") => {
                out.push_str(before);
                out.push_str(path.split_once('/').map_or(path, |(_, below)| below));
            }
            _ => out.push_str(word),
        }
    }
    if out.chars().count() > LONGEST {
        out = out.chars().take(LONGEST - 1).collect();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests;
