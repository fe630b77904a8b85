//! Windows' Credential Manager. It is there and open whenever its user is logged in.

use codchi_controller::secret::{StoreError, StoreState};

pub(super) use windows_native_keyring_store::Store;

/// The bytes of an entry (`CRED_MAX_CREDENTIAL_BLOB_SIZE`).
pub(super) const LIMIT: Option<usize> = Some(5 * 512);

/// Whether entries can be given a label.
pub(super) const LABELS: bool = false;

pub(super) async fn state() -> StoreState {
    StoreState::Ready
}

pub(super) async fn opened() {}

pub(super) async fn unlock() -> Result<(), StoreError> {
    Ok(())
}
