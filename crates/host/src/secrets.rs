//! Where this computer can keep secrets.

use std::{path::Path, sync::Arc};

use codchi_controller::secret::SecretStore;

use crate::Environment;

/// Every kind of store. Which one is used is a setting. `CODCHI_VAULT_PASSPHRASE_FILE` names a file from which the vault unlocks
/// itself, for scripts.
pub fn secret_stores(environment: &Environment, data: &Path) -> [Arc<dyn SecretStore>; 2] {
    codchi_secrets::stores(data, environment.path("CODCHI_VAULT_PASSPHRASE_FILE"))
}

#[cfg(test)]
mod tests {
    use codchi_controller::secret::StoreKind;

    use super::*;

    #[test]
    fn there_is_one_of_each_kind() {
        let stores = secret_stores(&Environment::default(), Path::new("/nowhere"));
        assert_eq!(stores.map(|store| store.kind()), [StoreKind::Keyring, StoreKind::Vault]);
    }
}
