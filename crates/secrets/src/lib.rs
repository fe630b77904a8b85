//! Where secrets are kept on the host: the operating system's keyring, or a file that is encrypted with a passphrase.
//!
//! Which of them is used, and what secrets there are, is decided elsewhere.

mod keyring;
mod sealed;
mod vault;

use std::{path::Path, path::PathBuf, sync::Arc};

use codchi_controller::secret::SecretStore;

pub use keyring::KeyringStore;
pub use sealed::AgeSealer;
pub use vault::VaultStore;

/// Every kind of store. `data` is the directory of the vault's file; from `passphrase_file` the vault unlocks itself.
pub fn stores(data: &Path, passphrase_file: Option<PathBuf>) -> [Arc<dyn SecretStore>; 2] {
    let vault = VaultStore::new(data);
    let vault = match passphrase_file {
        Some(file) => vault.with_passphrase_file(file),
        None => vault,
    };
    [Arc::new(KeyringStore::new()), Arc::new(vault)]
}
