//! The app as a whole: what it knows, what it does when something changes, how it begins and ends.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use codchi_api::{
    Api,
    types::{Event, MachineArgs, Nothing},
};
use codchi_controller::{
    doctor::{CheckState, Diagnosis},
    machine::MachineName,
    operation::Door,
    settings::Settings,
    status::Snapshot,
};
use codchi_host::Environment;
use futures::StreamExt as _;
use serde::Serialize;
use serde_json::{Value, json};
use tauri::{AppHandle, Manager as _, ipc::Channel};
use time::OffsetDateTime;
use tokio::sync::SetOnce;

use crate::{
    clipboard::SecretClipboard,
    life::{Life, Next},
    notice::{self, Notice},
    page::Page,
    picture::Picture,
    terminal,
    tray::{
        host,
        model::{Choice, TrayModel},
        render::Tray,
    },
    window::{self, Letterbox},
    words::Words,
};

/// So many events are taken in before something is drawn: a burst changes the tray once.
const BURST: usize = 256;

/// What lives as long as the app does.
pub(crate) struct Codchi {
    /// Everything that can be done.
    pub(crate) api: Api,
    /// The environment that the app was started in.
    pub(crate) environment: Environment,
    picture: Mutex<Picture>,
    life: Mutex<Life>,
    letterbox: Mutex<Letterbox>,
    tray: Mutex<Option<Tray>>,
    /// Where the window's pages hear of events; `None` when nobody listens. Locked while the picture is.
    listener: Mutex<Option<Channel<Event>>>,
    /// Set when the tray was put into the panel, or can't be.
    tray_tried: SetOnce<()>,
    /// Whether the host's checks were ever made.
    examined: AtomicBool,
    /// What was copied last.
    pub(crate) clipboard: SecretClipboard,
}

impl Codchi {
    /// The app before anything is known but the settings.
    pub(crate) fn new(api: Api, environment: Environment, settings: Option<Settings>) -> Self {
        Self {
            api,
            environment,
            picture: Mutex::new(Picture::new(settings, OffsetDateTime::now_utc())),
            life: Mutex::default(),
            letterbox: Mutex::default(),
            tray: Mutex::default(),
            listener: Mutex::default(),
            tray_tried: SetOnce::new(),
            examined: AtomicBool::new(false),
            clipboard: SecretClipboard::default(),
        }
    }

    /// The path that the window's pages were to show before they listened.
    pub(crate) fn missed_page(&self) -> Option<String> {
        lock(&self.letterbox).take()
    }

    /// Tells the window's pages of all that happens from now on. Returns what is known until then, without asking anybody.
    pub(crate) fn listen(&self, listener: Channel<Event>) -> FirstSight {
        let picture = lock(&self.picture);
        *lock(&self.listener) = Some(listener);
        FirstSight { settings: picture.users_settings(), status: picture.snapshot() }
    }

    fn words(&self) -> &'static Words {
        Words::of(lock(&self.picture).settings.language, sys_locale::get_locale().as_deref())
    }

    /// Whether operations would be interrupted by the end of this process.
    fn works(&self) -> bool {
        let picture = lock(&self.picture);
        self.api.running_here().into_iter().any(|id| picture.may_work(id))
    }
}

/// What the window's pages begin with.
#[derive(Debug, Serialize)]
pub(crate) struct FirstSight {
    /// `None` where they can't be read: the pages ask, and say why.
    settings: Option<Settings>,
    /// `None` as long as nothing was heard of the engine.
    status: Option<Snapshot>,
}

/// What is behind the lock; a panic elsewhere is no reason to lose the tray.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn codchi(app: &AppHandle) -> Arc<Codchi> {
    Arc::clone(&app.state::<Arc<Codchi>>())
}

fn report(what: &'static str) -> impl FnOnce(tauri::Error) {
    move |error| tracing::warn!(%error, "{what}")
}

/// Shows the window; from any thread.
pub(crate) fn open_window(app: &AppHandle, page: Option<Page>) {
    let handle = app.clone();
    let opened = app.run_on_main_thread(move || {
        let codchi = codchi(&handle);
        lock(&codchi.life).window_opened();
        let theme = lock(&codchi.picture).settings.theme;
        window::open(&handle, page.as_ref(), theme, &mut lock(&codchi.letterbox))
            .unwrap_or_else(report("the window could not be opened"));
        draw_tray(&handle);
    });
    opened.unwrap_or_else(report("the main thread is gone"));
}

