//! A secret's bytes: never shown, zeroed when they are dropped.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Deserializer, de};
use zeroize::{Zeroize as _, Zeroizing};

/// The largest value: a certificate bundle or a kubeconfig fits, a disk image doesn't.
pub const MAX_BYTES: usize = 64 << 10;

/// The bytes of a secret. `Debug` shows nothing of them, and there is no `Display` and no `Serialize`: they leave only through
/// [`SecretValue::expose`].
#[derive(Clone)]
pub struct SecretValue(SecretSlice<u8>);

/// Why bytes can't be a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// More than [`MAX_BYTES`].
    #[error("it has {len} bytes; {MAX_BYTES} are allowed")]
    TooLarge {
        /// How many.
        len: usize,
    },
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// It should be base64 and isn't.
    #[error("it is not valid base64")]
    Encoding,
}

impl SecretValue {
    /// Takes the bytes over.
    ///
    /// # Errors
    /// When there are none or more than [`MAX_BYTES`]; they are zeroed all the same.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ValueError> {
        let mut bytes = bytes.into();
        let refused = match bytes.len() {
            0 => ValueError::Empty,
            len if len > MAX_BYTES => ValueError::TooLarge { len },
            _ => return Ok(Self(bytes.into())),
        };
        bytes.zeroize();
        Err(refused)
    }

    /// The bytes, for the one place that needs them: a keyring, the stdin of a delivery, a user who asked to see them.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// From what [`SecretValue::to_base64`] gives.
    ///
    /// # Errors
    /// When it is no base64, or no value.
    pub fn from_base64(text: &str) -> Result<Self, ValueError> {
        Self::new(BASE64.decode(text).map_err(|_| ValueError::Encoding)?)
    }

    /// The bytes as base64, zeroed when dropped.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.expose()))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

impl PartialEq for SecretValue {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretValue {}

/// From JSON: a string, or `{"base64": "…"}` for bytes that aren't text.
impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a string, or {\"base64\": \"…\"}")]
        enum Form {
            Text(Zeroizing<String>),
            Bytes(Base64),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Base64 {
            base64: Zeroizing<String>,
        }
        let value = match Form::deserialize(deserializer)? {
            Form::Text(text) => Self::new(text.as_bytes()),
            Form::Bytes(Base64 { base64 }) => Self::from_base64(&base64),
        };
        value.map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_it() {
        let value = SecretValue::new("hunter2").unwrap();
        assert_eq!(format!("{value:?} {:?}", Some(&value)), "SecretValue(…) Some(SecretValue(…))");
    }

    #[test]
    fn json_has_text_or_bytes() {
        let read = |json: &str| serde_json::from_str::<SecretValue>(json);
        assert_eq!(read(r#""a\nb""#).unwrap().expose(), b"a\nb");
        assert_eq!(read(r#"{"base64": "/wA="}"#).unwrap().expose(), [0xff, 0]);
        for bad in [r#""""#, r#"{"base64": "hunter2!"}"#, "7", r#"{"base64": "", "x": 1}"#] {
            let error = read(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(
            SecretValue::new(vec![1; MAX_BYTES + 1]),
            Err(ValueError::TooLarge { len: MAX_BYTES + 1 })
        );
    }
}
