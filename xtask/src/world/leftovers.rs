//! What may be left of a world whose engine was killed: processes, mounts, files. Everything is found by the world's
//! own directory in command lines and mount points, nothing by a general name.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::engine::Daemon;
use super::session::Session;

/// How long a container's monitor may take to clean up after its container.
const MONITOR_GRACE: Duration = Duration::from_secs(15);
/// How long processes may take to end after KILL.
const GRACE: Duration = Duration::from_secs(60);

/// A process of the host.
#[derive(Debug)]
pub(crate) struct Process {
    pid: i32,
    parent: i32,
    argv: Vec<String>,
}

impl Process {
    /// Whether it is liblxc's keeper of one container.
    fn is_monitor(&self) -> bool {
        self.argv.first().is_some_and(|a| a.starts_with("[lxc monitor]"))
    }

    /// The name of its program.
    pub(crate) fn program(&self) -> Option<&str> {
        Path::new(self.argv.first()?).file_name()?.to_str()
    }

    /// Whether an argument is this path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.argv.iter().any(|argument| Path::new(argument) == path)
    }

    /// Whether an argument names something in `dir`.
    pub(crate) fn names(&self, dir: &Path) -> bool {
        self.argv.iter().any(|argument| names(argument, dir))
    }
}

fn names(text: &str, dir: &Path) -> bool {
    let value = text.split_once('=').map_or(text, |(_, value)| value);
    Path::new(value).starts_with(dir)
        || text.split(['=', ' ', ',']).any(|word| Path::new(word).starts_with(dir))
}

/// Ends the daemon, its DHCP servers, its containers and their monitors, and the session.
pub(crate) fn end_processes(daemon: &Daemon, session: &Session) -> Result<()> {
    end(&|process| is_of(process, daemon) || session.has(process))
}

/// Ends the processes that `is_ours` chooses, and waits until they are gone.
pub(crate) fn end(is_ours: &dyn Fn(&Process) -> bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let all = processes()?;
        let ours: Vec<&Process> = all.iter().filter(|p| is_ours(p)).collect();
        if ours.is_empty() {
            return Ok(());
        }
        if began.elapsed() > GRACE {
            bail!("processes of the world do not end: {:?}", ours.iter().map(|p| p.pid).collect::<Vec<_>>());
        }
        for process in ours {
            // A monitor whose container's init is gone removes the cgroups: it is given the time to.
            let inits = all.iter().filter(|p| process.is_monitor() && p.parent == process.pid);
            for pid in inits.map(|p| p.pid) {
                kill_now(pid)?;
            }
            if !process.is_monitor() || began.elapsed() > MONITOR_GRACE {
                kill_now(process.pid)?;
            }
        }
        // The kernel tells nobody but the parent about an end; these are not our children.
        thread::sleep(Duration::from_millis(20));
    }
}

fn kill_now(pid: i32) -> Result<()> {
    match kill(Pid::from_raw(pid), Signal::SIGKILL) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(e) => Err(e).with_context(|| format!("cannot end process {pid}")),
    }
}

/// Whether a process belongs to the world: one of the engine's programs with the world's directory in its arguments.
fn is_of(process: &Process, daemon: &Daemon) -> bool {
    let dir = daemon.dir();
    let Some(program) = process.argv.first() else { return false };
    match process.program().unwrap_or_default() {
        // The daemon, or one of its helpers.
        "lxd" | "incusd" => daemon.is_daemon(process) || process.names(&dir),
        "dnsmasq" => process.names(&dir),
        _ => process.is_monitor() && names(program, &dir),
    }
}

fn processes() -> Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse().ok()) else {
            continue;
        };
        // One that ended meanwhile has nothing to read.
        let (Ok(cmdline), Ok(stat)) = (fs::read(path.join("cmdline")), fs::read_to_string(path.join("stat")))
        else {
            continue;
        };
        let argv = cmdline.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        if let Some(parent) = parent_of(&stat) {
            found.push(Process { pid, parent, argv });
        }
    }
    Ok(found)
}

