//! The generations of a machine's profile.
//!
//! The machine itself may write its profile directory: what is read there is checked like any foreign input, and links are made by
//! `ctrl-serve`, which opens no file there.

use codchi_controller::{
    machine::MachineName,
    nix::{Generation, NixError, StorePath},
};
use time::OffsetDateTime;

use super::{ControllerNix, exec::Input};

/// The directory of a machine's profile.
fn dir(machine: &MachineName) -> String {
    format!("/nix/var/nix/profiles/per-instance/{machine}")
}

/// A path directly in the store, if the text is one.
pub(super) fn store_path(text: &str) -> Option<StorePath> {
    let (hash, name) = text.strip_prefix("/nix/store/")?.split_once('-')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-._?=".contains(&b);
    let fits = hash.len() == 32
        && hash.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && (1..=211).contains(&name.len())
        && name.bytes().all(plain);
    fits.then(|| StorePath(text.to_owned()))
}

impl ControllerNix {
    pub(super) async fn list_generations(&self, machine: &MachineName) -> Result<Vec<Generation>, NixError> {
        let dir = dir(machine);
        // `%Y` is the time in seconds, `%N` is 'LINK' -> 'TARGET'; the same in GNU's and busybox' stat.
        let find = ["find", &dir, "-maxdepth", "1", "-type", "l", "-exec", "stat", "-c", "%Y %N", "{}", "+"];
        let action = "list the machine's generations";
        let output = self.try_ask(action, Self::command(find), Input::Nothing).await?;
        if output.code != 0 {
            let gone = String::from_utf8_lossy(&output.stderr).contains("No such file or directory");
            return if gone { Ok(Vec::new()) } else { Err(super::failure::of_program(action, &output)) };
        }
        Ok(read(&String::from_utf8_lossy(&output.stdout), &dir))
    }

    pub(super) async fn install_generation(
        &self,
        machine: &MachineName,
        system: &StorePath,
    ) -> Result<Generation, NixError> {
        let before = self.list_generations(machine).await?;
        if let Some(same) =
            before.into_iter().find(|generation| generation.current && generation.system == *system)
        {
            return Ok(same);
        }
        let action = "add the system to the machine's profile";
        let spec = Self::command(["/bin/ctrl-serve", "add-generation", &dir(machine), &system.0]);
        self.ask(action, spec, Input::Nothing).await?;
        let after = self.list_generations(machine).await?;
        after.into_iter().find(|generation| generation.current && generation.system == *system).ok_or_else(
            || NixError::Failed {
                action: action.into(),
                message: "the profile doesn't point to the system".into(),
            },
        )
    }

    pub(super) async fn switch_generation(&self, machine: &MachineName, number: u64) -> Result<(), NixError> {
        let spec =
            Self::command(["/bin/ctrl-serve", "switch-generation", &dir(machine), &number.to_string()]);
        self.ask(&format!("go to generation {number}"), spec, Input::Nothing).await.map(drop)
    }

    /// Only what is a generation: the machine may have put anything else there.
    pub(super) async fn copy_links(&self, from: &MachineName, to: &MachineName) -> Result<(), NixError> {
        let (old, new) = (dir(from), dir(to));
        let generations = self.list_generations(from).await?;
        let mut links: Vec<String> =
            generations.iter().map(|one| format!("{old}/system-{}-link", one.number)).collect();
        if generations.iter().any(|one| one.current) {
            // Last: what it points to is there then.
            links.push(format!("{old}/system"));
        }
        if links.is_empty() {
            return Ok(());
        }
        let copy = ["cp", "--archive", "--remove-destination", "--target-directory", &new, "--"];
        let spec = Self::command(copy.into_iter().map(str::to_owned).chain(links));
        self.ask("copy the machine's generations", spec, Input::Nothing).await.map(drop)
    }
}

/// Reads lines `SECONDS 'LINK' -> 'TARGET'`; anything else is somebody else's and not looked at.
fn read(text: &str, dir: &str) -> Vec<Generation> {
    let links = || {
        text.lines().filter_map(|line| {
            let (seconds, names) = line.split_once(' ')?;
            let (link, target) = names.split_once(" -> ")?;
            let unquote = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
            let link = unquote(link)?.strip_prefix(dir)?.strip_prefix('/')?.to_owned();
            Some((seconds.parse::<i64>().ok()?, link, unquote(target)?))
        })
    };
    let number = |link: &str| link.strip_prefix("system-")?.strip_suffix("-link")?.parse::<u64>().ok();
    let current = links().find(|(_, link, _)| link == "system").and_then(|(_, _, target)| number(&target));
    let mut generations: Vec<Generation> = links()
        .filter_map(|(seconds, link, target)| {
            let number = number(&link)?;
            Some(Generation {
                number,
                system: store_path(&target)?,
                created: OffsetDateTime::from_unix_timestamp(seconds).ok()?,
                current: current == Some(number),
            })
        })
        .collect();
    generations.sort_by_key(|generation| generation.number);
    generations.dedup_by_key(|generation| generation.number);
    generations
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-nixos-system-unnamed-26.05";

    #[test]
    fn reads_links_and_nothing_else() {
        let text = format!(
            "1700000002 '/p/m/system' -> 'system-2-link'\n\
             1700000010 '/p/m/system-10-link' -> '{SYSTEM}'\n\
             1700000001 '/p/m/system-2-link' -> '{SYSTEM}'\n\
             1700000001 '/p/m/system-3-link' -> '/etc/passwd'\n\
             1700000001 '/p/m/system-x-link' -> '{SYSTEM}'\n\
             1700000001 '/elsewhere/system-4-link' -> '{SYSTEM}'\n\
             garbage\n"
        );
        let found: Vec<_> = read(&text, "/p/m").into_iter().map(|g| (g.number, g.current)).collect();
        assert_eq!(found, [(2, true), (10, false)]);
        assert!(read("", "/p/m").is_empty());
    }

    #[test]
    fn knows_store_paths() {
        assert!(store_path(SYSTEM).is_some());
        for other in [
            "",
            "/nix/store",
            "/nix/store/x-y",
            "/etc/passwd",
            &format!("{SYSTEM}/bin"),
            &format!("{SYSTEM}\n"),
        ] {
            assert!(store_path(other).is_none(), "{other}");
        }
    }
}
