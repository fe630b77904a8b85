//! Is the Windows Subsystem for Linux new enough. Compiled on Windows only.

use crate::doctor::{
    CheckGroup,
    finding::{Finding, Subject},
};

pub(in crate::doctor) const SUBJECT: Subject = Subject { id: "wsl", group: CheckGroup::Engine, title: "WSL" };

/// The oldest with systemd.
const OLDEST: (u32, u32, u32) = (0, 67, 6);

/// What asks for the version; older ones don't know the question.
pub(in crate::doctor) const ASK: [&str; 2] = ["wsl.exe", "--version"];

/// `said` is what it printed, `None` where it can't be run.
pub(in crate::doctor) fn check(said: Option<(i32, &[String])>) -> Finding {
    let Some((code, lines)) = said else {
        return Finding::fail("missing", "WSL isn't installed. Run `wsl --install` as an administrator.");
    };
    let number = |word: &str| {
        let mut parts = word.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??, parts.next()??))
    };
    // The words around the first number are translated.
    let version = lines.first().and_then(|line| line.split_whitespace().find_map(number));
    match version {
        Some(version) if code == 0 && version >= OLDEST => {
            Finding::ok("new", "It is new enough.").seen(lines.first().cloned().unwrap_or_default())
        }
        _ => Finding::fail("old", "WSL is too old. Run `wsl --update`.").seen(lines.join(" ")),
    }
}
