//! Addresses as they are typed in a shell: a path from the current directory becomes a full one. Everything else is left to those who
//! understand addresses.

use std::path::{Path, PathBuf};

/// The address with its path made full, where it is one that begins at the current directory.
pub(crate) fn from_here(address: String) -> String {
    if !is_from_here(&address) {
        return address;
    }
    let (path, rest) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    match full(Path::new(path)).and_then(|path| path.into_os_string().into_string().ok()) {
        Some(full) => full + rest,
        None => address,
    }
}

fn is_from_here(address: &str) -> bool {
    let first = address.split(['/', '?', '#']).next();
    matches!(first, Some("." | ".."))
}

/// Without `..`, if there is such a directory.
fn full(path: &Path) -> Option<PathBuf> {
    path.canonicalize().or_else(|_| std::path::absolute(path)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_from_here_become_full() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let up = here.parent().unwrap();
        assert_eq!(from_here(".".into()), here.display().to_string());
        assert_eq!(
            from_here("./src?ref=main#hello".into()),
            format!("{}/src?ref=main#hello", here.display())
        );
        assert_eq!(from_here("..#hello".into()), format!("{}#hello", up.display()));
        for other in ["github:a/b", "/a/b", ".hidden", "...", "https://a.org/./b", "", "a/../b"] {
            assert_eq!(from_here(other.into()), other);
        }
    }
}
