//! The stores of secrets in processes of their own: the keyring over a real gnome-keyring on a bus of its own, the vault by two at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use codchi_tests::{keyring::Keyring, session::Session};
use serde_json::{Value, json};

/// A process that has a store.
struct Probe {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Probe {
    fn new(session: &Session, kind: &str) -> Self {
        Self::from(session.command(env!("CARGO_BIN_EXE_secret-probe")).arg(kind).arg(session.dir()))
    }

    fn from(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { process, stdin, stdout: BufReader::new(stdout) }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.stdin, "{request}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn state(&mut self) -> Value {
        self.ask(&json!({ "do": "state" }))
    }

    fn get(&mut self, secret: &str) -> Value {
        self.ask(&json!({ "do": "get", "secret": secret }))
    }

    fn set(&mut self, secret: &str, value: &[u8]) -> Value {
        self.ask(&json!({ "do": "set", "secret": secret, "value": BASE64.encode(value) }))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = [
        &b"x"[..],
        b"hunter2",
        b"line\nline\n",
        b"\r\n",
        b"$(touch /x) `id` \"quoted\" 'single' \\",
        "pässwörd 🔑".as_bytes(),
        b"base64:AAAA",
        b"pieces:2:x:y",
        b"\0",
        b"a\0b",
        b"\xff\xfe\0\x80",
        b" spaces ",
        b"{\"json\": 1}",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    corpus.push((0..=255).collect());
    corpus.push((0..=255).cycle().take(64 << 10).collect());
    corpus.push(vec![b'k'; 64 << 10]);
    corpus
}

#[tokio::test]
async fn every_value_comes_back_from_a_real_keyring() {
    let session = Session::new().await;
    let mut probe = Probe::new(&session, "keyring");
    assert_eq!(probe.state(), "ready");
    assert_eq!(probe.get("a"), Value::Null);
    for value in corpus() {
        assert_eq!(probe.set("a", &value), "done");
        assert_eq!(probe.get("a"), json!(BASE64.encode(&value)));
    }
    // Another process sees it, under a name that says what it is.
    assert_eq!(probe.set("api-key", b"hunter2"), "done");
    assert_eq!(Probe::new(&session, "keyring").get("api-key"), json!(BASE64.encode("hunter2")));
    let found = session
        .command("secret-tool")
        .args(["search", "service", "codchi", "username", "machine/web/api-key"])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(
        found.contains("label = Codchi: secret api-key of machine web") && found.contains("secret = hunter2"),
        "{found}"
    );
    for _ in 0..2 {
        assert_eq!(probe.ask(&json!({ "do": "remove", "secret": "api-key" })), "done");
        assert_eq!(probe.get("api-key"), Value::Null);
    }
}

#[tokio::test]
async fn a_locked_keyring_says_so_at_once_and_opens_by_its_prompt_only() {
    let session = Session::new().await;
    let mut probe = Probe::new(&session, "keyring");
    assert_eq!(probe.set("a", b"hunter2"), "done");
    session.lock().await;
    assert_eq!(probe.state(), "locked");
    let begin = Instant::now();
    let locked = json!({ "error": "the keyring is locked" });
    assert_eq!(probe.get("a"), locked);
    assert_eq!(probe.set("a", b"x"), locked);
    assert_eq!(probe.ask(&json!({ "do": "remove", "secret": "a" })), locked);
    // Waiting for the keyring takes 20 seconds.
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    // Nothing on this bus can show a prompt, which counts as dismissed.
    assert_eq!(probe.ask(&json!({ "do": "unlock" })), json!({ "error": "access to the keyring was denied" }));
    assert_eq!(probe.state(), "locked");
}

#[tokio::test]
async fn a_keyring_that_another_program_unlocks_is_seen_at_once() {
    let session = Session::new().await;
    let mut probe = Probe::new(&session, "keyring");
    assert_eq!(probe.set("a", b"hunter2"), "done");
    session.lock().await;
    assert_eq!(probe.state(), "locked");
    writeln!(probe.stdin, "{}", json!({ "do": "opened" })).unwrap();
    // It has to listen first: what was unlocked before needs no event.
    Keyring::at(session.address()).await.unlock().await;
    let mut line = String::new();
    probe.stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "\"done\"\n");
    assert_eq!(probe.get("a"), json!(BASE64.encode("hunter2")));
    // One that comes and is open.
    let mut session = Session::bare();
    let mut probe = Probe::new(&session, "keyring");
    writeln!(probe.stdin, "{}", json!({ "do": "opened" })).unwrap();
    session.start_keyring().await;
    let mut line = String::new();
    probe.stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "\"done\"\n");
}

#[tokio::test]
async fn a_keyring_that_comes_later_or_again_is_found() {
    let mut session = Session::bare();
    let mut probe = Probe::new(&session, "keyring");
    let absent = json!({ "error": "this computer has no keyring" });
    assert_eq!(probe.state(), "absent");
    assert_eq!(probe.get("a"), absent);
    assert_eq!(probe.set("a", b"x"), absent);
    assert_eq!(probe.ask(&json!({ "do": "unlock" })), absent);
    session.start_keyring().await;
    assert_eq!(probe.set("a", b"hunter2"), "done");
    session.kill_keyring();
    assert_eq!(probe.get("a"), absent);
    session.start_keyring().await;
    assert_eq!(probe.get("a"), json!(BASE64.encode("hunter2")));
}

#[test]
fn without_a_bus_there_is_no_keyring() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["unix:path=/nowhere/bus", "nonsense", ""] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secret-probe"));
        command.arg("keyring").arg(dir.path()).env_clear();
        command.env("DBUS_SESSION_BUS_ADDRESS", address).env("XDG_RUNTIME_DIR", dir.path());
        let mut probe = Probe::from(&mut command);
        assert_eq!(probe.state(), "absent", "{address:?}");
        assert_eq!(probe.get("a"), json!({ "error": "this computer has no keyring" }));
    }
}

#[test]
fn processes_at_once_and_a_kill_lose_nothing_of_a_vault() {
    let dir = tempfile::tempdir().unwrap();
    let unlocked = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secret-probe"));
        let mut probe = Probe::from(command.arg("vault").arg(dir.path()));
        let unlock = json!({ "do": "unlock", "value": BASE64.encode("correct horse") });
        assert_eq!(probe.ask(&unlock), "done");
        probe
    };
    let (mut one, mut two) = (unlocked(), unlocked());
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(one.set("one", b"1"), "done"));
        scope.spawn(|| assert_eq!(two.set("two", b"2"), "done"));
    });
    // Killed on its way: what was kept before is there, and the next one goes on.
    writeln!(one.stdin, "{}", json!({ "do": "set", "secret": "three", "value": "Mw==" })).unwrap();
    drop(one);
    let mut three = unlocked();
    assert_eq!(three.get("one"), "MQ==");
    assert_eq!(three.get("two"), "Mg==");
    assert_eq!(two.set("three", b"3"), "done");
    assert_eq!(three.get("three"), "Mw==");
}
