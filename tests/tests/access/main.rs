//! The user's own access to servers, on real parts: private repositories over HTTPS with a token and over SSH with an agent, a company's
//! own certificate authority, its proxy. Fetched by the real Nix in a real controller, and hunted afterwards: what was used is nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod https;
mod office;
mod proxy;
mod ssh;
mod strangers;

use std::process::ExitCode;

use codchi_tests::{
    cases,
    suite::{self, Case},
};
use office::Office;

const CASES: &[Case<Office>] = cases! {
    https:
        a_server_is_trusted_once_its_authority_is_on_the_host
        a_private_repository_builds_with_a_token_that_is_nowhere
        a_token_that_was_revoked_is_named_and_what_runs_is_left
        what_git_knows_is_used_unless_it_is_refused
        what_was_refused_to_a_machine_is_not_used_for_it
        a_killed_owner_leaves_nothing_of_the_token
        a_machine_trusts_what_its_host_trusts
        access_says_what_there_is;
    ssh:
        a_private_repository_builds_with_a_key_that_stays_in_the_agent
        an_unknown_host_is_said_before_anything_is_sent;
    strangers:
        a_flake_finds_nothing_of_the_controller;
    proxy:
        git_goes_through_the_proxy_also_with_a_password;
};

fn main() -> ExitCode {
    suite::main("access", Office::new, CASES)
}
