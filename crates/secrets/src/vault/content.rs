//! The vault's format: an age file (<https://age-encryption.org/v1>) for a passphrase, in it JSON with a version, so that `age
//! --decrypt` shows it without Codchi.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
};

use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt, secrecy::SecretString};
use codchi_controller::secret::SecretValue;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The format that is written.
const VERSION: u64 = 1;

/// What guessing a passphrase costs, as a power of two: about a second and 256 MiB (scrypt's N, with r = 8 and p = 1).
pub(crate) const WORK_FACTOR: u8 = 18;

/// What a file may ask for at most; more would be a way to keep this computer busy.
const MOST_WORK: u8 = 20;

/// The secrets by their names.
pub(crate) type Content = BTreeMap<String, SecretValue>;

/// Why a file isn't read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    /// The passphrase is another one. A file whose first lines were changed can't be told from it.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// It isn't what was written.
    #[error("it is damaged, and was left as it is")]
    Damaged,
    /// A newer Codchi wrote it.
    #[error(
        "it was written by a newer Codchi (format {found}, this one knows {VERSION}), and was left as it is"
    )]
    Newer {
        /// Its format.
        found: u64,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    secrets: BTreeMap<&'a str, Zeroizing<String>>,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    secrets: BTreeMap<String, Zeroizing<String>>,
}

/// A passphrase as the library takes it; `None` when it isn't text.
pub(crate) fn passphrase(value: &SecretValue) -> Option<SecretString> {
    std::str::from_utf8(value.expose()).ok().map(|text| SecretString::from(text.to_owned()))
}

pub(crate) fn encrypt(content: &Content, passphrase: &SecretString, work_factor: u8) -> io::Result<Vec<u8>> {
    let secrets: BTreeMap<_, _> =
        content.iter().map(|(name, value)| (name.as_str(), value.to_base64())).collect();
    // As large as it becomes: what a vector leaves behind when it grows isn't zeroed.
    let size: usize = secrets.iter().map(|(name, value)| name.len() * 6 + value.len() + 16).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(size + 64));
    serde_json::to_writer(&mut *plain, &Written { version: VERSION, secrets })?;

    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(work_factor);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|error| match error {
        EncryptError::Io(error) => error,
        error => io::Error::other(error),
    })?;
    let mut file = Vec::new();
    let mut writer = encryptor.wrap_output(&mut file)?;
    writer.write_all(&plain)?;
    writer.finish()?;
    Ok(file)
}

pub(crate) fn decrypt(file: &[u8], passphrase: &SecretString) -> Result<Content, ContentError> {
    let understand = |error: DecryptError| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            ContentError::WrongPassphrase
        }
        _ => ContentError::Damaged,
    };
    let decryptor = Decryptor::new_buffered(file).map_err(|_| ContentError::Damaged)?;
    if !decryptor.is_scrypt() {
        return Err(ContentError::Damaged);
    }
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MOST_WORK);
    let mut reader =
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(understand)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut plain).map_err(|_| ContentError::Damaged)?;
    read(&plain)
}

fn read(plain: &[u8]) -> Result<Content, ContentError> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let damaged = |_| ContentError::Damaged;
    let Version { version: found } = serde_json::from_slice(plain).map_err(damaged)?;
    if found > VERSION {
        return Err(ContentError::Newer { found });
    }
    let Read { secrets } = serde_json::from_slice(plain).map_err(damaged)?;
    secrets
        .into_iter()
        .map(|(name, value)| Ok((name, SecretValue::from_base64(&value).map_err(|_| ContentError::Damaged)?)))
        .collect()
}

#[cfg(test)]
pub(super) fn encrypt_plain(plain: &[u8], passphrase: &SecretString) -> Vec<u8> {
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(1);
    age::encrypt(&recipient, plain).unwrap()
}
