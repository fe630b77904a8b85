//! Users and groups by name, from the machine's own `/etc/passwd` and `/etc/group` (formats: passwd(5), group(5)).
//!
//! Read by hand: a static binary has no name services, and a machine's declared users are in these files.

use std::fs;
use std::io;
use std::path::Path;

/// The two files.
pub(crate) struct Accounts {
    passwd: String,
    group: String,
}

impl Accounts {
    /// Reads them below `root`.
    ///
    /// # Errors
    /// One can't be read.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let text = |name: &str| fs::read(root.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
        Ok(Self { passwd: text("etc/passwd")?, group: text("etc/group")? })
    }

    /// A user's number.
    pub(crate) fn user(&self, name: &str) -> Option<u32> {
        number(&self.passwd, name)
    }

    /// A group's number.
    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        number(&self.group, name)
    }
}

/// The third field of the line whose first one is `name`; both files have it there.
fn number(text: &str, name: &str) -> Option<u32> {
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_up_whole() {
        let accounts = Accounts {
            passwd: "root:x:0:0::/root:/bin/sh\n\ncodchi:x:1000:100::/home/codchi:/bin/bash\nodd:x\n".into(),
            group: "users:x:100:a,b\nwheel:x:10:\n".into(),
        };
        assert_eq!((accounts.user("root"), accounts.user("codchi")), (Some(0), Some(1000)));
        assert_eq!((accounts.group("users"), accounts.group("wheel")), (Some(100), Some(10)));
        for unknown in ["", "odd", "cod", "codchi:x", "1000", "root\n"] {
            assert_eq!(accounts.user(unknown), None, "{unknown:?}");
        }
    }
}
