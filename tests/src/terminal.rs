//! `codchi` at a terminal, as a person uses it: what it says is waited for, and answered.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use crate::cli::Codchi;

/// A command at a terminal of its own, made by script(1).
pub struct Terminal {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
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
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, stdin, stdout, seen: String::new(), whole: String::new() }
    }

    /// Waits until it says this, after what was waited for before.
    ///
    /// # Panics
    /// When it ends without having said it.
    pub fn until(&mut self, text: &str) -> &mut Self {
        let mut chunk = [0; 4096];
        while !self.seen.contains(text) {
            let n = self.stdout.read(&mut chunk).unwrap();
            assert!(n > 0, "it ended before it said {text:?}: {}", self.whole);
            let said = String::from_utf8_lossy(&chunk[..n]);
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
    /// When it can't be read.
    pub fn finish(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.stdout.read_to_end(&mut rest).unwrap();
        self.whole.push_str(&String::from_utf8_lossy(&rest));
        (self.child.wait().unwrap().code(), self.whole)
    }
}
