//! Suites that need more than one crate: driver conformance, worlds with a real engine, end-to-end runs.
//!
//! Everything here is for tests: it panics where a test would fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests"
)]

pub mod cli;
pub mod conformance;
pub mod desktop;
pub mod gateway;
pub mod hardware;
pub mod hunt;
pub mod keyring;
pub mod process;
pub mod programs;
pub mod repo;
pub mod scene;
pub mod servers;
pub mod session;
pub mod suite;
pub mod terminal;
pub mod world;
