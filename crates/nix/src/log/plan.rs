//! What Nix announces before it begins: the lists of `printMissing` in Nix' `shared.cc`, one message a line.

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Derivations that will be built.
    Builds,
    /// Paths that will be fetched.
    Downloads,
}

/// What a message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Announcement<'a> {
    /// The head of a list.
    Head(List),
    /// A member of the list whose head came before.
    Member(&'a str),
    /// Something else.
    None,
}

/// Looks at one message; `current` is the list that is being read.
pub(super) fn read(text: &str, current: Option<List>) -> Announcement<'_> {
    if current.is_some()
        && let Some(path) = text.strip_prefix("  ")
        && path.starts_with("/nix/store/")
        && !path.contains('\n')
    {
        return Announcement::Member(path.trim_end());
    }
    let head = text.strip_prefix("these ").or_else(|| text.strip_prefix("this "));
    match head {
        Some(head) if head.contains("derivation") && head.contains("will be built:") => {
            Announcement::Head(List::Builds)
        }
        Some(head) if head.contains("path") && head.contains("will be fetched") => {
            Announcement::Head(List::Downloads)
        }
        _ => Announcement::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_wordings() {
        for head in ["this derivation will be built:", "these 2 derivations will be built:"] {
            assert_eq!(read(head, None), Announcement::Head(List::Builds));
        }
        for head in [
            "this path will be fetched (0.1 MiB download, 0.5 MiB unpacked):",
            "these 12 paths will be fetched (120.30 MiB download, 500.00 MiB unpacked):",
        ] {
            assert_eq!(read(head, None), Announcement::Head(List::Downloads));
        }
        assert_eq!(
            read("  /nix/store/x-y.drv", Some(List::Builds)),
            Announcement::Member("/nix/store/x-y.drv")
        );
        assert_eq!(read("  /nix/store/x-y.drv", None), Announcement::None);
        assert_eq!(read("building x", Some(List::Builds)), Announcement::None);
    }
}
