//! The desktop app as a user meets it: the real window in WebKitGTK, the tray's menu over D-Bus, notifications, on a real engine.
//!
//! What is native (tray, closing, notifications) is told from outside, over the desktop's own protocols; what is a page is driven
//! through WebDriver. Pictures of every step are kept in `target/screenshots`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "tests"
)]

mod capabilities;
mod closing;
mod doctor;
mod events;
mod notices;
mod onboarding;
mod secrets;
mod start;
mod tray;
mod wizard;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use codchi_tests::{
    desktop::{self, App, Desktop, Window},
    programs,
    repo::Repo,
    scene::Scene,
    suite::{self, Case},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A desktop on which the app can be run, and the world that it manages.
struct Stage {
    // In the order in which they end.
    desktop: Desktop,
    scene: Scene,
    app: PathBuf,
}

/// The stage that the cases share.
struct Shared {
    // In the order in which they end.
    stage: Stage,
    runtime: Runtime,
}

impl Shared {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let stage = runtime.block_on(Stage::new(&programs::app()));
        Self { stage, runtime }
    }
}

impl Stage {
    async fn new(app: &Path) -> Self {
        let scene = Scene::new(&[]);
        // Beside the command line, as it is installed.
        let beside = scene.world.dir().join("bin/codchi-app");
        std::fs::copy(app, &beside).unwrap();
        let desktop = Desktop::new(scene.world.env()).await;
        Self { desktop, scene, app: beside }
    }

    /// Another one, for what would disturb the others.
    async fn apart(&self) -> Self {
        Self::new(&self.app).await
    }

    /// Leaves nothing of the case before that this one would see.
    fn begin(&self) {
        self.set(&json!({ "version": 1 }));
        if self.scene.codchi.machine("changing")["config"] == "failed" {
            self.changing();
        }
    }

    /// The app's window, driven.
    async fn window(&self, args: &[&str]) -> Window {
        Window::open(&self.desktop, &self.app, args).await
    }

    /// The app, only looked at from outside.
    fn app(&self, args: &[&str]) -> App {
        App::start(&self.desktop, &self.app, args)
    }

    /// The app in the tray, with its window closed.
    async fn app_in_tray(&self) -> (App, desktop::Tray) {
        let app = self.app(&["--hidden"]);
        let tray = self.desktop.panel.icon_of(app.id()).await;
        (app, tray)
    }

    /// Starts the app a second time.
    fn start_again(&self, args: &[&str]) {
        let status = self.desktop.command(&self.app).args(args).status().unwrap();
        assert!(status.success(), "the second start of {args:?} ended with {status}");
    }

    /// Asks the app to end and waits for it.
    async fn quit(&self, mut app: App, tray: &desktop::Tray) {
        tray.click(&["Quit"]).await;
        assert_eq!(app.end().await, 0);
    }

    /// The machine `changing`, running, and its repository.
    fn changing(&self) -> Repo {
        let path = self.scene.place("changing");
        let repo =
            if path.exists() { Repo::at(path) } else { Repo::module(path, "changing", &greeting("one")) };
        repo.commit(&[("module.nix", &greeting("one"))]);
        self.scene.running("changing", &repo);
        self.scene.codchi.ok(&["rebuild", "changing"]);
        repo
    }

    /// The settings as they are written by whichever door changes them.
    fn set(&self, settings: &Value) {
        let file = self.scene.codchi.config_dir().join("settings.json");
        let new = file.with_extension("new");
        std::fs::write(&new, settings.to_string()).unwrap();
        std::fs::rename(new, file).unwrap();
    }
}

fn greeting(text: &str) -> String {
    format!("{{ environment.etc.\"greeting\".text = \"{text}\"; }}\n")
}

fn broken() -> &'static str {
    "{ pkgs, ... }: { environment.etc.\"x\".source = pkgs.runCommand \"broken-thing\" { } \"echo no rule to make it >&2; exit 7\"; }\n"
}

/// The row of a machine in the list.
fn row(machine: &str) -> String {
    format!("[role=row][data-name={machine}]")
}

/// A case whose name is its function's.
macro_rules! cases {
    ($($module:ident: $($name:ident)*;)*) => {
        &[$($(Case {
            name: stringify!($name),
            run: |shared: &mut Shared| {
                shared.stage.begin();
                shared.runtime.block_on($module::$name(&shared.stage));
            },
        },)*)*]
    };
}

const CASES: &[Case<Shared>] = cases! {
    wizard:
        an_address_becomes_a_running_machine
        a_failure_is_shown_with_its_cause;
    tray:
        the_menu_is_read_and_stop_is_clicked
        a_terminal_opens_with_a_shell_in_the_machine
        the_language_follows_the_settings;
    events:
        another_program_is_seen_at_once
        an_engine_that_goes_and_comes_back;
    closing:
        closing_keeps_the_tray_and_gives_the_memory_back
        closing_quits_where_there_is_no_tray
        closing_quits_where_the_user_wants_it
        quit_waits_for_what_runs
        a_second_quit_does_not_wait;
    notices:
        a_build_that_ends_unseen_is_told
        a_build_that_fails_unseen_is_told
        what_is_seen_is_not_told;
    secrets:
        a_build_that_waits_unseen_is_told_and_answered
        a_locked_keyring_is_said_and_unlocked
        the_wizard_asks_for_everything_at_once
        a_value_is_shown_after_asking_and_leaves_the_clipboard;
    doctor:
        what_is_broken_is_shown_and_mended;
    capabilities:
        what_this_computer_lacks_is_said_before_the_build
        what_was_mended_is_looked_at_again
        sockets_that_move_are_followed_while_the_app_runs
        a_camera_comes_and_goes_while_the_machine_runs;
    onboarding:
        an_engine_that_is_not_set_up_is_made_ready_by_one_button
        an_engine_that_does_not_run_is_made_ready_by_one_button;
    start:
        a_second_start_shows_the_first_one
        a_start_while_the_first_one_ends_becomes_the_first
        without_a_display_it_says_so;
};

fn main() -> ExitCode {
    suite::main("window", Shared::new, CASES)
}

/// The root of what a picture is called.
fn step(number: u8, name: &str) -> String {
    format!("wizard-{number}-{name}")
}

/// Whether a process of this name belongs to the app.
fn has_webview(app: &App) -> bool {
    app.family().iter().any(|id| {
        let name = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("comm"));
        name.is_ok_and(|name| name.starts_with("WebKitWeb"))
    })
}
