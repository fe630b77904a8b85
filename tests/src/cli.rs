//! The real `codchi`, run in a world as a user runs it.
//!
//! Every run has a time limit, so that a hang is a failure that says so. Nothing here waits by sleeping: a run that must be met in
//! the middle is followed by its events.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fmt,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{programs, world::World};

/// How long one run may take. Far more than any needs, also on a slow computer that does other things.
const LIMIT: Duration = Duration::from_secs(900);

/// A way to run `codchi`: in which world, as whom, with which variables.
#[derive(Clone, Debug)]
pub struct Codchi {
    program: PathBuf,
    env: BTreeMap<String, String>,
    before: Vec<String>,
}

/// What a run ended with.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was run, for messages.
    pub line: String,
    /// The exit code; 128 and the signal where one ended it.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Codchi {
    /// In this world, with nothing from the surroundings but what it needs. The program is the world's own copy, so that other users
    /// reach it and a build beside the test doesn't change it.
    ///
    /// # Panics
    /// When it can't be built.
    pub fn new(world: &World) -> Self {
        let program = world.dir().join("bin/codchi");
        if !program.exists() {
            std::fs::create_dir_all(program.parent().unwrap()).unwrap();
            std::fs::copy(programs::codchi(), &program).unwrap();
        }
        let home = world.dir().join("home");
        std::fs::create_dir_all(&home).unwrap();
        let mut env = world.env().clone();
        env.insert("PATH".into(), std::env::var("PATH").unwrap());
        env.insert("HOME".into(), home.display().to_string());
        Self { program, env, before: Vec::new() }
    }

    /// With another variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.env.insert(name.into(), value.as_ref().display().to_string());
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Behind another program, such as one that changes the user: its command line comes first.
    #[must_use]
    pub fn behind(mut self, command: &[&str]) -> Self {
        self.before = command.iter().map(ToString::to_string).collect();
        self
    }

    /// The value of a variable that it runs with.
    ///
    /// # Panics
    /// When it isn't set.
    pub fn variable(&self, name: &str) -> &str {
        self.env.get(name).unwrap_or_else(|| panic!("{name} is not set in this world"))
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Where it keeps what is wanted.
    pub fn config_dir(&self) -> PathBuf {
        self.variable("CODCHI_CONFIG_DIR").into()
    }

    /// Where it keeps everything else.
    pub fn data_dir(&self) -> PathBuf {
        self.variable("CODCHI_DATA_DIR").into()
    }

    /// Any program with the same user and variables.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut words = self.before.iter().map(AsRef::as_ref).chain([program.as_ref()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear().envs(&self.env).stdin(Stdio::null()).current_dir("/");
        command
    }

    /// Runs it to the end.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.run_with(args, b"")
    }

    /// Runs it with this on stdin.
    ///
    /// # Panics
    /// When it takes too long.
    pub fn run_with(&self, args: &[&str], stdin: &[u8]) -> Outcome {
        let mut command = self.command(&self.program);
        command.args(args);
        finish(&mut command, format!("codchi {}", args.join(" ")), stdin)
    }

    /// Runs it and expects it to do what was asked.
    ///
    /// # Panics
    /// When it ends with another code than 0.
    pub fn ok(&self, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, 0, "{outcome}");
        outcome
    }

    /// Runs it and expects it to end with this code.
    ///
    /// # Panics
    /// When it ends with another one.
    pub fn fails(&self, code: i32, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, code, "{outcome}");
        outcome
    }

    /// A command in a machine; what it prints, without the last line end.
    ///
    /// # Panics
    /// When it fails.
    pub fn exec(&self, machine: &str, argv: &[&str]) -> String {
        let outcome = self.ok(&[&["exec", machine, "--"], argv].concat());
        outcome.stdout.strip_suffix('\n').unwrap_or(&outcome.stdout).to_owned()
    }

    /// `codchi status --json`.
    ///
    /// # Panics
    /// When it fails.
    pub fn status(&self) -> Value {
        self.ok(&["status", "--json"]).json()
    }

    /// What `codchi status --json` says of one machine; null when there is none.
    ///
    /// # Panics
    /// When it fails.
    pub fn machine(&self, name: &str) -> Value {
        let status = self.status();
        let machines = status["machines"].as_array().expect("machines");
        machines.iter().find(|machine| machine["name"] == name).cloned().unwrap_or_default()
    }

    /// Begins a command that prints one JSON event a line.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn events(&self, args: &[&str]) -> Events {
        let mut command = self.command(&self.program);
        command.args(args).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("codchi");
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut said = String::new();
            let _ = stderr.read_to_string(&mut said);
            said
        });
        Events {
            line: format!("codchi {} --json", args.join(" ")),
            child,
            lines,
            said: Some(said),
            seen: vec![],
        }
    }
}

