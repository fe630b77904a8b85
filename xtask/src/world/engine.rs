//! The daemon of a world: LXD 5 or Incus 6, started by hand in a directory of its own, without systemd.

use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use super::bridge::Bridge;
use super::leftovers;
use super::record::Record;
use crate::packages;
use crate::process;

/// What Incus before 6.0.5 says when it gave up on a bridge because an interface of the host, of any container, went while it looked at
/// all of them (`deleteChildren` in its `internal/server/network/driver_bridge.go`). Other worlds' come and go all the time. (Doctor's fixes know it too.)
const INTERFACE_WENT: &str = "Failed to delete bridge children interfaces";
/// How often a bridge is tried; each time an interface would have to go within the few milliseconds of the look.
const ATTEMPTS: u32 = 10;

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

    /// Starts it, detached, and waits until it is ready, with its bridge where it has one.
    pub(crate) fn start(&self, world: &Record) -> Result<()> {
        fs::create_dir_all(self.dir())?;
        for _ in 0..ATTEMPTS {
            self.launch(world)?;
            match &world.bridge {
                Some(bridge) if !self.has_set_up(bridge)? => self.end()?,
                _ => return Ok(()),
            }
        }
        bail!("{} does not set up its bridge; see {}", self.engine.name(), self.log().display())
    }

    fn launch(&self, world: &Record) -> Result<()> {
        let mut command = Command::new("setsid");
        command.arg(self.engine.daemon()).args(["--group", &world.group, "--logfile"]).arg(self.log());
        if world.log_requests {
            command.arg("--debug");
        }
        command.envs(self.environment()).current_dir("/").process_group(0);
        // It logs to its file; what it repeats on its output nobody reads.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().with_context(|| format!("cannot start {}", self.engine.daemon()))?;
        process::run(self.command(self.engine.daemon()).args(["waitready", "--timeout", "300"]))
            .with_context(|| format!("{} did not come up; see {}", self.engine.name(), self.log().display()))
    }

    /// Whether the bridge is there, or isn't to be. An engine that failed to set it up (see [`INTERFACE_WENT`]) tries again after a
    /// minute only.
    fn has_set_up(&self, bridge: &str) -> Result<bool> {
        let path = format!("/1.0/networks/{bridge}");
        let Ok(network) = process::read(self.command(self.engine.client()).args(["query", &path])) else {
            return Ok(true);
        };
        let network: Value = serde_json::from_str(&network).context("the engine's answer is no JSON")?;
        Ok(network.get("status").and_then(Value::as_str) != Some("Unavailable"))
    }

    /// Ends the daemon alone, at once; its containers and their helpers run on.
    fn end(&self) -> Result<()> {
        leftovers::end(&|process| self.is_daemon(process))
    }

    /// Whether a process is the daemon itself.
    pub(crate) fn is_daemon(&self, process: &leftovers::Process) -> bool {
        let log = self.log();
        matches!(process.program(), Some("lxd" | "incusd")) && process.has(&log)
    }

    /// Its log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.world.join("daemon.log")
    }

    /// Gives it a storage pool, the bridge and a default profile.
    pub(crate) fn preseed(&self, bridge: &Bridge) -> Result<()> {
        let text = preseed(bridge);
        let (program, args): (_, &[&str]) = match self.engine {
            Engine::Lxd => ("lxd", &["init", "--preseed"]),
            Engine::Incus => ("incus", &["admin", "init", "--preseed"]),
        };
        let attempt = || process::feed(self.command(program).args(args), text.as_bytes());
        again_where_an_interface_went(attempt)
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

/// Tries again what failed for [`INTERFACE_WENT`] only.
fn again_where_an_interface_went(mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if error.to_string().contains(INTERFACE_WENT) => {}
            other => return other,
        }
    }
    attempt()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_interface_broke_is_tried_again() {
        let mut attempts = 0;
        let mut run = |failures: u32, words: &'static str| {
            attempts = 0;
            let result = again_where_an_interface_went(|| {
                attempts += 1;
                if attempts <= failures {
                    bail!("Error: {words}: Device \"veth1\" does not exist.")
                }
                Ok(())
            });
            (result.is_ok(), attempts)
        };
        assert_eq!(run(2, INTERFACE_WENT), (true, 3));
        assert_eq!(run(ATTEMPTS, INTERFACE_WENT), (false, ATTEMPTS));
        assert_eq!(run(1, "Failed to create"), (false, 1));
    }
}
