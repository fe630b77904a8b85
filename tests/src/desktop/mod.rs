//! A desktop of its own, on the session bus of a world: an X display, a panel with a tray, a notification daemon.
//!
//! Panel and notification daemon are played by this process over the real protocols, so that a test sees what a user would see and
//! clicks what a user would click. Nothing of the session of whoever runs the tests is used or touched.

mod app;
mod clipboard;
mod keyring;
mod leaving;
mod notifications;
mod panel;
mod screen;
mod tray;
mod window;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub use app::{App, Memory};
pub use keyring::Keyring;
pub use leaving::Leaving;
pub use notifications::{Notification, Notifications};
pub use panel::Panel;
pub use screen::{Paints, Screen};
use tempfile::TempDir;
pub use tray::{Entry, Tray};
pub use window::Window;

use crate::process::Process;

/// How long something may take that is expected to happen.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at that nobody tells of.
const LOOK: Duration = Duration::from_millis(10);

/// A desktop; dropping it ends everything in it.
pub struct Desktop {
    /// The panel.
    pub panel: Panel,
    /// The notification daemon.
    pub notifications: Notifications,
    /// The keyring.
    pub keyring: Keyring,
    /// The display.
    pub screen: Screen,
    env: BTreeMap<String, String>,
    // In the order in which they end.
    _display: Process,
    dir: TempDir,
}

impl Desktop {
    /// Starts one. Programs in it also get these variables, among which is the bus of the session, with its keyring.
    ///
    /// # Panics
    /// When a part of it doesn't start.
    pub async fn new(env: &BTreeMap<String, String>) -> Self {
        let dir = tempfile::Builder::new().prefix("cd-").tempdir_in("/tmp").unwrap();
        let mut env = env.clone();
        let mut set = |name: &str, value: &str| drop(env.insert(name.to_owned(), value.to_owned()));
        for (name, place) in [
            ("HOME", "home"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "home/.config"),
            ("XDG_DATA_HOME", "home/.local/share"),
            ("XDG_CACHE_HOME", "home/.cache"),
        ] {
            let path = dir.path().join(place);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
            set(name, path.to_str().unwrap());
        }
        set("PATH", &std::env::var("PATH").unwrap());
        set("LANG", "C.UTF-8");
        set("XDG_SESSION_TYPE", "x11");
        set("GDK_BACKEND", "x11");
        // No accessibility bus: there is nothing on this bus that would start one.
        set("NO_AT_BRIDGE", "1");
        set("GTK_A11Y", "none");

        let (display, number) = display(dir.path());
        set("DISPLAY", &format!(":{number}"));
        let address = env["DBUS_SESSION_BUS_ADDRESS"].clone();
        Self {
            panel: Panel::new(&address).await,
            notifications: Notifications::new(&address).await,
            keyring: Keyring::new(&address).await,
            screen: Screen::new(number),
            env,
            _display: display,
            dir,
        }
    }

    /// The variables of programs in it.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// A program in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).stdin(Stdio::null()).current_dir("/");
        command
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// Waits until `look` finds something.
///
/// # Panics
/// When it doesn't within [`PATIENCE`].
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(what, PATIENCE, look).await
}

/// Waits until `look` finds something, for at most so long.
///
/// # Panics
/// When it doesn't.
pub async fn eventually_within<T>(
    what: &str,
    patience: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begin.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// An X server on a display that is free.
fn display(dir: &Path) -> (Process, u32) {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"]);
    command.stdout(Stdio::piped()).stderr(log(dir, "xvfb"));
    let mut process = Process::spawn(&mut command);
    let number = first_line(&mut process);
    (process, number.parse().expect("Xvfb names its display"))
}

fn first_line(process: &mut Process) -> String {
    let mut line = String::new();
    BufReader::new(process.stdout()).read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// Where a program of the session writes what nobody reads unless a test fails.
fn log(dir: &Path, name: &str) -> std::fs::File {
    std::fs::File::create(dir.join(format!("{name}.log"))).unwrap()
}
