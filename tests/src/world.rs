//! One isolated world with a real engine, made and removed by `cargo xtask world`.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use codchi_controller::doctor::INTERFACE_WENT;
use codchi_driver_lxd::{Flavour, LxdConfig, LxdDriver, sockets};
use nix::{sys::signal, unistd::Pid};
use tempfile::TempDir;

use crate::{
    process::{self, AfterDeath},
    programs,
};

/// A world; dropping it removes every trace.
pub struct World {
    flavour: Flavour,
    options: Vec<String>,
    dir: TempDir,
    env: BTreeMap<String, String>,
    _after_death: AfterDeath,
}

impl World {
    /// Makes a world with its own engine.
    ///
    /// # Panics
    /// When it can't be made: without root, or without the engine's packages. Nothing is skipped.
    pub fn new(flavour: Flavour) -> Self {
        Self::with(flavour, &[])
    }

    /// The same with more options of `cargo xtask world`.
    ///
    /// # Panics
    /// As [`World::new`].
    pub fn with(flavour: Flavour, options: &[&str]) -> Self {
        // Short: a unix socket's path has at most 107 bytes.
        let dir = tempfile::Builder::new().prefix("cw-").tempdir_in("/tmp").unwrap();
        // Other users must get as far as the socket, to be refused there.
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let removed = r#"[ ! -e "$2" ] || exec "$1" world "$2" --down"#;
        let mut world = Self {
            _after_death: AfterDeath::run(removed, [&programs::xtask(), dir.path()]),
            flavour,
            options: options.iter().map(ToString::to_string).collect(),
            dir,
            env: BTreeMap::new(),
        };
        world.env = world.up();
        world
    }

    /// Which engine it has.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The engine's directory: its containers, volumes and logs.
    pub fn engine_dir(&self) -> PathBuf {
        self.dir().join(self.flavour.kind().to_string())
    }

    /// The variables that point programs at it.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// A program in it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(&self.env).stdin(Stdio::null());
        command
    }

    /// The engine's own client: another program beside Codchi.
    pub fn client_command(&self, args: &[&str]) -> Command {
        let mut command = self.command(match self.flavour {
            Flavour::Lxd => "lxc",
            Flavour::Incus => "incus",
        });
        command.args(args);
        command
    }

    /// Runs it.
    ///
    /// # Panics
    /// When it fails.
    pub fn client(&self, args: &[&str]) -> String {
        let run = || self.client_command(args).output().expect("the engine's client");
        // Interfaces of other worlds come and go.
        let interface_went =
            |output: &Output| String::from_utf8_lossy(&output.stderr).contains(INTERFACE_WENT);
        let mut output = run();
        for _ in 0..10 {
            if !interface_went(&output) {
                break;
            }
            output = run();
        }
        checked(&format!("the engine's client {args:?}"), output)
    }

    /// The engine's socket.
    pub fn socket(&self) -> PathBuf {
        sockets(self.flavour, |name| self.env.get(name).cloned()).remove(0)
    }

    /// How to reach the engine.
    pub fn config(&self) -> LxdConfig {
        LxdConfig::new(self.flavour, self.socket())
    }

    /// A driver for the engine.
    pub fn driver(&self) -> LxdDriver {
        LxdDriver::new(self.config()).unwrap()
    }

    /// Sends a signal to the engine; its containers run on. Returns when the engine has ended.
    pub fn kill_engine(&self, signal: signal::Signal) {
        let socket = std::os::unix::net::UnixStream::connect(self.socket()).expect("the engine runs");
        let peer = nix::sys::socket::getsockopt(&socket, nix::sys::socket::sockopt::PeerCredentials).unwrap();
        drop(socket);
        signal::kill(Pid::from_raw(peer.pid()), signal).unwrap();
        // It stops listening before it closes its database, which the next one opens.
        while std::os::unix::net::UnixStream::connect(self.socket()).is_ok()
            || process::runs(peer.pid().cast_unsigned())
        {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Starts the engine again after [`World::kill_engine`].
    pub fn start_engine(&self) {
        self.up();
    }

    fn up(&self) -> BTreeMap<String, String> {
        let engine = match self.flavour {
            Flavour::Lxd => "lxd",
            Flavour::Incus => "incus",
        };
        let mut command = xtask();
        command.arg("world").arg(self.dir()).args(["--engine", engine, "--no-build"]).args(&self.options);
        let exports = checked("cargo xtask world", command.output().unwrap());
        // What the lines mean is the shell's to say.
        let script = format!("{exports}\nenv -0");
        let output = Command::new("env").args(["-i", "sh", "-c", &script]).output().unwrap();
        let env = checked("eval of cargo xtask world", output);
        let pairs = env.split('\0').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(name, _)| *name != "PWD" && *name != "PATH")
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let output = xtask().arg("world").arg(self.dir()).arg("--down").output().unwrap();
        if !std::thread::panicking() {
            checked("cargo xtask world --down", output);
        } else if !output.status.success() {
            eprintln!("world {} was not removed: {output:?}", self.dir().display());
        }
    }
}

fn xtask() -> Command {
    let mut command = Command::new(programs::xtask());
    command.stdin(Stdio::null());
    command
}

fn checked(what: &str, output: Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} failed with {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
