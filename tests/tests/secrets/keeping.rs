//! Where values are kept: the keyring, the vault, and nowhere once they are deleted.

use codchi_tests::{keyring::Keyring, scene::Scene};

use crate::asking;

const VALUES: &[u8] = br#"{"token": "tok-kept", "key": "kept-key"}"#;

/// Does something with the keyring of the world.
fn keyring<T>(scene: &Scene, work: impl AsyncFnOnce(Keyring) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let address = scene.codchi.variable("DBUS_SESSION_BUS_ADDRESS");
    runtime.block_on(async { work(Keyring::at(address).await).await })
}

/// Whether a value is in it.
fn is_kept(scene: &Scene, id: &str) -> bool {
    keyring(scene, async |keyring| keyring.entries().await).iter().any(|entry| entry == id)
}

pub fn without_a_keyring_it_says_so_and_a_vault_does(scene: &mut Scene) {
    let repo = asking(scene);
    let url = repo.url();
    let without = scene.codchi.clone().without("DBUS_SESSION_BUS_ADDRESS");
    let refused = without.run_with(&["init", "vaulted", &url, "--secrets-from", "-"], VALUES);
    assert_eq!(refused.code, 4, "{refused}");
    refused.says("no keyring").says("codchi secrets store vault");

    let passphrase = scene.world.dir().join("passphrase");
    std::fs::write(&passphrase, "correct horse").unwrap();
    let vault = without.clone().env("CODCHI_VAULT_PASSPHRASE_FILE", &passphrase);
    vault.ok(&["secrets", "store", "vault"]);
    let made = vault.run_with(&["init", "vaulted", &url, "--secrets-from", "-"], VALUES);
    assert_eq!(made.code, 0, "{made}");
    assert_eq!(vault.ok(&["secrets", "list", "vaulted", "token", "--reveal"]).stdout, "tok-kept");
    let file = std::fs::read(scene.codchi.data_dir().join("secrets.age")).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1"), "it is what it says");

    vault.ok(&["stop", "vaulted"]);
    let locked = without.fails(4, &["start", "vaulted"]);
    locked.says("locked").says("CODCHI_VAULT_PASSPHRASE_FILE");
    std::fs::write(&passphrase, "wrong horse").unwrap();
    vault.fails(4, &["start", "vaulted"]).says("passphrase");
    std::fs::write(&passphrase, "correct horse").unwrap();
    vault.ok(&["start", "vaulted"]);
    vault.ok(&["delete", "vaulted", "--yes"]);
    vault
        .clone()
        .env("DBUS_SESSION_BUS_ADDRESS", scene.codchi.variable("DBUS_SESSION_BUS_ADDRESS"))
        .ok(&["secrets", "store", "keyring"]);
}

pub fn a_locked_keyring_is_said(scene: &mut Scene) {
    let repo = asking(scene);
    keyring(scene, async |keyring| keyring.lock().await);
    let refused = scene.codchi.run_with(&["init", "locked", &repo.url(), "--secrets-from", "-"], VALUES);
    assert_eq!(refused.code, 4, "{refused}");
    refused.says("keyring is locked");
    keyring(scene, async |keyring| keyring.unlock().await);
    let made = scene.codchi.run_with(&["init", "locked", &repo.url(), "--secrets-from", "-"], VALUES);
    assert_eq!(made.code, 0, "{made}");
}

pub fn what_is_deleted_is_forgotten(scene: &mut Scene) {
    let repo = asking(scene);
    scene.codchi.run_with(&["init", "locked", &repo.url(), "--secrets-from", "-"], VALUES);
    assert!(is_kept(scene, "machine/locked/token"));
    scene.codchi.ok(&["delete", "locked", "--yes", "--keep-secrets"]);
    assert!(is_kept(scene, "machine/locked/token"));

    let kept = scene.codchi.ok(&["secrets", "list", "locked", "--json"]).json();
    assert!(kept["secrets"].as_array().unwrap().iter().all(|secret| secret["set"] == true), "{kept}");

    // They can be shown and forgotten without their machine.
    let shown = scene.codchi.ok(&["secrets", "list", "locked", "token", "--reveal"]);
    assert_eq!(shown.stdout, "tok-kept");
    scene.codchi.ok(&["secrets", "unset", "locked", "key"]);
    assert!(!is_kept(scene, "machine/locked/key") && is_kept(scene, "machine/locked/token"));

    // A machine of the same name finds them again.
    let again = scene.codchi.run_with(&["init", "locked", &repo.url(), "--secrets-from", "-"], VALUES);
    assert_eq!(again.code, 0, "{again}");
    scene.codchi.ok(&["delete", "locked", "--yes"]);
    assert!(!is_kept(scene, "machine/locked/token") && !is_kept(scene, "machine/locked/key"));
}
