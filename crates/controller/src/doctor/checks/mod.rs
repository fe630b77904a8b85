//! One check a file: its subject, and a pure function from what was seen to a finding. Looking is `run`'s part where it takes time.

pub(super) mod bus;
pub(super) mod certificates;
pub(super) mod cgroups;
pub(super) mod clock;
pub(super) mod controller;
pub(super) mod daemon;
pub(super) mod disk;
pub(super) mod dns;
pub(super) mod engine;
pub(super) mod idmap;
pub(super) mod images;
pub(super) mod inotify;
pub(super) mod keyring;
pub(super) mod machines;
pub(super) mod network;
pub(super) mod pool;
pub(super) mod profile;
pub(super) mod proxy;
pub(super) mod repositories;
pub(super) mod version;
#[cfg(windows)]
pub(super) mod wsl;

#[cfg(test)]
pub(super) mod tests {
    //! What the tests of the checks share.

    use std::{fs, path::Path};

    use tempfile::TempDir;

    use crate::host::RecordedHost;

    /// A recorded host's files.
    pub(in crate::doctor) struct Tree(TempDir);

    impl Tree {
        pub(in crate::doctor) fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        pub(in crate::doctor) fn host(&self) -> RecordedHost {
            RecordedHost::new(self.0.path())
        }

        pub(in crate::doctor) fn file(&self, path: &str, text: &str) {
            let file = self.0.path().join(Path::new(path).strip_prefix("/").unwrap());
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        pub(in crate::doctor) fn directory(&self, path: &str) {
            fs::create_dir_all(self.0.path().join(Path::new(path).strip_prefix("/").unwrap())).unwrap();
        }
    }
}
