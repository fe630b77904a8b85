//! Values as text: KDE's wallet, which some desktops have as their Secret Service, keeps nothing else.
//!
//! Text is kept as it is, so that it can be read where the user looks at the keyring. Everything else is base64.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

/// In front of a value that isn't kept as it is.
const ENCODED: &str = "base64:";

/// What a value is kept as. Never begins with [`super::pieces::MANY`].
pub(super) fn encode(value: &[u8]) -> Zeroizing<String> {
    match std::str::from_utf8(value) {
        Ok(text)
            if !text.contains('\0')
                && ![ENCODED, super::pieces::MANY].iter().any(|mark| text.starts_with(mark)) =>
        {
            Zeroizing::new(text.to_owned())
        }
        _ => {
            let mut text = Zeroizing::new(String::with_capacity(ENCODED.len() + value.len().div_ceil(3) * 4));
            text.push_str(ENCODED);
            BASE64.encode_string(value, &mut text);
            text
        }
    }
}

/// The value again; `None` when it is no text that [`encode`] made.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    match text.strip_prefix(ENCODED.as_bytes()) {
        Some(encoded) => BASE64.decode(encoded).ok(),
        None => Some(text.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_can_be_read_and_bytes_come_back() {
        assert_eq!(*encode("pässword\n".as_bytes()), "pässword\n");
        for odd in [&b"\xff\0"[..], b"a\0b", b"base64:AAAA", b"pieces:3:", b"base64:"] {
            assert!(encode(odd).starts_with(ENCODED));
            assert_eq!(decode(encode(odd).as_bytes()).as_deref(), Some(odd));
        }
        assert_eq!(decode(b"base64:!"), None);
    }

    proptest! {
        #[test]
        fn everything_comes_back(value: Vec<u8>) {
            prop_assert_eq!(decode(encode(&value).as_bytes()), Some(value));
        }
    }
}
