//! What the window can ask for. `ui/src/platform/tauri.ts` is the other side.
//!
//! Everything about machines goes through the one command table; what is here besides are the desktop's own dialogs.

use std::{path::PathBuf, sync::Arc};

use codchi_api::types::{Event, SecretArgs};
use codchi_controller::{
    doctor::Diagnosis,
    failure::{Failure, FailureCode},
    machine::MachineName,
};
use serde::Deserialize as _;
use serde_json::Value;
use tauri::{AppHandle, State, WebviewWindow, ipc::Channel};
use tauri_plugin_dialog::{DialogExt as _, FilePath};
use tokio::sync::oneshot;

use crate::{
    app::{self, Codchi, FirstSight},
    terminal,
};

/// Runs a command of the table.
#[tauri::command]
pub(crate) async fn call(
    app: AppHandle,
    codchi: State<'_, Arc<Codchi>>,
    command: String,
    args: Value,
) -> Result<Value, Failure> {
    let result = codchi.api.call(&command, args).await?;
    // What the window shows, the tray shows too.
    if command == "doctor"
        && let Ok(diagnosis) = Diagnosis::deserialize(&result)
    {
        app::note(&app, &diagnosis);
    }
    Ok(result)
}

/// Tells the pages of events from now on, beginning with what is known.
#[tauri::command]
pub(crate) async fn listen(
    codchi: State<'_, Arc<Codchi>>,
    events: Channel<Event>,
) -> Result<FirstSight, Failure> {
    Ok(codchi.listen(events))
}

/// Copies a secret's value, and takes it out of the clipboard again after a while. It doesn't pass through the page.
#[tauri::command]
pub(crate) async fn copy_secret(
    codchi: State<'_, Arc<Codchi>>,
    name: String,
    secret: String,
) -> Result<(), Failure> {
    let value = codchi.api.reveal(&SecretArgs { name, secret: secret.clone() }).await?;
    let refused = |message: String, causes: Vec<String>| Failure {
        code: FailureCode::Failed,
        message,
        hints: vec![],
        causes,
        details: vec![],
    };
    let text = std::str::from_utf8(value.expose())
        .map_err(|_| refused(format!("{secret} is no text and can't be copied"), vec![]))?;
    codchi
        .clipboard
        .copy(text)
        .map_err(|error| refused("the clipboard can't be used".to_owned(), vec![error.to_string()]))
}

/// The path that was wanted before the window listened to its event.
#[tauri::command]
pub(crate) async fn missed_page(codchi: State<'_, Arc<Codchi>>) -> Result<Option<String>, Failure> {
    Ok(codchi.missed_page())
}

/// Opens a terminal with a shell in a machine.
#[tauri::command]
pub(crate) async fn open_terminal(
    app: AppHandle,
    codchi: State<'_, Arc<Codchi>>,
    machine: MachineName,
) -> Result<(), Failure> {
    terminal::open(&app, &codchi.environment, &machine).map_err(|error| Failure {
        code: FailureCode::Failed,
        message: error.to_string(),
        hints: vec![format!("Run codchi exec {machine} in a terminal of your choice.")],
        causes: std::error::Error::source(&error).map(ToString::to_string).into_iter().collect(),
        details: vec![],
    })
}

/// Asks for a folder; `None` when the user changed their mind.
#[tauri::command]
pub(crate) async fn choose_folder(window: WebviewWindow, title: String) -> Option<PathBuf> {
    let (answer, asked) = oneshot::channel();
    window.dialog().file().set_parent(&window).set_title(title).pick_folder(|folder| {
        let _ = answer.send(folder);
    });
    asked.await.ok().flatten().and_then(path)
}

/// Asks for a file; `None` when the user changed their mind.
#[tauri::command]
pub(crate) async fn choose_file(window: WebviewWindow, title: String) -> Option<PathBuf> {
    let (answer, asked) = oneshot::channel();
    window.dialog().file().set_parent(&window).set_title(title).pick_file(|file| {
        let _ = answer.send(file);
    });
    asked.await.ok().flatten().and_then(path)
}

/// Asks where to save something; `None` when the user changed their mind.
#[tauri::command]
pub(crate) async fn choose_place(
    window: WebviewWindow,
    title: String,
    suggested_name: String,
) -> Option<PathBuf> {
    let (answer, asked) = oneshot::channel();
    window.dialog().file().set_parent(&window).set_title(title).set_file_name(suggested_name).save_file(
        |file| {
            let _ = answer.send(file);
        },
    );
    asked.await.ok().flatten().and_then(path)
}

/// Asks where to save `text` and does it; `None` when the user changed their mind, else the path.
#[tauri::command]
pub(crate) async fn save_text(
    window: WebviewWindow,
    title: String,
    suggested_name: String,
    text: String,
) -> Result<Option<PathBuf>, Failure> {
    let Some(file) = choose_place(window, title, suggested_name).await else { return Ok(None) };
    tokio::fs::write(&file, text).await.map_err(|error| Failure {
        code: FailureCode::Failed,
        message: format!("{} could not be written", file.display()),
        hints: vec!["Choose another place.".to_owned()],
        causes: vec![error.to_string()],
        details: vec![],
    })?;
    Ok(Some(file))
}

fn path(chosen: FilePath) -> Option<PathBuf> {
    chosen.into_path().ok()
}
