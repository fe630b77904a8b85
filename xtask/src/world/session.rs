//! The desktop session of a world, as far as secrets need one: a bus of its own with an unlocked keyring on it.
//!
//! The bus starts nothing by itself. Bus and keyring belong to the user who owns the world's files, and are found again by their
//! directory in their command lines.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::leftovers::{self, Process};
use crate::process;

/// The programs that it needs.
const PROGRAMS: [&str; 3] = ["dbus-daemon", "gnome-keyring-daemon", "gdbus"];

/// The keyring's password. It protects what tests and trials keep, below a directory that only their user may enter.
const PASSWORD: &[u8] = b"password";

/// A bus without service files: nothing of this computer starts on it.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>@ADDRESS@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A session in a directory of its own.
#[derive(Debug)]
pub(crate) struct Session {
    dir: PathBuf,
    /// Its user and group, where that is somebody else.
    owner: Option<(u32, u32)>,
}

impl Session {
    /// The one in this directory.
    pub(crate) fn new(dir: PathBuf, owner: Option<(u32, u32)>) -> Self {
        Session { dir, owner }
    }

    /// Whether its programs are here.
    pub(crate) fn is_installed() -> bool {
        PROGRAMS.into_iter().all(process::is_installed)
    }

    /// What `DBUS_SESSION_BUS_ADDRESS` is in it.
    pub(crate) fn address(&self) -> String {
        // https://dbus.freedesktop.org/doc/dbus-specification.html#addresses
        let path = self.socket();
        let escaped = path.as_os_str().as_encoded_bytes().iter().map(|&byte| match byte {
            b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'/' | b'.' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02x}"),
        });
        format!("unix:path={}", escaped.collect::<String>())
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("bus")
    }

    /// Starts what doesn't run and waits until the keyring answers.
    pub(crate) fn start(&self) -> Result<()> {
        let is_running = UnixStream::connect(self.socket()).is_ok();
        // Patient: whoever is connected would lose the bus.
        if is_running && self.has_keyring(30) {
            return Ok(());
        }
        self.end()?;
        eprintln!("starting the session's bus and keyring");
        for dir in [&self.dir, &self.dir.join("home"), &self.dir.join("data")] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            chown(dir, self.owner.map(|o| o.0), self.owner.map(|o| o.1))?;
        }
        let config = self.dir.join("bus.conf");
        fs::write(&config, CONFIG.replace("@ADDRESS@", &self.address()))?;
        // One that was killed leaves its socket behind, and refuses to listen then.
        let _ = fs::remove_file(self.socket());

        let mut bus = self.command("dbus-daemon");
        bus.arg(format!("--config-file={}", config.display())).args([
            "--nofork",
            "--nopidfile",
            "--print-address",
        ]);
        let mut bus =
            bus.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start dbus-daemon")?;
        let mut address = String::new();
        BufReader::new(bus.stdout.take().context("its output is piped")?).read_line(&mut address)?;
        ensure!(!address.is_empty(), "dbus-daemon did not come up in {}", self.dir.display());

        // It must be unlocked before anybody asks for it.
        let mut keyring = self.command("gnome-keyring-daemon");
        keyring.args(["--foreground", "--unlock", "--components=secrets"]);
        keyring.arg(format!("--control-directory={}", self.dir.display()));
        let mut keyring = keyring
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start gnome-keyring-daemon")?;
        keyring.stdin.take().context("its input is piped")?.write_all(PASSWORD)?;
        ensure!(self.has_keyring(120), "gnome-keyring-daemon did not come up in {}", self.dir.display());
        Ok(())
    }

    /// Ends its programs. One that doesn't run is fine.
    pub(crate) fn end(&self) -> Result<()> {
        leftovers::end(&|process| self.has(process))
    }

    /// Whether a process is one of its programs.
    pub(crate) fn has(&self, process: &Process) -> bool {
        process.program().is_some_and(|name| PROGRAMS.contains(&name)) && process.names(&self.dir)
    }

    /// Whether a keyring answers within so many seconds.
    fn has_keyring(&self, seconds: u32) -> bool {
        let mut wait = self.command("gdbus");
        wait.args(["wait", "--session", "--timeout", &seconds.to_string(), "org.freedesktop.secrets"]);
        process::succeeds(&mut wait)
    }

    /// A program in it: as its user, with nothing of another session.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
        command.env("HOME", self.dir.join("home")).env("XDG_DATA_HOME", self.dir.join("data"));
        command.env("XDG_RUNTIME_DIR", &self.dir).env("DBUS_SESSION_BUS_ADDRESS", self.address());
        command.current_dir("/").process_group(0).stderr(Stdio::null());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Whether the user who runs this has a session with a bus.
pub(crate) fn users_own() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("DBUS_SESSION_BUS_ADDRESS").is_some()
        || set("XDG_RUNTIME_DIR").is_some_and(|dir| UnixStream::connect(Path::new(&dir).join("bus")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_survives_odd_directories() {
        let session = Session::new("/tmp/it's a $world;x".into(), None);
        assert_eq!(session.address(), "unix:path=/tmp/it%27s%20a%20%24world%3bx/bus");
    }
}
