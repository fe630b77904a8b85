//! Values in a file that leaves this computer, in the vault's format: `age --decrypt` shows them without Codchi.

use codchi_controller::secret::{SealError, Sealer, SecretValue, Values, hide};

use crate::vault::content::{self, ContentError};

/// Encrypts with age.
#[derive(Clone, Copy, Debug, Default)]
pub struct AgeSealer;

impl Sealer for AgeSealer {
    fn seal(&self, values: &Values, passphrase: &SecretValue) -> Result<Vec<u8>, SealError> {
        let passphrase = content::passphrase(passphrase).ok_or_else(not_text)?;
        let sealed = content::encrypt(values, &passphrase, content::WORK_FACTOR);
        sealed.map_err(|error| SealError::Unusable { reason: error.to_string() })
    }

    fn unseal(&self, sealed: &[u8], passphrase: &SecretValue) -> Result<Values, SealError> {
        let passphrase = content::passphrase(passphrase).ok_or_else(not_text)?;
        let values = content::decrypt(sealed, &passphrase).map_err(|error| match error {
            ContentError::WrongPassphrase => SealError::WrongPassphrase,
            error => SealError::Unusable { reason: error.to_string() },
        })?;
        values.values().for_each(hide);
        Ok(values)
    }
}

fn not_text() -> SealError {
    SealError::Unusable { reason: "the passphrase isn't text".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8]) -> SecretValue {
        SecretValue::new(bytes).unwrap()
    }

    #[test]
    fn only_the_passphrase_opens_it() {
        let values = Values::from([
            ("token".to_owned(), value(b"canary-token")),
            ("key".to_owned(), value(b"\0\xff")),
        ]);
        let sealed = AgeSealer.seal(&values, &value(b"correct horse")).unwrap();
        assert!(sealed.starts_with(b"age-encryption.org/v1"));
        for plain in ["canary", "token", "correct"] {
            assert!(!sealed.windows(plain.len()).any(|bytes| bytes == plain.as_bytes()), "{plain}");
        }
        assert_eq!(AgeSealer.unseal(&sealed, &value(b"correct horse")).unwrap(), values);
        let wrong = AgeSealer.unseal(&sealed, &value(b"guess"));
        assert!(matches!(wrong, Err(SealError::WrongPassphrase)));
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        for bad in [&damaged[..], b"", b"{}", &sealed[..sealed.len() - 1]] {
            let refused = AgeSealer.unseal(bad, &value(b"correct horse"));
            assert!(matches!(refused, Err(SealError::Unusable { .. })), "{refused:?}");
        }
    }
}