/// The parent's id in a `/proc/PID/stat` line; none for a zombie.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| state != "Z")
}

/// Unmounts everything below `dir`, innermost first.
pub(crate) fn unmount(dir: &Path) -> Result<()> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    for point in points_below(&text, dir).iter().rev() {
        match umount2(point, MntFlags::MNT_DETACH) {
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(e) => return Err(e).with_context(|| format!("cannot unmount {}", point.display())),
        }
    }
    Ok(())
}

fn points_below(mountinfo: &str, dir: &Path) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|l| l.split(' ').nth(4));
    points.map(|p| PathBuf::from(p.replace("\\040", " "))).filter(|p| p.starts_with(dir)).collect()
}

/// Removes the directory; it must hold no mounts any more.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    if let Some(point) = points_below(&text, dir).first() {
        bail!("{} is still mounted: nothing was removed", point.display());
    }
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::engine::Engine;

    fn process(argv: &[&str]) -> Process {
        Process { pid: 2, parent: 1, argv: argv.iter().map(|a| (*a).to_owned()).collect() }
    }

    #[test]
    fn only_the_worlds_own_processes_are_found() {
        let daemon = Daemon::new(Engine::Lxd, Path::new("/tmp/w1"));
        for ours in [
            process(&["lxd", "--group", "root", "--logfile", "/tmp/w1/daemon.log"]),
            process(&["dnsmasq", "--pid-file=/tmp/w1/lxd/networks/codchiw1/dnsmasq.pid"]),
            process(&["[lxc monitor] /tmp/w1/lxd/containers codchi-hello"]),
        ] {
            assert!(is_of(&ours, &daemon), "{ours:?}");
        }
        for other in [
            process(&["lxd", "--group", "root", "--logfile", "/tmp/w10/daemon.log"]),
            process(&["lxd", "--group", "lxd"]),
            process(&["[lxc monitor] /tmp/w10/lxd/containers codchi-hello"]),
            process(&["vim", "/tmp/w1/lxd/x"]),
            process(&["dnsmasq", "--pid-file=/var/lib/lxd/networks/lxdbr0/dnsmasq.pid"]),
        ] {
            assert!(!is_of(&other, &daemon), "{other:?}");
        }
    }

    #[test]
    fn a_session_has_its_own_programs_only() {
        let session = Session::new("/tmp/w1/session".into(), None);
        for (ours, argv) in [
            (true, &["dbus-daemon", "--config-file=/tmp/w1/session/bus.conf", "--nofork"][..]),
            (true, &["dbus-daemon", "--config-file=/tmp/w1/session/a b=c.conf"]),
            (true, &["/usr/bin/gnome-keyring-daemon", "--unlock", "--control-directory=/tmp/w1/session"]),
            (false, &["dbus-daemon", "--config-file=/tmp/w10/session/bus.conf"]),
            (false, &["dbus-daemon", "--session"]),
            (false, &["vim", "/tmp/w1/session/bus.conf"]),
        ] {
            assert_eq!(session.has(&process(argv)), ours, "{argv:?}");
        }
    }

    #[test]
    fn parents_are_read_past_odd_names_and_zombies_are_no_processes() {
        assert_eq!(parent_of("12 (a) b) S 7 12 12"), Some(7));
        assert_eq!(parent_of("12 (lxd) Z 1 12 12"), None);
    }

    #[test]
    fn mounts_below_a_directory_only() {
        let text = "1 0 8:1 / / rw\n2 1 0:1 / /tmp/w1/lxd/devlxd rw\n3 1 0:2 / /tmp/w10/lxd rw\n4 1 0:3 / /tmp/w1/a\\040b rw\n";
        assert_eq!(
            points_below(text, Path::new("/tmp/w1")),
            [Path::new("/tmp/w1/lxd/devlxd"), Path::new("/tmp/w1/a b")]
        );
    }
}
