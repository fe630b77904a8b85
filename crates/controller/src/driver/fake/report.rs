//! How the engine in memory is set up.

use std::collections::BTreeMap;

use crate::driver::{Config, EngineInfo, EngineReport, Network, Pool, Room};

pub(super) fn info() -> EngineInfo {
    EngineInfo { name: "Fake".into(), version: "1".into(), endpoint: "memory".into() }
}

/// An engine in which nothing is missing.
pub fn in_order() -> EngineReport {
    let config = |pairs: &[(&str, &str)]| -> Config {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let gib = 1 << 30;
    EngineReport {
        engine: info(),
        profile: "default".into(),
        devices: Some(BTreeMap::from([
            ("root".to_owned(), config(&[("type", "disk"), ("path", "/"), ("pool", "default")])),
            ("eth0".to_owned(), config(&[("type", "nic"), ("network", "fakebr0")])),
        ])),
        pools: vec![Pool {
            name: "default".into(),
            driver: "dir".into(),
            space: Some(Room { used: 10 * gib, total: 100 * gib }),
            inodes: Some(Room { used: 1000, total: 1_000_000 }),
        }],
        pool: Some("default".into()),
        networks: vec![Network {
            name: "fakebr0".into(),
            kind: "bridge".into(),
            managed: true,
            config: config(&[("ipv4.address", "10.9.8.1/24"), ("ipv4.nat", "true")]),
        }],
    }
}
