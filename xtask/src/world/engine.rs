//! The daemon of a world: LXD 5 or Incus 6, started by hand in a directory of its own, without systemd.

use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::bridge::Bridge;
use super::record::Record;
use crate::packages;
use crate::process;

/// A container engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// LXD 5.0
    Lxd,
    /// Incus 6.0
    Incus,
}

impl Engine {
    /// Its name, also of its directory in a world.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Lxd => "lxd",
            Engine::Incus => "incus",
        }
    }

    /// The table its firewall rules are in.
    pub(crate) fn firewall_table(self) -> &'static str {
        self.name()
    }

    /// Its daemon's program.
    pub(crate) fn daemon(self) -> &'static str {
        match self {
            Engine::Lxd => "lxd",
            // Debian's place; elsewhere it is on PATH.
            Engine::Incus if Path::new("/usr/libexec/incus/incusd").exists() => "/usr/libexec/incus/incusd",
            Engine::Incus => "incusd",
        }
    }

    fn client(self) -> &'static str {
        match self {
            Engine::Lxd => "lxc",
            Engine::Incus => "incus",
        }
    }

    /// Whether its programs are here.
    pub(crate) fn is_installed(self) -> bool {
        [self.daemon(), self.client()].iter().all(|p| Path::new(p).is_file() || process::is_installed(p))
    }

    /// The packages that bring it.
    pub(crate) fn packages(self) -> &'static [&'static [&'static str]] {
        packages::EVERYTHING
    }
}

/// The daemon of one world.
#[derive(Debug)]
pub(crate) struct Daemon {
    engine: Engine,
    world: PathBuf,
}

impl Daemon {
    pub(crate) fn new(engine: Engine, world: &Path) -> Self {
        Daemon { engine, world: world.to_owned() }
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> PathBuf {
        self.world.join(self.engine.name())
    }

    /// The variables that point its programs at it.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        // The client's own directory too: nothing is to be left in a home.
        let client = self.world.join("client");
        match self.engine {
            Engine::Lxd => [("LXD_DIR", self.dir()), ("LXD_CONF", client)],
            Engine::Incus => [("INCUS_DIR", self.dir()), ("INCUS_CONF", client)],
        }
    }

    /// Whether it takes connections. (A stopped daemon may stay as a zombie: its pid says nothing.)
    pub(crate) fn is_up(&self) -> bool {
        UnixStream::connect(self.dir().join("unix.socket")).is_ok()
    }

    /// Starts it, detached, and waits until it is ready.
    pub(crate) fn start(&self, world: &Record) -> Result<()> {
        raise_inotify_limit();
        fs::create_dir_all(self.dir())?;
        let mut command = Command::new("setsid");
        command.arg(self.engine.daemon()).args(["--group", &world.group, "--logfile"]).arg(self.log());
        if world.log_requests {
            command.arg("--debug");
        }
        command.envs(self.environment()).current_dir("/").process_group(0);
        // It logs to its file; what it repeats on its output nobody reads.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().with_context(|| format!("cannot start {}", self.engine.daemon()))?;
        process::run(self.command(self.engine.daemon()).args(["waitready", "--timeout", "60"]))
            .with_context(|| format!("{} did not come up; see {}", self.engine.name(), self.log().display()))
    }

    /// Its log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.world.join("daemon.log")
    }

    /// Gives it a storage pool, the bridge and a default profile.
    pub(crate) fn preseed(&self, bridge: &Bridge) -> Result<()> {
        let text = preseed(bridge);
        let mut command = match self.engine {
            Engine::Lxd => {
                let mut command = self.command("lxd");
                command.arg("init");
                command
            }
            Engine::Incus => {
                let mut command = self.command("incus");
                command.args(["admin", "init"]);
                command
            }
        };
        process::feed(command.arg("--preseed"), text.as_bytes())
    }

    /// Stops every container at once, then the daemon. What does not end is left to the sweep.
    pub(crate) fn shutdown(&self) {
        let mut stop = self.command("timeout");
        process::succeeds(stop.args(["60", self.engine.client(), "stop", "--all", "--force"]));
        let mut shutdown = self.command("timeout");
        process::succeeds(shutdown.args(["30", self.engine.daemon(), "shutdown", "--timeout", "20"]));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment()).current_dir("/");
        command
    }
}

/// All unprivileged containers of a host have the same user there, whose inotify instances the kernel counts; each systemd needs
/// about ten, and Debian allows 128. The number is the one of LXD's production setup.
fn raise_inotify_limit() {
    let limit = Path::new("/proc/sys/fs/inotify/max_user_instances");
    let allowed = std::fs::read_to_string(limit).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if allowed.is_some_and(|allowed| allowed < 1024) && std::fs::write(limit, "1048576").is_err() {
        eprintln!("warning: {} stays low; at most a dozen machines can run", limit.display());
    }
}

fn preseed(bridge: &Bridge) -> String {
    let Bridge { name, address } = bridge;
    format!(
        "config: {{}}
networks:
- name: {name}
  type: bridge
  config: {{ipv4.address: {address}, ipv4.nat: \"true\", ipv6.address: none}}
storage_pools:
- {{name: default, driver: dir}}
profiles:
- name: default
  devices:
    root: {{type: disk, path: /, pool: default}}
    eth0: {{type: nic, network: {name}, name: eth0}}
"
    )
}
