//! The one window: made when it is wanted, destroyed when it is closed, so that nobody pays for a webview that nobody sees.

use codchi_controller::settings::Theme;
use tauri::{
    AppHandle, Emitter as _, Manager as _, Url, WebviewUrl, WebviewWindowBuilder,
    webview::{Color, NewWindowResponse},
};

use crate::page::Page;

/// The window's label, which the capability names.
pub(crate) const LABEL: &str = "main";

/// The event that asks an open window to show a page; its payload is the path.
const PAGE: &str = "codchi-page";

/// The canvas of `ui/src/styles/tokens.css`, which the window has until its page is painted.
const LIGHT: Color = Color(0xf6, 0xf7, 0xf8, 0xff);
const DARK: Color = Color(0x14, 0x16, 0x18, 0xff);

/// What the window's pages are to be told before they listen.
#[derive(Debug, Default)]
pub(crate) struct Letterbox {
    listens: bool,
    path: Option<String>,
}

impl Letterbox {
    /// Empties it: from now on the pages listen.
    pub(crate) fn take(&mut self) -> Option<String> {
        self.listens = true;
        self.path.take()
    }
}

/// Shows the window at `page`; without one, where it was. Must be called on the main thread.
///
/// # Errors
/// When the webview can't be made.
pub(crate) fn open(
    app: &AppHandle,
    page: Option<&Page>,
    theme: Theme,
    letterbox: &mut Letterbox,
) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        match page.map(path) {
            Some(path) if letterbox.listens => app.emit_to(LABEL, PAGE, path)?,
            Some(path) => letterbox.path = Some(path),
            None => {}
        }
        window.unminimize()?;
        window.show()?;
        return window.set_focus();
    }
    *letterbox = Letterbox::default();
    let start = page.map(path).unwrap_or_default();
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(start.trim_start_matches('/').into()))
        .title("Codchi")
        .inner_size(1200.0, 800.0)
        .min_inner_size(720.0, 480.0)
        .theme(native(theme))
        // Shown in its page's colour, and before the page is there: both are made ready at the same time.
        .visible(false)
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    let dark = window.theme()? == tauri::Theme::Dark;
    window.set_background_color(Some(if dark { DARK } else { LIGHT }))?;
    window.show()?;
    window.set_focus()
}

/// Gives the window the theme of the settings.
///
/// # Errors
/// When the desktop refuses.
pub(crate) fn set_theme(app: &AppHandle, theme: Theme) -> tauri::Result<()> {
    app.get_webview_window(LABEL).map_or(Ok(()), |window| window.set_theme(native(theme)))
}

/// Whether the user can see a window.
pub(crate) fn is_in_sight(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL)
        .is_some_and(|window| window.is_visible().unwrap_or(false) && !window.is_minimized().unwrap_or(false))
}

/// The page as the router of `ui/src/app` knows it.
fn path(page: &Page) -> String {
    match page {
        Page::Machines => "/".to_owned(),
        page => format!("/{page}"),
    }
}

fn native(theme: Theme) -> Option<tauri::Theme> {
    match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    }
}

/// Only the app's own pages are shown in the window; links open in the browser.
fn is_ours(url: &Url) -> bool {
    let development = cfg!(dev) && url.scheme() == "http" && url.host_str() == Some("127.0.0.1");
    development || url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost")
}
