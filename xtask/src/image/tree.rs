//! A file tree in memory and its reproducible archive: entries sorted, times 1, owner 0, modes as stated.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tar::{Builder, EntryType, Header};

/// One entry.
#[derive(Debug, Clone)]
enum Node {
    Dir { mode: u32 },
    File { mode: u32, content: Content },
    Link { target: PathBuf },
}

/// Where a file's bytes come from.
#[derive(Debug, Clone)]
enum Content {
    Bytes(Vec<u8>),
    Path(PathBuf),
}

/// A tree of relative paths.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

impl Tree {
    /// What lies below `root` and passes `keep` (given the path relative to `root`; a refused directory takes
    /// everything below with it).
    pub(crate) fn of_directory(root: &Path, keep: impl Fn(&Path) -> bool) -> Result<Self> {
        let mut tree = Tree::default();
        let mut open = vec![PathBuf::new()];
        while let Some(dir) = open.pop() {
            let full = root.join(&dir);
            for entry in fs::read_dir(&full).with_context(|| format!("cannot read {}", full.display()))? {
                let entry = entry?;
                let path = dir.join(entry.file_name());
                if !keep(&path) {
                    continue;
                }
                let meta = entry.metadata()?;
                // No set-uid or set-gid program is needed in an image, and only root can unpack one.
                let mode = meta.permissions().mode() & 0o1777;
                let node = if meta.is_dir() {
                    open.push(path.clone());
                    Node::Dir { mode }
                } else if meta.is_symlink() {
                    Node::Link { target: fs::read_link(entry.path())? }
                } else if meta.is_file() {
                    Node::File { mode, content: Content::Path(entry.path()) }
                } else {
                    bail!("{} is neither file, directory nor link", entry.path().display());
                };
                tree.nodes.insert(path, node);
            }
        }
        Ok(tree)
    }

    /// Puts another tree below `at`, with modes as a checkout has them: 755 and 644.
    pub(crate) fn graft(&mut self, at: &str, other: Tree) {
        self.dir(at, 0o755);
        for (path, mut node) in other.nodes {
            match &mut node {
                Node::Dir { mode } => *mode = 0o755,
                Node::File { mode, .. } => *mode = if *mode & 0o111 == 0 { 0o644 } else { 0o755 },
                Node::Link { .. } => {}
            }
            self.nodes.insert(Path::new(at).join(path), node);
        }
    }

    /// Adds or replaces a directory, with the parents that are missing.
    pub(crate) fn dir(&mut self, path: &str, mode: u32) {
        self.parents(path);
        self.nodes.insert(path.into(), Node::Dir { mode });
    }

    /// Adds or replaces a file with this text.
    pub(crate) fn text(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) {
        self.parents(path);
        self.nodes.insert(path.into(), Node::File { mode, content: Content::Bytes(text.into()) });
    }

    /// Adds or replaces a file with the content of another.
    pub(crate) fn copy(&mut self, path: &str, mode: u32, from: &Path) {
        self.parents(path);
        self.nodes.insert(path.into(), Node::File { mode, content: Content::Path(from.into()) });
    }

    /// Adds or replaces a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        self.nodes.insert(path.into(), Node::Link { target: target.into() });
    }

    /// Whether there is an entry.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(Path::new(path))
    }

    /// Takes away an entry and everything below it.
    pub(crate) fn remove(&mut self, path: &str) {
        self.nodes.retain(|p, _| !p.starts_with(path));
    }

    /// The contents of the files in a directory whose names end like this, in the order of their names.
    pub(crate) fn read_all(&self, dir: &str, suffix: &str) -> Result<Vec<Vec<u8>>> {
        let inside = self.nodes.iter().filter(|(p, _)| p.parent() == Some(Path::new(dir)));
        inside
            .filter(|(p, _)| p.to_string_lossy().ends_with(suffix))
            .filter_map(|(_, node)| match node {
                Node::File { content: Content::Bytes(bytes), .. } => Some(Ok(bytes.clone())),
                Node::File { content: Content::Path(path), .. } => {
                    Some(fs::read(path).with_context(|| format!("cannot read {}", path.display())))
                }
                _ => None,
            })
            .collect()
    }

    fn parents(&mut self, path: &str) {
        for parent in Path::new(path).ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()) {
            self.nodes.entry(parent.into()).or_insert(Node::Dir { mode: 0o755 });
        }
    }

    /// Writes the archive.
    pub(crate) fn write(&self, to: &mut dyn Write) -> Result<()> {
        let mut builder = Builder::new(BufWriter::with_capacity(1 << 20, to));
        for (path, node) in &self.nodes {
            append(&mut builder, path, node).with_context(|| format!("cannot pack {}", path.display()))?;
        }
        builder.into_inner()?.flush()?;
        Ok(())
    }
}

fn append(builder: &mut Builder<impl Write>, path: &Path, node: &Node) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(1);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match node {
        Node::Dir { mode } => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(*mode);
            builder.append_data(&mut header, path, io::empty())?;
        }
        Node::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder.append_link(&mut header, path, target)?;
        }
        Node::File { mode, content } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(*mode);
            match content {
                Content::Bytes(bytes) => {
                    header.set_size(bytes.len() as u64);
                    builder.append_data(&mut header, path, bytes.as_slice())?;
                }
                Content::Path(from) => {
                    let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
                    header.set_size(file.metadata()?.len());
                    builder.append_data(&mut header, path, file)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether a file may be executed by its owner.
pub(crate) fn is_executable(path: &Path) -> Result<bool> {
    let meta = fs::symlink_metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    Ok(meta.permissions().mode() & 0o100 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(tree: &Tree) -> Vec<u8> {
        let mut out = Vec::new();
        tree.write(&mut out).unwrap();
        out
    }

    #[test]
    fn the_same_tree_gives_the_same_bytes_whatever_the_order_and_the_times() {
        let mut a = Tree::default();
        a.text("etc/hosts", 0o644, "x");
        a.link("bin", "usr/bin");
        let mut b = Tree::default();
        b.link("bin", "usr/bin");
        b.text("etc/hosts", 0o644, "x");
        assert_eq!(archive(&a), archive(&b));

        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        fs::set_permissions(dir.path().join("etc"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.path().join("etc/hosts"), "x").unwrap();
        fs::set_permissions(dir.path().join("etc/hosts"), fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink("usr/bin", dir.path().join("bin")).unwrap();
        let c = Tree::of_directory(dir.path(), |_| true).unwrap();
        assert_eq!(archive(&a), archive(&c));
    }

    #[test]
    fn entries_come_after_their_parents_with_fixed_owner_and_time() {
        let mut tree = Tree::default();
        tree.text("a/b/c", 0o600, "1");
        tree.text("a-b", 0o644, "2");
        tree.link(&"long/".repeat(40), "target");
        let bytes = archive(&tree);
        let mut seen = Vec::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (1, 0, 0));
            let path = entry.path().unwrap().into_owned();
            assert!(
                path.parent().is_none_or(|p| p == Path::new("") || seen.contains(&p.to_owned())),
                "{path:?}"
            );
            seen.push(path);
        }
        assert!(seen.contains(&PathBuf::from("a/b/c")));
    }

    #[test]
    fn a_refused_directory_takes_its_content_along() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("doc/x")).unwrap();
        fs::write(dir.path().join("doc/x/y"), "").unwrap();
        fs::write(dir.path().join("keep"), "").unwrap();
        let tree = Tree::of_directory(dir.path(), |p| p != Path::new("doc")).unwrap();
        assert!(tree.has("keep") && !tree.has("doc") && !tree.has("doc/x/y"));
    }
}
