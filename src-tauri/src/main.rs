//! Codchi's desktop app: one window, one icon in the panel, notifications. The only crate that names tauri.
//!
//! It decides nothing about machines: what the window asks for goes through the command table of `codchi-api`, and window, tray and
//! notifications all show the same events.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod app;
mod arguments;
mod bridge;
mod clipboard;
mod life;
mod notice;
mod page;
mod picture;
mod restart;
mod terminal;
#[cfg(test)]
mod testing;
mod tray;
mod window;
mod words;

use std::{process::ExitCode, sync::Arc};

use clap::Parser as _;
use codchi_controller::operation::Door;
use codchi_host::Environment;
use tauri::{Manager as _, RunEvent, WindowEvent};
use tauri_plugin_window_state::StateFlags;

use crate::{app::Codchi, arguments::Arguments};

/// The host is not ready, as of the command line's exit codes.
const HOST_NOT_READY: u8 = 4;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::of_process();
    match check_display(&environment).and_then(|()| run(arguments, environment)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&problem);
            ExitCode::from(HOST_NOT_READY)
        }
    }
}

#[allow(clippy::print_stderr, reason = "without a window there is nowhere else to say it")]
fn say(problem: &str) {
    eprintln!("codchi-app: {problem}");
}

/// Finds out whether a window can be shown before anything panics for want of a display.
#[cfg(target_os = "linux")]
fn check_display(environment: &Environment) -> Result<(), String> {
    const INSTEAD: &str = "Start it from a desktop session, or use the command line: codchi status";
    if environment.text("DISPLAY").is_none() && environment.text("WAYLAND_DISPLAY").is_none() {
        return Err(format!(
            "there is no display to show a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)\n{INSTEAD}"
        ));
    }
    gtk::init().map_err(|_| format!("the display can't be reached\n{INSTEAD}"))?;
    // The name under which the tray's icon is known.
    gtk::glib::set_application_name("Codchi");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_display(_: &Environment) -> Result<(), String> {
    Ok(())
}

fn run(arguments: Arguments, environment: Environment) -> Result<(), String> {
    let app = tauri::Builder::default()
        // First: a second instance ends here, before it does anything.
        .plugin(tauri_plugin_single_instance::init(|app, argv, _| {
            match Arguments::try_parse_from(argv) {
                // Started with the session, while it is there already.
                Ok(arguments) if arguments.hidden => {}
                Ok(arguments) => app::open_window(app, arguments.open),
                Err(_) => app::open_window(app, None),
            }
        }))
        .plugin(
            tauri_plugin_window_state::Builder::new()
                .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_shell::init())
        .invoke_handler(tauri::generate_handler![
            bridge::call,
            bridge::listen,
            bridge::copy_secret,
            bridge::missed_page,
            bridge::open_terminal,
            bridge::choose_folder,
            bridge::choose_file,
            bridge::choose_place,
            bridge::save_text
        ])
        .setup(move |app| {
            if !arguments.hidden {
                app::open_window(app.handle(), arguments.open);
            }
            tauri::async_runtime::spawn(app::follow(app.handle().clone()));
            tauri::async_runtime::spawn(end_when_told(app.handle().clone()));
            Ok(())
        })
        .build(tauri::generate_context!())
        .map_err(|error| restart::where_first_one_left(&error))
        .map_err(|error| format!("the app could not be started: {error}"))?;
    // Only in the first instance, and before anything of the app runs.
    app.manage(Arc::new(tauri::async_runtime::block_on(open(environment))?));
    app.run(|app, event| match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => {
            api.prevent_close();
            app::window_closing(app);
        }
        // The last window is gone; whether the app goes too was decided when it was closed.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        _ => {}
    });
    Ok(())
}

async fn open(environment: Environment) -> Result<Codchi, String> {
    let api = codchi_host::open(Door::Window).map_err(|error| error.to_string())?;
    let settings = api.settings(codchi_api::types::Nothing {}).await;
    if let Err(failure) = &settings {
        tracing::warn!(%failure.message, "the settings can't be read");
    }
    Ok(Codchi::new(api, environment, settings.ok()))
}

/// Ends the app in order when the session or a supervisor asks it to.
#[cfg(unix)]
async fn end_when_told(app: tauri::AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    app.exit(0);
}

#[cfg(not(unix))]
async fn end_when_told(_: tauri::AppHandle) {}
