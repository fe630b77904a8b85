//! The main job on real parts: a real engine, a real nix-daemon in its sandbox, real flakes in git repositories, machines that boot
//! systemd from the shared store, all of it through the real `codchi`.
//!
//! What goes wrong from outside (kills, faults) is in `faults`, bad input in `bad_input`, another user in `unprivileged`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod delivery;
mod failures;
mod garbage;
mod guest;
mod isolation;
mod life;
mod lost;
mod machine;
mod modules;
mod moves;
mod rebuild;
mod status;

use std::process::ExitCode;

use codchi_tests::{
    cases,
    scene::Scene,
    suite::{self, Case},
};

const CASES: &[Case<Scene>] = cases! {
    machine:
        a_repository_becomes_a_running_machine
        arguments_reach_the_machine_exactly
        exit_codes_and_streams_pass_through
        the_examples_do_what_their_readmes_say
        an_empty_machine_is_a_machine;
    isolation:
        store_and_database_are_read_only
        a_profile_leads_nowhere_else
        the_user_builds_through_the_daemon
        no_other_machine_is_visible;
    garbage:
        a_link_in_a_home_survives_collections
        nothing_in_a_home_stops_a_collection
        a_build_survives_collections_between_its_phases
        a_collection_that_began_before_a_derivation_was_kept_leaves_it;
    modules:
        modules_are_listed_without_building
        modules_come_and_go
        copies_of_repositories_go_with_the_last_machine_of_them
        a_second_machine_costs_nothing;
    rebuild:
        nothing_changed_ends_at_once
        a_dry_run_changes_nothing
        a_changed_module_switches_without_restart;
    failures:
        a_failing_evaluation_leaves_what_runs
        a_failing_build_leaves_what_runs
        a_failing_activation_leaves_what_runs
        a_failed_creation_is_continued;
    life:
        stop_and_start_take_a_machine_down_and_up
        what_another_program_does_is_seen
        two_operations_on_one_machine_are_refused_and_on_two_run_side_by_side
        ctrl_c_cancels_and_leaves_what_runs
        delete_leaves_nothing;
    lost:
        a_container_without_settings_is_shown_and_removed;
    moves:
        a_duplicate_is_another_machine_with_the_same_files
        a_copy_that_was_killed_is_finished
        another_name_keeps_everything
        a_renaming_that_was_killed_is_finished
        an_exported_machine_comes_back
        an_import_that_was_killed_is_finished
        a_file_that_is_something_else_changes_nothing;
    delivery:
        any_value_arrives_as_it_is
        units_that_ask_wait_for_the_delivery
        a_late_delivery_starts_what_gave_up
        a_module_for_other_versions_of_codchi_works
        a_delivery_replaces_and_a_refused_one_changes_nothing
        nothing_delivered_is_on_a_disk;
    status:
        fifty_containers_are_one_request
        an_engine_that_is_down_is_said;
};

fn main() -> ExitCode {
    suite::main("engine", || Scene::new(&["--log-requests"]), CASES)
}
