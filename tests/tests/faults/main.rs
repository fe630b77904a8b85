//! What goes wrong around Codchi: nothing is lost, it says what is the matter, and the same command finishes what was begun. Kills of
//! Codchi itself are in `kills`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod controller;
mod engine;
mod files;

use std::process::ExitCode;

use codchi_tests::{
    cases,
    scene::Scene,
    suite::{self, Case},
};

const CASES: &[Case<Scene>] = cases! {
    controller:
        a_nix_daemon_that_is_killed_is_back
        a_controller_that_is_gone_is_made_again
        an_older_controller_is_replaced_and_the_store_stays
        a_damaged_image_is_refused;
    engine:
        an_engine_that_is_killed_fails_the_operation
        an_engine_that_is_restarted_keeps_machines_running;
    files:
        damaged_and_newer_files_are_left_as_they_are
        a_full_disk_damages_nothing
        nothing_is_deleted_whose_settings_cannot_be;
};

fn main() -> ExitCode {
    suite::main("faults", || Scene::new(&[]), CASES)
}