/// Puts the tray into the panel and follows what happens, until the app ends.
pub(crate) async fn follow(app: AppHandle) {
    let codchi = codchi(&app);
    let ink = host::ink(&codchi.environment).await;
    on_main_thread(&app, move |app| put_tray(app, ink));
    let mut bursts = codchi.api.subscribe().ready_chunks(BURST);
    while let Some(burst) = bursts.next().await {
        let mut changed = false;
        for event in &burst {
            changed |= take_in(&app, &codchi, event);
        }
        if !changed {
            continue;
        }
        let works = codchi.works();
        if lock(&codchi.life).changed(works) == Next::End {
            app.exit(0);
        }
        on_main_thread(&app, draw_tray);
    }
    tracing::error!("nobody tells of changes any more: the tray stays as it is");
}

fn on_main_thread(app: &AppHandle, what: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    app.run_on_main_thread(move || what(&handle)).unwrap_or_else(report("the main thread is gone"));
}

/// Takes an event in; whether it changed the picture.
fn take_in(app: &AppHandle, codchi: &Codchi, event: &Event) -> bool {
    let (news, listener) = {
        let mut picture = lock(&codchi.picture);
        (picture.apply(event), lock(&codchi.listener).clone())
    };
    // Asked before the window shows it: who closes it upon that has seen it.
    let unseen = (!news.ended.is_empty() || !news.asking.is_empty()) && !window::is_in_sight(app);
    let window = app.get_webview_window(window::LABEL);
    if let Some(listener) = listener.filter(|_| window.is_some()) {
        listener.send(event.clone()).unwrap_or_else(report("the window could not be told"));
    }
    if unseen {
        let words = codchi.words();
        let ends = news.ended.iter().filter_map(|operation| Notice::of_end(operation, words));
        let questions = news.asking.iter().map(|operation| Notice::of_question(operation, words));
        for notice in ends.chain(questions) {
            tell(app, codchi, notice);
        }
    }
    for name in news.running {
        deliver(codchi, name);
    }
    // A window asks for the checks itself, once it is painted; the tray gets what it is told.
    if news.host && window.is_none() {
        examine(app);
    }
    if let Event::SettingsChanged { settings } = event {
        let theme = settings.theme;
        on_main_thread(app, move |app| {
            window::set_theme(app, theme).unwrap_or_else(report("the window's theme stays"));
        });
    }
    news.changed
}

/// Brings its secrets to a machine that somebody else started.
fn deliver(codchi: &Codchi, name: MachineName) {
    let api = codchi.api.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(failure) = api.secrets_deliver(MachineArgs { name: name.to_string() }).await {
            tracing::warn!(%name, %failure.message, "its secrets were not delivered");
        }
    });
}

/// Makes the host's checks, for the tray.
fn examine(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if let Ok(diagnosis) = codchi(&app).api.doctor(Nothing {}).await {
            note(&app, &diagnosis);
        }
    });
}

/// Takes in what the host's checks found, whoever made them.
pub(crate) fn note(app: &AppHandle, diagnosis: &Diagnosis) {
    codchi(app).examined.store(true, Ordering::Relaxed);
    let failed = diagnosis.checks.iter().filter(|check| check.state == CheckState::Fail).count();
    lock(&codchi(app).picture).problems = failed;
    on_main_thread(app, draw_tray);
}

/// Shows a notification, if the user wants them.
fn tell(app: &AppHandle, codchi: &Codchi, notice: Notice) {
    if lock(&codchi.picture).settings.notifications {
        say(app, codchi, notice);
    }
}

/// Shows what answers the user: without a window there is no other place for it.
fn say(app: &AppHandle, codchi: &Codchi, notice: Notice) {
    let app = app.clone();
    notice::show(notice, codchi.words(), move |page| open_window(&app, Some(page)));
}

