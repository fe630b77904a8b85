//! One line of Nix' `--log-format internal-json` as data. Strings are borrowed where the line allows it.
//!
//! The numbers are those of Nix' `logging.hh`; they haven't changed since 2.4, new ones are ignored.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

/// What the line begins with when it is an event.
pub(super) const PREFIX: &[u8] = b"@nix ";

/// `ActivityType`.
pub(super) mod activity {
    pub(crate) const UNKNOWN: u64 = 0;
    pub(crate) const COPY_PATH: u64 = 100;
    pub(crate) const FILE_TRANSFER: u64 = 101;
    pub(crate) const BUILDS: u64 = 104;
    pub(crate) const BUILD: u64 = 105;
    pub(crate) const SUBSTITUTE: u64 = 108;
    pub(crate) const BUILD_WAITING: u64 = 111;
    pub(crate) const FETCH_TREE: u64 = 112;
}

/// `ResultType`.
pub(super) mod result {
    pub(crate) const BUILD_LOG_LINE: u64 = 101;
    pub(crate) const SET_PHASE: u64 = 104;
    pub(crate) const PROGRESS: u64 = 105;
    pub(crate) const POST_BUILD_LOG_LINE: u64 = 107;
}

/// `Verbosity`.
pub(super) mod level {
    pub(crate) const ERROR: u64 = 0;
    pub(crate) const WARNING: u64 = 1;
    pub(crate) const INFO: u64 = 3;
}

/// An event; what a kind of event doesn't have is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) action: Cow<'a, str>,
    pub(super) id: u64,
    #[serde(rename = "type")]
    pub(super) kind: u64,
    pub(super) level: u64,
    pub(super) parent: u64,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) msg: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) raw_msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) file: Option<Cow<'a, str>>,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u64>,
    #[serde(borrow)]
    pub(super) fields: Fields<'a>,
}

/// The first fields of an event; no kind of event that is of interest has more.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>([Field<'a>; 4]);

/// A field.
#[derive(Debug, Default)]
pub(super) enum Field<'a> {
    #[default]
    None,
    Number(u64),
    Text(Cow<'a, str>),
}

impl Fields<'_> {
    /// The text at `at`; empty when there is none.
    pub(super) fn text(&self, at: usize) -> &str {
        match self.0.get(at) {
            Some(Field::Text(text)) => text,
            _ => "",
        }
    }

    /// The number at `at`; 0 when there is none.
    pub(super) fn number(&self, at: usize) -> u64 {
        match self.0.get(at) {
            Some(Field::Number(number)) => *number,
            _ => 0,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts and numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                for field in &mut fields.0 {
                    match seq.next_element()? {
                        Some(value) => *field = value,
                        None => return Ok(fields),
                    }
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(fields)
            }
        }
        deserializer.deserialize_seq(All)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Field<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Field::Number(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Field::Number(u64::try_from(number).unwrap_or(0)))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Field::None)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Field::None)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Field::None)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(One)
    }
}
