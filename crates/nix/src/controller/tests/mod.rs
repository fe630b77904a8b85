//! Nix in a controller that isn't there: programs are answered by the test, but git is the real one and its directories are temporary.

mod git;
mod runs;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use codchi_controller::{
    access::NOTHING,
    activity::Unobserved,
    driver::{
        Driver, DriverKind, ExecSpec, Image, InstanceSpec, Role,
        fake::{Fake, FakeProcess},
    },
    machine::{MachineName, MachineSpec, ModuleSpec, NixpkgsChoice},
    nix::Run,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::ControllerNix;

/// What a program answers.
#[derive(Clone, Default)]
struct Answer {
    code: i32,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Answer {
    fn stdout(text: impl Into<Vec<u8>>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }
    fn failed(stderr: impl Into<Vec<u8>>) -> Self {
        Self { code: 1, stderr: stderr.into(), ..Self::default() }
    }
}

/// The inside of the controller.
#[derive(Default)]
struct Inside {
    /// What begins so is answered so; the last added counts.
    answers: Mutex<Vec<(Vec<String>, Answer)>>,
    /// What was run, in order.
    ran: Mutex<Vec<ExecSpec>>,
    /// What Nix saw, in order.
    views: Mutex<Vec<String>>,
    /// What was put, by directory and name.
    files: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    /// What the last program that was let use something read.
    granted: Mutex<Vec<u8>>,
}

/// A controller for one test.
struct World {
    nix: ControllerNix,
    fake: Fake,
    inside: Arc<Inside>,
    dir: tempfile::TempDir,
    cancel: CancellationToken,
}

impl World {
    async fn new() -> Self {
        let (fake, inside) = (Fake::new(), Arc::new(Inside::default()));
        let dir = tempfile::tempdir().unwrap();
        let spec = InstanceSpec {
            role: Role::Controller,
            image: Image { name: "controller".into(), sha256: "0".repeat(64), size: 0 },
            mounts: vec![],
            devices: vec![],
            environment: BTreeMap::new(),
            nesting: true,
        };
        let rootfs = dir.path().join("image.tar");
        std::fs::write(&rootfs, b"").unwrap();
        fake.import_image(&spec.image, &rootfs, &|_| {}).await.unwrap();
        fake.create(&spec).await.unwrap();
        fake.start(&Role::Controller.instance()).await.unwrap();
        let (told, root) = (inside.clone(), dir.path().join("controller"));
        std::fs::create_dir_all(root.join("config/repositories")).unwrap();
        fake.on_exec(move |process| answer(told.clone(), root.clone(), process));
        Self {
            nix: ControllerNix::new(Arc::new(fake.clone()), "git"),
            fake,
            inside,
            dir,
            cancel: CancellationToken::new(),
        }
    }

    /// From now on programs whose arguments begin so are answered so.
    fn on(&self, argv: &[&str], answer: Answer) {
        let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
        self.inside.answers.lock().unwrap().insert(0, (argv, answer));
    }

    fn run(&self) -> Run<'_> {
        Run { observer: &Unobserved, cancel: &self.cancel, access: &NOTHING }
    }

    /// The argument lists of the programs of this name that ran since the last call.
    fn ran(&self, program: &str) -> Vec<Vec<String>> {
        let mut ran = self.inside.ran.lock().unwrap();
        let found = ran.iter().filter(|spec| spec.argv[0] == program).map(|spec| spec.argv.clone()).collect();
        ran.retain(|spec| spec.argv[0] != program);
        found
    }

    fn file(&self, dir: &str, name: &str) -> Option<String> {
        let files = self.inside.files.lock().unwrap();
        files.get(&(dir.to_owned(), name.to_owned())).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
    }