/// A command that runs and tells its events.
pub struct Events {
    line: String,
    child: Child,
    lines: BufReader<ChildStdout>,
    said: Option<thread::JoinHandle<String>>,
    seen: Vec<Value>,
}

impl Events {
    /// The next event; `None` when it has ended.
    ///
    /// # Panics
    /// When a line isn't JSON.
    pub fn next_event(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        if line.is_empty() {
            return None;
        }
        let event: Value =
            serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {line:?}: {e}", self.line));
        self.seen.push(event.clone());
        Some(event)
    }

    /// Reads until an event of which this holds, and returns it; `None` when it ends before.
    ///
    /// # Panics
    /// When a line isn't JSON.
    pub fn find(&mut self, mut holds: impl FnMut(&Value) -> bool) -> Option<Value> {
        std::iter::from_fn(|| self.next_event()).find(|event| holds(event))
    }

    /// Reads until an event of which this holds, and returns it.
    ///
    /// # Panics
    /// When it ends before.
    pub fn until(&mut self, what: &str, holds: impl FnMut(&Value) -> bool) -> Value {
        self.find(holds).unwrap_or_else(|| {
            let _ = self.child.wait();
            let said = self.said.take().map(|said| said.join().unwrap()).unwrap_or_default();
            panic!("{} ended before {what}\n{said}{:#?}", self.line, self.seen.last());
        })
    }

    /// Reads until the operation is in this phase.
    ///
    /// # Panics
    /// When it ends before.
    pub fn until_phase(&mut self, phase: &str) -> Value {
        self.until(&format!("phase {phase}"), |event| running_phase(event) == Some(phase))
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Panics
    /// When it ended by itself before.
    pub fn kill(self) {
        let line = self.line.clone();
        assert!(self.kill_if_alive(), "{line} ended before it was killed");
    }

    /// The same; says whether it was in time.
    ///
    /// # Panics
    /// When it can't be done.
    pub fn kill_if_alive(mut self) -> bool {
        self.child.kill().unwrap();
        code(self.child.wait().unwrap()) == 128 + 9
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it can't be sent.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Reads to the end. Returns the exit code and all events.
    ///
    /// # Panics
    /// When a line isn't JSON.
    pub fn finish(mut self) -> (i32, Vec<Value>) {
        while self.next_event().is_some() {}
        (code(self.child.wait().unwrap()), self.seen)
    }
}

/// The phase in which the operation of this event is, or ended.
pub fn running_phase(event: &Value) -> Option<&str> {
    let phases = event["operation"]["phases"].as_array()?;
    phases.iter().find(|phase| phase["state"] == "running")?["phase"].as_str()
}

impl Outcome {
    /// What it printed, as one JSON value.
    ///
    /// # Panics
    /// When it isn't one.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {self}"))
    }

    /// Expects `text` in what it said.
    ///
    /// # Panics
    /// When it isn't there.
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text) || self.stdout.contains(text), "{text:?} is not said by {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, code, stdout, stderr, took } = self;
        write!(f, "`{line}` ended with {code} after {took:.1?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

/// Runs a program to the end within the limit.
///
/// # Panics
/// When it can't be started or takes too long.
pub fn finish(command: &mut Command, line: String, stdin: &[u8]) -> Outcome {
    let begin = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let bytes = stdin.to_vec();
    // It may end without reading everything.
    thread::spawn(move || input.write_all(&bytes));
    let (stdout, stderr) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    let read = |what: &mpsc::Receiver<Vec<u8>>| what.recv_timeout(LIMIT.saturating_sub(begin.elapsed()));
    let (Ok(out), Ok(err)) = (read(&stdout), read(&stderr)) else {
        let _ = child.kill();
        let last = |what: mpsc::Receiver<Vec<u8>>| {
            what.recv_timeout(Duration::from_secs(5))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        panic!("`{line}` didn't end within {LIMIT:?}\n{:?}\n{:?}", last(stdout), last(stderr));
    };
    let status = child.wait().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { line, code: code(status), stdout: text(out), stderr: text(err), took: begin.elapsed() }
}

fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (out, collected) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = out.send(bytes);
    });
    collected
}

fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
