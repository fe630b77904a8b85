//! Doctor over a real engine: from each broken state the right check fails with the right words, its fix repairs it, and nothing else
//! changes. Every case makes a world of its own and breaks it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod bundle;
mod controller;
mod engine;
mod host;
mod nothing;
mod patient;
mod setup;

use std::process::ExitCode;

use codchi_driver_lxd::Flavour;
use codchi_tests::{
    cases, scene,
    suite::{self, Case},
};

const CASES: &[Case<()>] = cases! {
    engine:
        an_engine_that_does_not_run_is_started
        a_socket_that_is_not_permitted_is_opened_by_its_group;
    setup:
        an_engine_without_a_storage_pool_gets_one
        a_profile_without_a_root_device_gets_one
        an_engine_without_a_bridge_gets_one
        a_bridge_that_is_gone_from_the_computer_is_set_up_again;
    host:
        missing_subordinate_ids_are_added
        a_capability_that_the_kernel_withholds_is_allowed
        a_session_without_a_keyring_keeps_secrets_in_a_vault
        an_unknown_certificate_authority_is_imported_and_an_expired_certificate_is_said;
    controller:
        a_full_pool_is_collected
        a_damaged_controller_is_made_again
        a_nix_daemon_that_hangs_is_restarted;
    bundle:
        the_bundle_has_what_is_listed_and_no_secret;
};

/// What Debian has is LXD, whichever engine the suite runs on: once is enough.
const ON_LXD: &[Case<()>] = cases! {
    nothing:
        without_any_engine_one_is_installed_and_the_first_machine_runs;
};

fn main() -> ExitCode {
    if scene::engine() == Flavour::Incus {
        let elsewhere = || ON_LXD.iter().for_each(|case| println!("doctor {} is a case of LXD's", case.name));
        return suite::main("doctor", elsewhere, CASES);
    }
    suite::main("doctor", || (), &[CASES, ON_LXD].concat())
}
