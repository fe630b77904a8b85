use std::fs;

use tempfile::TempDir;

use super::*;

struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Another process' view of the vault.
    fn vault(&self) -> VaultStore {
        VaultStore::new(self.dir.path()).with_work_factor(1)
    }

    async fn unlocked(&self) -> VaultStore {
        let vault = self.vault();
        vault.unlock(Some(&value("correct horse"))).await.unwrap();
        vault
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join(FILE)
    }
}

fn value(bytes: impl AsRef<[u8]>) -> SecretValue {
    SecretValue::new(bytes.as_ref()).unwrap()
}

fn id(secret: &str) -> SecretId {
    SecretId::Machine { machine: "web".parse().unwrap(), secret: secret.into() }
}

#[tokio::test]
async fn values_come_back_also_for_another_process() {
    let place = Place::new();
    assert_eq!(place.vault().state().await, StoreState::Absent);
    let absent = place.vault().set(&id("a"), &value("x")).await;
    assert!(matches!(absent, Err(StoreError::Absent { .. })));
    let vault = place.unlocked().await;
    assert_eq!(vault.state().await, StoreState::Ready);
    let large: Vec<u8> = (0..=255).cycle().take(codchi_controller::secret::MAX_BYTES).collect();
    for (name, bytes) in [("large", &large[..]), ("odd \"\n", b"\0\xff"), ("text", b"hunter2-canary")] {
        vault.set(&id(name), &value(bytes)).await.unwrap();
    }
    vault.set(&id("text"), &value("another-canary")).await.unwrap();
    let other = place.vault();
    assert_eq!(other.state().await, StoreState::Locked);
    assert!(matches!(other.get(&id("text")).await, Err(StoreError::Locked { .. })));
    other.unlock(Some(&value("correct horse"))).await.unwrap();
    assert_eq!(other.get(&id("large")).await.unwrap(), Some(value(&large)));
    assert_eq!(other.get(&id("odd \"\n")).await.unwrap(), Some(value(b"\0\xff")));
    assert_eq!(other.get(&id("text")).await.unwrap(), Some(value("another-canary")));
    other.remove(&id("text")).await.unwrap();
    other.remove(&id("never there")).await.unwrap();
    assert_eq!(vault.get(&id("text")).await.unwrap(), None);

    let file = fs::read(place.file()).unwrap();
    for plain in ["canary", "machine/web", "correct", "AAECAw"] {
        assert!(!file.windows(plain.len()).any(|bytes| bytes == plain.as_bytes()), "{plain} is in the file");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_wrong_passphrase_opens_nothing_and_changes_nothing() {
    let place = Place::new();
    place.unlocked().await;
    let before = fs::read(place.file()).unwrap();
    let vault = place.vault();
    assert!(matches!(vault.unlock(Some(&value("guess"))).await, Err(StoreError::WrongPassphrase)));
    assert!(matches!(vault.unlock(None).await, Err(StoreError::Locked { .. })));
    assert_eq!(vault.state().await, StoreState::Locked);
    let wrong = vault.change_passphrase(&value("guess"), &value("new")).await;
    assert!(matches!(wrong, Err(StoreError::WrongPassphrase)));
    assert_eq!(fs::read(place.file()).unwrap(), before);
}

#[tokio::test]
async fn a_passphrase_changed_elsewhere_locks_it_here() {
    let place = Place::new();
    let (here, elsewhere) = (place.unlocked().await, place.vault());
    here.set(&id("a"), &value("kept")).await.unwrap();
    elsewhere.change_passphrase(&value("correct horse"), &value("battery staple")).await.unwrap();
    assert_eq!(elsewhere.get(&id("a")).await.unwrap(), Some(value("kept")));
    assert!(matches!(here.set(&id("a"), &value("lost?")).await, Err(StoreError::Locked { .. })));
    assert_eq!(here.state().await, StoreState::Locked);
    assert!(matches!(here.unlock(Some(&value("correct horse"))).await, Err(StoreError::WrongPassphrase)));
    here.unlock(Some(&value("battery staple"))).await.unwrap();
    assert_eq!(here.get(&id("a")).await.unwrap(), Some(value("kept")));
}

#[tokio::test]
async fn what_was_tampered_with_is_refused_and_left_as_it_is() {
    let place = Place::new();
    place.unlocked().await.set(&id("a"), &value("kept")).await.unwrap();
    let good = fs::read(place.file()).unwrap();
    let mut bad: Vec<Vec<u8>> = (0..good.len())
        .step_by(7)
        .map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            bytes
        })
        .collect();
    bad.extend([vec![], b"{}".to_vec(), good[..good.len() - 1].to_vec(), good[..40].to_vec()]);
    bad.push([good.as_slice(), b"x"].concat());
    // The work that a stranger asks for isn't done.
    bad.push(String::from_utf8_lossy(&good[..70]).replacen(" 1\n", " 40\n", 1).into_bytes());
    for bytes in bad {
        fs::write(place.file(), &bytes).unwrap();
        let refused = place.vault().unlock(Some(&value("correct horse"))).await;
        assert!(
            matches!(refused, Err(StoreError::WrongPassphrase | StoreError::Failed { .. })),
            "{}: {refused:?}",
            String::from_utf8_lossy(&bytes)
        );
        assert_eq!(fs::read(place.file()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_newer_or_strange_vault_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let passphrase = SecretString::from("correct horse".to_owned());
    for (plain, says) in [
        (r#"{"version": 2, "secrets": {"a": {"new": true}}}"#, "written by a newer Codchi (format 2"),
        (r#"{"version": 1, "secrets": {"a": "!"}}"#, "damaged"),
        (r#"{"secrets": {}}"#, "damaged"),
        ("hello", "damaged"),
    ] {
        let bytes = content::encrypt_plain(plain.as_bytes(), &passphrase);
        fs::write(place.file(), &bytes).unwrap();
        let error = place.vault().unlock(Some(&value("correct horse"))).await.unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("secrets.age"), "{error}");
        assert_eq!(fs::read(place.file()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let place = Place::new();
    place.unlocked().await;
    let writers = (0..4).map(|writer| {
        let vault = place.vault();
        tokio::spawn(async move {
            vault.unlock(Some(&value("correct horse"))).await.unwrap();
            for number in 0..5 {
                vault
                    .set(&id(&format!("{writer}-{number}")), &value(format!("{writer}{number}")))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let vault = place.unlocked().await;
    for writer in 0..4 {
        for number in 0..5 {
            let found = vault.get(&id(&format!("{writer}-{number}"))).await.unwrap();
            assert_eq!(found, Some(value(format!("{writer}{number}"))));
        }
    }
}

#[tokio::test]
async fn a_file_with_the_passphrase_makes_and_opens_it() {
    let place = Place::new();
    let file = place.dir.path().join("passphrase");
    fs::write(&file, "correct horse\n").unwrap();
    let vault = || place.vault().with_passphrase_file(file.clone());
    assert_eq!(vault().state().await, StoreState::Ready);
    assert_eq!(vault().get(&id("a")).await.unwrap(), None);
    assert!(!place.file().exists(), "looking makes none");
    vault().set(&id("a"), &value("kept")).await.unwrap();
    assert_eq!(vault().get(&id("a")).await.unwrap(), Some(value("kept")));
    assert_eq!(place.unlocked().await.get(&id("a")).await.unwrap(), Some(value("kept")));
    fs::write(&file, "another").unwrap();
    assert!(matches!(vault().get(&id("a")).await, Err(StoreError::WrongPassphrase)));
    assert_eq!(vault().state().await, StoreState::Locked);
    fs::remove_file(&file).unwrap();
    let error = vault().get(&id("a")).await.unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[test]
fn guessing_costs_time() {
    let passphrase = SecretString::from("correct horse".to_owned());
    let file = content::encrypt(&Content::default(), &passphrase, content::WORK_FACTOR).unwrap();
    let header = String::from_utf8_lossy(&file[..100]).into_owned();
    assert!(header.starts_with("age-encryption.org/v1\n-> scrypt ") && header.contains(" 18\n"), "{header}");
    let begin = std::time::Instant::now();
    content::decrypt(&file, &passphrase).unwrap();
    assert!(begin.elapsed() > std::time::Duration::from_millis(100), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn what_a_killed_write_left_is_swept_by_the_next() {
    let place = Place::new();
    let vault = place.unlocked().await;
    let left = |name: &str| place.dir.path().join(name);
    for name in [".new-secrets.age-aB3xYz", ".new-other.json-aB3xYz"] {
        fs::write(left(name), "half").unwrap();
    }
    vault.set(&id("a"), &value("x")).await.unwrap();
    assert!(!left(".new-secrets.age-aB3xYz").exists());
    assert!(left(".new-other.json-aB3xYz").exists(), "somebody else's");
}
