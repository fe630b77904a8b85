//! The ranges of ids that containers' users are mapped to.
//!
//! Debian's packages of LXD and Incus each give root a range when they are installed. Incus maps every range of root to the same
//! ids of the container, which the kernel refuses: with both packages no container of Incus starts until root has one range only.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const FILES: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

/// Leaves root its largest range in each file. What was there first stays beside it, for who wants it back.
pub(super) fn one_range_for_root() -> Result<()> {
    for file in FILES {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        if let Some(single) = single_range(&text) {
            let before = Path::new(file).with_extension("before-codchi");
            if !before.exists() {
                fs::copy(file, &before).with_context(|| format!("cannot write {}", before.display()))?;
            }
            eprintln!(
                "leaving root only its largest range in {file}: Incus cannot use several; what was there is in {}",
                before.display()
            );
            let new = Path::new(file).with_extension("codchi-new");
            fs::copy(file, &new)?;
            fs::write(&new, single)?;
            fs::rename(&new, file).with_context(|| format!("cannot write {file}"))?;
        }
    }
    Ok(())
}

/// The text with one range for root; none where it has no more than that.
fn single_range(text: &str) -> Option<String> {
    let length = |line: &str| line.strip_prefix("root:")?.split_once(':')?.1.trim().parse::<u64>().ok();
    let ranges: Vec<(usize, u64)> =
        text.lines().enumerate().filter_map(|(at, line)| Some((at, length(line)?))).collect();
    // The first among equals.
    let (kept, _) = *ranges.iter().rev().max_by_key(|(_, length)| *length).filter(|_| ranges.len() > 1)?;
    let lines = text.lines().enumerate();
    Some(
        lines
            .filter(|(at, line)| *at == kept || length(line).is_none())
            .fold(String::new(), |all, (_, line)| all + line + "\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keeps_its_largest_range_and_others_theirs() {
        let text = "root:1000000:1000000000\n_lxd:1001000000:10000001\nroot:1001000000:10000001\n";
        assert_eq!(
            single_range(text).as_deref(),
            Some("root:1000000:1000000000\n_lxd:1001000000:10000001\n")
        );
        assert_eq!(single_range("root:1:5\nroot:9:5\n").as_deref(), Some("root:1:5\n"));
        assert_eq!(single_range("root:1:5\nme:9:5\n"), None);
        assert_eq!(single_range(""), None);
    }
}
