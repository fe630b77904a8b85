//! The window: how long it takes from the start of the app until it is there.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use codchi_tests::{
    desktop::{App, Desktop},
    programs,
    scene::Scene,
};

use crate::ratio::{Row, compare_times};

/// How often each window is opened.
const RUNS: usize = 5;

/// What isn't drawn on for this long is complete.
const QUIET: Duration = Duration::from_secs(1);

/// From the start of the program to the last change of the picture: with ours, the list with its machine in it.
pub(crate) fn first_paint(scene: &Scene) -> Row {
    scene.codchi.ok(&["start", "bench"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let desktop = runtime.block_on(Desktop::new(scene.world.env()));
    let ours = scene.world.dir().join("bin/codchi-app");
    std::fs::copy(programs::app(), &ours).unwrap();
    let empty = programs::empty_window();
    compare_times(
        "window, from the start to its list complete, against an empty Tauri window",
        "≤ 1.25×",
        RUNS,
        |_| complete(&desktop, &ours),
        |_| complete(&desktop, &empty),
        |_| {},
    )
}

fn complete(desktop: &Desktop, program: &Path) -> Duration {
    let paints = desktop.screen.paints();
    let begin = Instant::now();
    let _app = App::start(desktop, program, &[]);
    paints.settled(QUIET).duration_since(begin)
}
