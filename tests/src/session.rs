//! A session bus of its own and a real keyring on it, without a world: for what is tested of secrets alone.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use zbus::Connection;

use crate::process::Process;

/// The password of the keyring.
pub const PASSWORD: &str = "password";

/// A bus without service files: nothing of this computer starts on it by itself.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>unix:dir=@DIR@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A bus; dropping it ends it and what was started on it.
pub struct Session {
    env: BTreeMap<String, String>,
    // In the order in which they end.
    keyring: Option<Process>,
    _bus: Process,
    dir: TempDir,
}

impl Session {
    /// A bus with nothing on it.
    ///
    /// # Panics
    /// When it doesn't start.
    pub fn bare() -> Self {
        let dir = tempfile::Builder::new().prefix("cs-").tempdir_in("/tmp").unwrap();
        let config = dir.path().join("bus.conf");
        fs::write(&config, BUS.replace("@DIR@", dir.path().to_str().unwrap())).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg(format!("--config-file={}", config.display())).args(["--nofork", "--print-address=1"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut bus = Process::spawn(&mut command);
        let mut address = String::new();
        BufReader::new(bus.stdout()).read_line(&mut address).unwrap();
        let place = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(&path).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let env = BTreeMap::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap()),
            ("HOME".to_owned(), place("home")),
            ("XDG_DATA_HOME".to_owned(), place("data")),
            ("XDG_RUNTIME_DIR".to_owned(), place("run")),
            ("DBUS_SESSION_BUS_ADDRESS".to_owned(), address.trim().to_owned()),
        ]);
        Self { env, keyring: None, _bus: bus, dir }
    }

    /// The bus' address.
    pub fn address(&self) -> &str {
        &self.env["DBUS_SESSION_BUS_ADDRESS"]
    }

    /// A bus with an unlocked keyring on it.
    ///
    /// # Panics
    /// When it doesn't start.
    pub async fn new() -> Self {
        let mut session = Self::bare();
        session.start_keyring().await;
        session
    }

    /// Starts the keyring, unlocked before anybody asks for it.
    ///
    /// # Panics
    /// When it doesn't start.
    pub async fn start_keyring(&mut self) {
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]);
        command.arg(format!("--control-directory={}", self.dir.path().join("run").display()));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut keyring = Process::spawn(&mut command);
        keyring.stdin().write_all(PASSWORD.as_bytes()).unwrap();
        self.keyring = Some(keyring);
        let mut wait = self.command("gdbus");
        wait.args(["wait", "--session", "--timeout", "30", "org.freedesktop.secrets"]);
        assert!(wait.status().unwrap().success(), "gnome-keyring-daemon comes up");
    }

    /// Ends the keyring, as a crash does.
    pub fn kill_keyring(&mut self) {
        self.keyring = None;
    }

    /// Locks the default collection, as its user does.
    ///
    /// # Panics
    /// When the keyring refuses.
    pub async fn lock(&self) {
        let bus = self.bus().await;
        let path =
            zbus::zvariant::ObjectPath::from_static_str_unchecked("/org/freedesktop/secrets/aliases/default");
        let service = "org.freedesktop.secrets";
        bus.call_method(
            Some(service),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "Lock",
            &vec![path],
        )
        .await
        .unwrap();
    }

    /// A connection to the bus.
    ///
    /// # Panics
    /// When there is none.
    pub async fn bus(&self) -> Connection {
        let address = self.env["DBUS_SESSION_BUS_ADDRESS"].as_str();
        zbus::connection::Builder::address(address).unwrap().build().await.unwrap()
    }

    /// The variables of programs in it.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A program in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).stdin(Stdio::null()).current_dir("/");
        command
    }
}
