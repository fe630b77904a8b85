//! What git's credential helpers know (gitcredentials(7)). Nobody is asked for a password: a helper that would ask has none.

use std::{path::Path, process::Stdio, time::Duration};

use codchi_controller::secret::SecretValue;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};
use zeroize::Zeroizing;

/// How long helpers may take together.
const TIME: Duration = Duration::from_secs(10);
/// The longest answer.
const ANSWER: u64 = 256 << 10;

/// Name and password for a repository over HTTPS.
pub(super) async fn credential(git: &Path, host: &str, path: &str) -> Option<(String, SecretValue)> {
    if [host, path].iter().any(|part| part.contains(char::is_control)) {
        return None;
    }
    let question = format!("protocol=https\nhost={host}\npath={path}\n\n");
    match tokio::time::timeout(TIME, fill(git, &question)).await {
        Ok(Ok(answer)) => understand(&answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "git can't be asked for credentials");
            None
        }
        Err(_) => {
            tracing::warn!("git's credential helpers took too long");
            None
        }
    }
}

async fn fill(git: &Path, question: &str) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut command = Command::new(git);
    command
        .args(["credential", "fill"])
        // Prompts of git, of askpass programs and of Git Credential Manager.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .env("GCM_INTERACTIVE", "never")
        .env_remove("GIT_TRACE")
        .env_remove("GIT_DIR")
        // Not where a repository would configure helpers.
        .current_dir(std::env::temp_dir().ancestors().last().unwrap_or(Path::new(".")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(question.as_bytes()).await?;
    }
    let mut answer = Zeroizing::new(Vec::with_capacity(4096));
    if let Some(stdout) = child.stdout.take() {
        stdout.take(ANSWER).read_to_end(&mut answer).await?;
    }
    if child.wait().await?.success() { Ok(answer) } else { Ok(Zeroizing::default()) }
}

fn understand(answer: &[u8]) -> Option<(String, SecretValue)> {
    let value = |name: &str| {
        answer
            .split(|byte| *byte == b'\n')
            .find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    let user = String::from_utf8(value("username")?.to_vec()).ok()?;
    Some((user, SecretValue::new(value("password")?).ok()?))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A git whose `credential fill` runs this script.
    fn git(dir: &Path, script: &str) -> std::path::PathBuf {
        let path = dir.join("git");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn helpers_are_asked_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let script = r#"[ "$1 $2 $GIT_TERMINAL_PROMPT$GIT_ASKPASS" = "credential fill 0" ] || exit 1
            read -r protocol; read -r host; read -r path
            echo "username=$host"; echo "password=$protocol $path=x""#;
        let (user, secret) = credential(&git(dir.path(), script), "h:8443", "acme/x.git").await.unwrap();
        assert_eq!(
            (user.as_str(), secret.expose()),
            ("host=h:8443", &b"protocol=https path=acme/x.git=x"[..])
        );
        for script in ["exit 128", "echo username=x", "echo username=x; echo password="] {
            assert!(credential(&git(dir.path(), script), "h", "x").await.is_none(), "{script}");
        }
        let ok = git(dir.path(), "echo username=x; echo password=y");
        assert!(credential(&ok, "h\nhost=evil", "x").await.is_none());
        assert!(credential(Path::new("/no/git"), "h", "x").await.is_none());
    }

    #[tokio::test]
    async fn the_real_git_asks_its_configured_helper() {
        let home = tempfile::tempdir().unwrap();
        let store = home.path().join("store");
        std::fs::write(&store, "https://me:t0ken%2F1@git.example.org\n").unwrap();
        let wrapper = format!(
            "export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null\nexec git -c credential.helper= -c 'credential.helper=store --file={}' \"$@\"",
            store.display()
        );
        let git = git(home.path(), &wrapper);
        let (user, secret) = credential(&git, "git.example.org", "acme/x.git").await.unwrap();
        assert_eq!((user.as_str(), secret.expose()), ("me", &b"t0ken/1"[..]));
        assert!(credential(&git, "other.example.org", "acme/x.git").await.is_none());
    }
}