fn put_tray(app: &AppHandle, ink: host::Ink) {
    let put = || {
        Tray::new(
            app,
            ink,
            |app, id| {
                let chosen = lock(&codchi(app).tray).as_ref().and_then(|tray| tray.choice(id));
                if let Some(choice) = chosen {
                    choose(app, choice);
                }
            },
            |app| open_window(app, None),
        )
    };
    // The tray's library is loaded at run time and missing it is a panic; without it the app still has its window.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(put)) {
        Ok(Ok(tray)) => *lock(&codchi(app).tray) = Some(tray),
        Ok(Err(error)) => tracing::warn!(%error, "no tray"),
        Err(_) => tracing::warn!("no tray: libayatana-appindicator3 is not installed"),
    }
    draw_tray(app);
    // It is put once.
    let _ = codchi(app).tray_tried.set(());
}

fn draw_tray(app: &AppHandle) {
    let codchi = codchi(app);
    let words = codchi.words();
    let ends_later = lock(&codchi.life).ends_later();
    let model = TrayModel::new(&lock(&codchi.picture), ends_later, words);
    if let Some(tray) = lock(&codchi.tray).as_mut() {
        tray.show(app, model).unwrap_or_else(report("the tray could not be drawn"));
    }
}

fn choose(app: &AppHandle, choice: Choice) {
    match choice {
        Choice::Open(page) => open_window(app, Some(page)),
        Choice::Start(name) => run(app, "start", name.clone(), json!({ "name": name })),
        Choice::Stop(name) => run(app, "stop", name.clone(), json!({ "name": name, "force": false })),
        Choice::Restart(name) => run(app, "restart", name.clone(), json!({ "name": name, "force": false })),
        Choice::Terminal(name) => {
            let codchi = codchi(app);
            if let Err(error) = terminal::open(app, &codchi.environment, &name) {
                tracing::warn!(%error, %name, "no terminal");
                say(app, &codchi, Notice::of_missing_terminal(&name, codchi.words()));
            }
        }
        Choice::Quit => quit(app),
    }
}

/// Runs a command that was chosen in the tray. It tells of itself by events; only a refusal has to be said.
fn run(app: &AppHandle, command: &'static str, name: MachineName, args: Value) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let codchi = codchi(&app);
        if let Err(failure) = codchi.api.through(Door::Tray).call(command, args).await {
            say(&app, &codchi, Notice::of_refusal(&name, &failure, codchi.words()));
        }
    });
}

fn quit(app: &AppHandle) {
    let codchi = codchi(app);
    let works = codchi.works();
    let next = lock(&codchi.life).quit(works);
    go_on(app, next);
}

/// The user closed the window: it is gone at once, and whether the app stays is decided by the settings and the panel.
pub(crate) fn window_closing(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(window::LABEL) {
        window.hide().unwrap_or_else(report("the window could not be hidden"));
    }
    let app = app.clone();
    let closing = lock(&codchi(&app).life).closing();
    tauri::async_runtime::spawn(async move {
        let codchi = codchi(&app);
        // At the very beginning nobody knows yet whether there is one to stay in.
        codchi.tray_tried.wait().await;
        let wanted = lock(&codchi.picture).settings.close_to_tray && lock(&codchi.tray).is_some();
        let keep = wanted && host::is_present().await;
        // Decided where windows are opened, so that none is opened in between.
        on_main_thread(&app, move |app| {
            let works = codchi.works();
            let next = lock(&codchi.life).window_closed(closing, keep, works);
            if let Some(next) = next {
                go_on(app, next);
            }
        });
    });
}

fn go_on(app: &AppHandle, next: Next) {
    let destroy = || {
        if let Some(window) = app.get_webview_window(window::LABEL) {
            let codchi = codchi(app);
            *lock(&codchi.listener) = None;
            window.destroy().unwrap_or_else(report("the window could not be closed"));
            // Its page would have asked, but didn't come to it.
            if !codchi.examined.load(Ordering::Relaxed) {
                examine(app);
            }
        }
    };
    match next {
        Next::Stay => destroy(),
        Next::EndLater => {
            destroy();
            let codchi = codchi(app);
            say(app, &codchi, Notice::of_ending_later(codchi.words()));
            draw_tray(app);
        }
        Next::End => app.exit(0),
    }
}
