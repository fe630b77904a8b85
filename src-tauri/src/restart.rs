//! A start that comes while the first instance ends: what it would show, nobody does any more. It becomes the first one itself.

use std::env;

use tauri::Error;

/// The plugin that hands a second start's arguments to the first one.
const PLUGIN: &str = "single-instance";

/// How often this process was started for want of a first one that stays.
const ATTEMPT: &str = "CODCHI_APP_ATTEMPT";
/// An instance that ends takes itself off the bus; several of them one after the other are somebody's loop.
const MOST_ATTEMPTS: u32 = 5;

/// Starts this program anew, in place of this process, where `error` says that the first instance left before it took the arguments.
/// Returns why the app isn't started, otherwise.
#[cfg(unix)]
pub(crate) fn where_first_one_left(error: &Error) -> String {
    use std::os::unix::process::CommandExt as _;
    let attempt = env::var(ATTEMPT).ok().and_then(|attempt| attempt.parse().ok()).unwrap_or(0);
    if !is_of_first_one(error) || attempt >= MOST_ATTEMPTS {
        return error.to_string();
    }
    let Ok(program) = env::current_exe() else { return error.to_string() };
    let mut again = std::process::Command::new(program);
    again.args(env::args_os().skip(1)).env(ATTEMPT, (attempt + 1).to_string());
    // It only returns when it fails.
    format!("{error}; {}", again.exec())
}

/// Windows hands the arguments over without an answer.
#[cfg(not(unix))]
pub(crate) fn where_first_one_left(error: &Error) -> String {
    error.to_string()
}

#[cfg(unix)]
fn is_of_first_one(error: &Error) -> bool {
    matches!(error, Error::PluginInitialization(plugin, _) if plugin == PLUGIN)
}
