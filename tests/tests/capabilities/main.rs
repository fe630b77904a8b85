//! Capabilities on a real engine: what the host has works in a machine that asks for it and is absent in one that doesn't.
//!
//! The host's session is made here: an SSH agent, a sound server with a null sink, a display in memory. What this computer may not have
//! (cards, USB, KVM, cameras) is looked at in the engine's configuration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod absent;
mod containers;
mod devices;
mod session;
mod sockets;

use std::process::ExitCode;

use codchi_tests::{
    cases,
    suite::{self, Case},
};
use session::Session;

const CASES: &[Case<Session>] = cases! {
    absent:
        what_is_missing_is_said_before_anything_is_built
        a_terminal_is_asked_and_its_answer_can_be_undone
        nothing_absent_is_attached
        a_machine_that_asks_for_nothing_has_nothing;
    devices:
        a_file_system_in_user_space_is_mounted
        a_tunnel_is_made;
    containers:
        containers_nest
        a_container_runs_in_the_machine
        nobody_can_let_them_into_a_machine_that_does_not_ask
        sandboxes_need_none_of_it;
    sockets:
        the_agents_keys_are_listed
        an_agent_that_moves_is_followed
        a_window_is_drawn_on_the_hosts_display
        the_displays_cookie_is_in_the_machine_that_asks_and_nowhere_else
        a_tone_is_heard_on_the_hosts_sound_server;
};

fn main() -> ExitCode {
    suite::main("capabilities", Session::new, CASES)
}
