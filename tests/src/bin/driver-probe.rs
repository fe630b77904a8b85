//! Asks the LXD or Incus at the socket given as whoever runs this, and prints `ok`, `denied`, `unreachable` or `other`.
//! The conformance suite runs it as another user.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test's program")]

use codchi_controller::driver::{Driver, DriverError};
use codchi_driver_lxd::{Flavour, LxdConfig, LxdDriver};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let socket = std::env::args_os().nth(1).unwrap();
    let driver = LxdDriver::new(LxdConfig::new(Flavour::Lxd, socket)).unwrap();
    println!(
        "{}",
        match driver.engine().await {
            Ok(_) => "ok",
            Err(DriverError::Denied { .. }) => "denied",
            Err(DriverError::Unreachable { .. }) => "unreachable",
            Err(_) => "other",
        }
    );
}
