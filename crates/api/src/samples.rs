//! The repositories that are offered to begin with: the git repositories in one directory.

use std::{fs, path::Path};

use crate::types::Sample;

/// Reads the directory; what isn't a repository is left out.
pub(crate) fn read(directory: &Path) -> Vec<Sample> {
    let Ok(entries) = fs::read_dir(directory) else { return vec![] };
    let mut samples: Vec<Sample> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.join(".git").exists() && path.join("flake.nix").exists())
        .filter_map(|path| {
            Some(Sample {
                name: path.file_name()?.to_str()?.to_owned(),
                url: format!("git+file://{}", path.to_str()?),
                description: first_sentence(&path.join("README.md")),
            })
        })
        .collect();
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    samples
}

/// The first line of a README that isn't a heading.
fn first_sentence(readme: &Path) -> String {
    let text = fs::read_to_string(readme).unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    line.unwrap_or_default().to_owned()
}
