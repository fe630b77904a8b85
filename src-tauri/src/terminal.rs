//! A terminal of the desktop with a shell in a machine: `codchi exec NAME` in whatever terminal emulator there is.
//!
//! The window can't choose what runs: the command line is made here, argument by argument, and never by a shell.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use codchi_controller::machine::MachineName;
use codchi_host::Environment;
use tauri::{AppHandle, Runtime};
use tauri_plugin_shell::ShellExt as _;

/// Terminal emulators with what comes before the command in their arguments, the desktop's own choice first.
#[cfg(not(windows))]
const TERMINALS: &[(&str, &[&str])] = &[
    ("xdg-terminal-exec", &[]),
    ("x-terminal-emulator", &["-e"]),
    ("gnome-terminal", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("kitty", &[]),
    ("alacritty", &["-e"]),
    ("foot", &[]),
    ("wezterm", &["start", "--"]),
    ("xterm", &["-e"]),
];
#[cfg(windows)]
const TERMINALS: &[(&str, &[&str])] = &[("wt.exe", &["--"]), ("conhost.exe", &[])];

#[cfg(not(windows))]
const CODCHI: &str = "codchi";
#[cfg(windows)]
const CODCHI: &str = "codchi.exe";

/// Why no terminal was opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminalError {
    /// None of the known ones is installed.
    #[error("no terminal emulator was found")]
    Missing,
    /// It could not be started.
    #[error("{} could not be started", program.display())]
    Start {
        /// Which one.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Opens a terminal in a machine; it outlives the app.
///
/// # Errors
/// When there is none, or it can't be started.
pub(crate) fn open<R: Runtime>(
    app: &AppHandle<R>,
    environment: &Environment,
    machine: &MachineName,
) -> Result<(), TerminalError> {
    let path = environment.path("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let (program, before) = choose(&directories).ok_or(TerminalError::Missing)?;
    let command = app.shell().command(&program).args(before).arg(codchi()).args(["exec", machine.as_str()]);
    let mut command = Command::from(command);
    // Its output belongs to nobody, and a pipe to this process would break when that ends.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child =
        command.spawn().map_err(|source| TerminalError::Start { program: program.clone(), source })?;
    // Somebody has to wait for it, or it stays behind as a defunct process.
    std::thread::spawn(move || child.wait());
    Ok(())
}

fn choose(directories: &[PathBuf]) -> Option<(PathBuf, &'static [&'static str])> {
    TERMINALS.iter().find_map(|(name, before)| Some((find(directories, name)?, *before)))
}

fn find(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    directories.iter().map(|directory| directory.join(name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The command line that was installed with this app, else the one on the path.
fn codchi() -> PathBuf {
    let beside = env::current_exe().ok().map(|app| app.with_file_name(CODCHI));
    beside.filter(|path| is_program(path)).unwrap_or_else(|| PathBuf::from(CODCHI))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_desktops_own_terminal_is_taken_before_a_particular_one() {
        let directory = tempfile::tempdir().unwrap();
        let directories = [directory.path().join("missing"), directory.path().to_owned()];
        let install = |name: &str, mode| {
            let path = directory.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        assert_eq!(choose(&directories), None);
        install("xterm", 0o755);
        assert_eq!(choose(&directories).unwrap().0, directory.path().join("xterm"));
        install("gnome-terminal", 0o644);
        assert_eq!(choose(&directories).unwrap().0, directory.path().join("xterm"), "it can't be run");
        install("x-terminal-emulator", 0o755);
        assert_eq!(choose(&directories), Some((directory.path().join("x-terminal-emulator"), &["-e"][..])));
    }
}
