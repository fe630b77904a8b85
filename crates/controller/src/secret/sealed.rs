//! Values in a file that leaves this computer: encrypted with a passphrase, by what `codchi-secrets` brings.

use std::collections::BTreeMap;

use super::SecretValue;

/// Values by their names.
pub type Values = BTreeMap<String, SecretValue>;

/// Encrypts values with a passphrase and reads them again. Both may take a second.
pub trait Sealer: Send + Sync + 'static {
    /// Encrypts.
    ///
    /// # Errors
    /// When the passphrase can't be one.
    fn seal(&self, values: &Values, passphrase: &SecretValue) -> Result<Vec<u8>, SealError>;

    /// Reads what [`Sealer::seal`] made. Each value is hidden ([`super::hide`]).
    ///
    /// # Errors
    /// When the passphrase is another one, or the bytes aren't what was made.
    fn unseal(&self, sealed: &[u8], passphrase: &SecretValue) -> Result<Values, SealError>;
}

/// Why values can't be encrypted or read. Never has a value or a passphrase in it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It is another passphrase.
    #[error("the passphrase doesn't open the secrets")]
    WrongPassphrase,
    /// Anything else.
    #[error("the secrets can't be used: {reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
}
