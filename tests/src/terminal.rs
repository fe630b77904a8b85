//! `codchi` at a terminal, as a person uses it: what it says is waited for, and answered.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use crate::cli::Codchi;

/// How long it may take until something is said. What is waited for is minutes at most.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A command at a terminal of its own, made by script(1).
pub struct Terminal {
    child: Child,
    stdin: ChildStdin,
    /// What it says, as it comes.
    stdout: Receiver<Vec<u8>>,
    /// What it has said that nobody waited for yet.
    seen: String,
    /// All that it has said.
    whole: String,
}

impl Terminal {
    /// Starts it. The arguments must mean nothing to a shell.
    ///
    /// # Panics
    /// When they do, or there is no script(1).
    pub fn new(codchi: &Codchi, args: &[&str]) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:+=".contains(c);
        assert!(args.iter().all(|arg| arg.chars().all(is_plain)), "{args:?}");
        let line = format!("{} {}", codchi.program().display(), args.join(" "));
        let mut command = codchi.command("script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("TERM", "xterm");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, mut reader) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (said, stdout) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n) = reader.read(&mut chunk)
                && n > 0
                && said.send(chunk[..n].to_vec()).is_ok()
            {}
        });
        Self { child, stdin, stdout, seen: String::new(), whole: String::new() }
    }

    /// Waits until it says this, after what was waited for before.
    ///
    /// # Panics
    /// When it ends without having said it, or doesn't say it in time.
    pub fn until(&mut self, text: &str) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let chunk = match self.stdout.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(chunk) => chunk,
                Err(RecvTimeoutError::Timeout) => panic!("it didn't say {text:?} in time: {}", self.whole),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before it said {text:?}: {}", self.whole)
                }
            };
            let said = String::from_utf8_lossy(&chunk);
            self.seen.push_str(&said);
            self.whole.push_str(&said);
        }
        self.seen = self.seen.split_off(self.seen.find(text).unwrap() + text.len());
        self
    }

    /// Types this, and Enter.
    ///
    /// # Panics
    /// When it doesn't read any more.
    pub fn types(&mut self, line: &str) -> &mut Self {
        self.stdin.write_all(format!("{line}\r").as_bytes()).unwrap();
        self
    }

    /// Its exit code, and all that it has said.
    ///
    /// # Panics
    /// When it doesn't end in time.
    pub fn finish(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.stdout.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.whole.push_str(&String::from_utf8_lossy(&chunk)),
                Err(RecvTimeoutError::Timeout) => panic!("it didn't end in time: {}", self.whole),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        (self.child.wait().unwrap().code(), self.whole)
    }
}
