//! The JSON of the interface, as far as it is read. Everything else in an answer is skipped without being kept.
//! The engines are written in Go, where an empty list or map is null as often as not.
//!
//! Source: `doc/rest-api.md` and `shared/api/*.go` of LXD 5.0 and Incus 6.0.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::Value;

/// The frame around every answer.
#[derive(Deserialize)]
pub(crate) struct Envelope<T> {
    /// What was asked for; for an operation its description.
    pub(crate) metadata: T,
}

/// An answer that says no.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    /// `error`; `sync` or `async` in an answer that isn't one.
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    /// In the engine's words.
    #[serde(default)]
    pub(crate) error: String,
}

/// `GET /1.0`.
#[derive(Deserialize)]
pub(crate) struct Server {
    /// `trusted` or `untrusted`.
    #[serde(default)]
    pub(crate) auth: String,
    #[serde(default)]
    pub(crate) environment: ServerEnvironment,
}

#[derive(Deserialize, Default)]
pub(crate) struct ServerEnvironment {
    #[serde(default)]
    pub(crate) server_version: String,
}

/// `GET /1.0/operations/ID`, also inside of the answer that started it.
#[derive(Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) status_code: u16,
    /// Why it failed.
    #[serde(default)]
    pub(crate) err: String,
    #[serde(default)]
    pub(crate) metadata: Value,
    /// The addresses of what it works on, by kind.
    #[serde(default)]
    pub(crate) resources: Option<BTreeMap<String, Vec<String>>>,
}

impl Operation {
    /// One that is known only to have failed.
    pub(crate) fn failed(error: String) -> Self {
        Self { id: String::new(), status_code: 400, err: error, metadata: Value::Null, resources: None }
    }

    /// Done, as opposed to failed or cancelled.
    pub(crate) fn succeeded(&self) -> bool {
        self.status_code == 200
    }
}

/// One of `GET /1.0/instances?recursion=2`.
#[derive(Deserialize)]
pub(crate) struct Instance<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(default)]
    pub(crate) status_code: u16,
    #[serde(borrow, default)]
    pub(crate) last_used_at: Option<Cow<'a, str>>,
    /// Null when the engine couldn't read the instance just then.
    #[serde(borrow, default)]
    pub(crate) config: Option<OurKeys<'a>>,
    #[serde(borrow, default)]
    pub(crate) state: Option<State<'a>>,
}

/// The configuration keys that say whose an instance is, and those that the engine adds at its first start.
#[derive(Deserialize)]
pub(crate) struct OurKeys<'a> {
    #[serde(borrow, default, rename = "user.codchi.role")]
    pub(crate) role: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "user.codchi.image")]
    pub(crate) image: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "volatile.idmap.current")]
    pub(crate) map: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "volatile.last_state.power")]
    pub(crate) power: Option<Cow<'a, str>>,
}

/// What an instance uses; counters are 0 or -1 where the engine can't tell.
#[derive(Deserialize)]
pub(crate) struct State<'a> {
    /// Only Incus has it.
    #[serde(borrow, default)]
    pub(crate) started_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) network: Option<BTreeMap<Cow<'a, str>, Interface<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Interface<'a> {
    #[serde(borrow, default)]
    pub(crate) addresses: Option<Vec<Address<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Address<'a> {
    #[serde(borrow)]
    pub(crate) family: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) scope: Cow<'a, str>,
}

/// `GET /1.0/images/aliases/NAME`.
#[derive(Deserialize)]
pub(crate) struct Alias {
    /// The image's fingerprint.
    pub(crate) target: String,
}

/// One of `GET /1.0/images?recursion=1`.
#[derive(Deserialize)]
pub(crate) struct StoredImage {
    pub(crate) fingerprint: String,
    #[serde(default)]
    pub(crate) properties: Option<BTreeMap<String, String>>,
}

/// `GET /1.0/storage-pools/NAME`, and one of the list.
#[derive(Deserialize)]
pub(crate) struct Pool {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) driver: String,
    #[serde(default)]
    pub(crate) config: Option<BTreeMap<String, String>>,
}

/// `GET /1.0/storage-pools/NAME/resources`.
#[derive(Deserialize, Default)]
pub(crate) struct Resources {
    #[serde(default)]
    pub(crate) space: Option<Amount>,
    #[serde(default)]
    pub(crate) inodes: Option<Amount>,
}

/// How much of something is used, and there is.
#[derive(Deserialize)]
pub(crate) struct Amount {
    #[serde(default)]
    pub(crate) used: u64,
    #[serde(default)]
    pub(crate) total: u64,
}

/// One of `GET /1.0/networks?recursion=1`.
#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) name: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) managed: bool,
    #[serde(default)]
    pub(crate) config: Option<BTreeMap<String, String>>,
}

/// `GET /1.0/storage-pools/POOL/volumes/custom/NAME`.
#[derive(Deserialize)]
pub(crate) struct Volume {
    #[serde(default)]
    pub(crate) config: Option<BTreeMap<String, String>>,
}

/// `GET /1.0/profiles/NAME`.
#[derive(Deserialize)]
pub(crate) struct Profile {
    #[serde(default)]
    pub(crate) devices: Option<BTreeMap<String, BTreeMap<String, String>>>,
}

/// One message of `/1.0/events?type=lifecycle`.
#[derive(Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Lifecycle<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Lifecycle<'a> {
    /// Such as `instance-started`.
    #[serde(borrow)]
    pub(crate) action: Cow<'a, str>,
    /// The path of what it happened to, such as `/1.0/instances/NAME?project=foo`.
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
}
