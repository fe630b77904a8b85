//! [`Driver`] for LXD 5.0 and Incus 6.0, over their REST interface and websockets on the local unix socket.
//!
//! Both engines speak the same protocol (LXD's `doc/rest-api.md`, of which Incus' is a fork); what differs is in [`Flavour`].
//! No client program is run. Reading the environment and choosing between the engines is left to the caller ([`sockets`] helps);
//! servers elsewhere (HTTPS) and clusters are not here yet: [`Rest`](rest::Rest) is the one place that knows how to connect.
//!
//! | module | subject |
//! | --- | --- |
//! | [`config`] | where the engine is, which project, profile and pool |
//! | `rest`, `websocket`, `wire` | requests, operations, errors; the JSON of the interface |
//! | `record`, `editing` | one instance with its ETag: whose it is, changing it without touching foreign settings |
//! | `settings`, `devices` | what an `InstanceSpec` is in the engine's configuration keys and devices |
//! | `image`, `storage`, `state`, `listing`, `inspect`, `events`, `exec` | the methods of the trait, by subject |
#![cfg(unix)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod copying;
mod devices;
mod driver;
mod editing;
mod events;
mod exec;
mod image;
mod inspect;
mod listing;
mod record;
mod rest;
mod roots;
mod settings;
mod state;
mod storage;
mod websocket;
mod wire;

pub use config::{Flavour, LxdConfig, sockets};
pub use driver::LxdDriver;

#[allow(unused_imports, reason = "named in the documentation")]
use codchi_controller::driver::Driver;