    /// A directory of this computer.
    fn host(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A directory of the controller.
    fn controller(&self, path: &str) -> PathBuf {
        self.dir.path().join("controller").join(path.trim_start_matches('/'))
    }
}

async fn answer(inside: Arc<Inside>, root: PathBuf, mut process: FakeProcess) -> i32 {
    let argv = process.spec.argv.clone();
    if argv.get(1).is_some_and(|verb| verb == "confine") {
        let program = argv.iter().position(|word| word == "--").unwrap();
        inside.views.lock().unwrap().push(argv[2..program].join(" "));
        process.spec.argv.drain(..=program);
    }
    let argv = process.spec.argv.clone();
    inside.ran.lock().unwrap().push(process.spec.clone());
    if argv.get(1).is_some_and(|verb| verb == "with-access") {
        let mut bytes = Vec::new();
        process.stdin.read_to_end(&mut bytes).await.unwrap();
        *inside.granted.lock().unwrap() = bytes;
    }
    let scripted = {
        let answers = inside.answers.lock().unwrap();
        answers.iter().find(|(start, _)| argv.starts_with(start)).map(|(_, answer)| answer.clone())
    };
    if let Some(Answer { code, stdout, stderr }) = scripted {
        let _ = process.stdout.write_all(&stdout).await;
        let _ = process.stderr.write_all(&stderr).await;
        return code;
    }
    match argv[0].as_str() {
        "git" => real_git(&root, &argv[1..], process).await,
        "/bin/ctrl-serve" if argv[1] == "put" => {
            let mut bytes = Vec::new();
            process.stdin.read_to_end(&mut bytes).await.unwrap();
            let mut files = inside.files.lock().unwrap();
            files.retain(|(dir, _), _| *dir != argv[2]);
            for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = entry.path().unwrap().to_string_lossy().into_owned();
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
                files.insert((argv[2].clone(), name), content);
            }
            0
        }
        "cat" => {
            let (dir, name) = argv[1].rsplit_once('/').unwrap();
            let content = inside.files.lock().unwrap().get(&(dir.to_owned(), name.to_owned())).cloned();
            process.stdout.write_all(&content.unwrap_or_default()).await.unwrap();
            0
        }
        "ln" | "rm" | "nix-store" => 0,
        other => panic!("nobody answers {other} {argv:?}"),
    }
}

/// Runs git with the controller's directories in a temporary one.
async fn real_git(root: &Path, args: &[String], mut process: FakeProcess) -> i32 {
    let inside = |arg: &String| match arg.strip_prefix("/config/") {
        Some(path) => root.join("config").join(path).into_os_string(),
        None => arg.into(),
    };
    let mut git = tokio::process::Command::new("git");
    git.args(args.iter().map(inside)).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = git.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let write = async {
        let _ = tokio::io::copy(&mut process.stdin, &mut stdin).await;
        drop(stdin);
    };
    let read = async {
        let _ = tokio::io::copy(&mut stdout, &mut process.stdout).await;
    };
    let read_errors = async {
        let _ = tokio::io::copy(&mut stderr, &mut process.stderr).await;
    };
    tokio::join!(write, read, read_errors);
    child.wait().await.unwrap().code().unwrap_or(-1)
}

fn machine() -> MachineName {
    MachineName::new("shop").unwrap()
}

/// A machine with these modules, by source and name.
fn spec(modules: &[(&str, &str)]) -> MachineSpec {
    let module = |(url, name): &(&str, &str)| ModuleSpec {
        name: (*name).into(),
        url: (*url).into(),
        attr: vec!["nixosModules".into(), (*name).into()],
    };
    MachineSpec {
        driver: DriverKind::Lxd,
        nixpkgs: NixpkgsChoice::Builtin,
        modules: modules.iter().map(module).collect(),
    }
}

/// Runs git on this computer.
fn git(dir: &Path, args: &[&str]) -> String {
    let mut git = std::process::Command::new("git");
    git.current_dir(dir)
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
        .args(args);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository of this computer with one commit.
fn repository(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    git(dir, &["init", "--quiet", "--initial-branch=main"]);
    commit(dir, "one");
}

/// Commits a file; returns the commit.
fn commit(dir: &Path, text: &str) -> String {
    std::fs::write(dir.join("flake.nix"), text).unwrap();
    git(dir, &["add", "."]);
    git(dir, &["commit", "--quiet", "-m", text]);
    git(dir, &["rev-parse", "HEAD"])
}
