//! PID 1 of the controller: one loop over signals, the daemon's answers, new certificates and mounts. All
//! decisions are in [`crate::supervise`]; this file carries them out.
//!
//! TERM, PWR and INT stop everything and end the container; HUP restarts the daemon (new proxy settings).

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::{Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::bundle;
use crate::daemon::{self, Probe};
use crate::handshake::Reply;
use crate::health::{self, Health};
use crate::mounts;
use crate::network;
use crate::one_at_a_time::OneAtATime;
use crate::prepare;
use crate::roots;
use crate::signals;
use crate::supervise::{Action, Event, State, Supervisor};

/// How long stray processes may take to end after TERM, once the daemon is gone.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// Runs until told to stop. The exit code only matters to a person reading the console: the container ends.
pub(crate) fn run() -> ExitCode {
    match Controller::new().and_then(Controller::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            log(&format!("cannot go on: {e}"));
            ExitCode::FAILURE
        }
    }
}

/// One line to the console.
fn log(line: &str) {
    let _ = writeln!(io::stderr().lock(), "ctrl-serve: {line}");
}

/// Which supervised child an action is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Child {
    Daemon,
    Dhcp,
}

struct Controller {
    began: Instant,
    signals: SignalFd,
    /// Tells about new certificates; none where the host allows no more watches.
    certificates: Option<Inotify>,
    /// Tells about links that the daemon notes.
    noted: Option<Inotify>,
    /// The child that follows links: their users determine how long that takes.
    roots: OneAtATime,
    mountinfo: File,
    listener: Option<UnixListener>,
    probe: Option<Probe>,
    daemon: Supervisor,
    dhcp: Supervisor,
    interface: Option<String>,
    nix: Option<String>,
    published: Option<Health>,
}

impl Controller {
    fn new() -> io::Result<Self> {
        // Before the first child: none of these may be lost.
        let signals = signals::take()?;
        mount_run()?;
        if let Err(e) = network::loopback_up() {
            log(&format!("cannot bring loopback up: {e}"));
        }
        Ok(Controller {
            began: Instant::now(),
            signals,
            certificates: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
                .inspect_err(|e| {
                    log(&format!("new certificates will be taken in at the next start only: {e}"));
                })
                .ok(),
            noted: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
                .inspect_err(|e| log(&format!("what machines keep will be seen at the next start only: {e}")))
                .ok(),
            roots: OneAtATime::default(),
            mountinfo: File::open(mounts::MOUNTINFO)?,
            listener: None,
            probe: None,
            daemon: Supervisor::new(),
            dhcp: Supervisor::new(),
            interface: network::interface(Path::new(network::INTERFACES)),
            nix: None,
            published: None,
        })
    }

    fn run(mut self) -> io::Result<()> {
        self.publish();
        self.feed(Child::Daemon, Event::Start);
        if self.interface.is_some() {
            self.feed(Child::Dhcp, Event::Start);
        }
        while !self.is_over() {
            self.publish();
            self.wait()?;
            self.feed(Child::Daemon, Event::Tick);
            self.feed(Child::Dhcp, Event::Tick);
        }
        self.publish();
        end_everything();
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.daemon.state() == State::Stopped && matches!(self.dhcp.state(), State::Stopped | State::Idle)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Gives a supervisor an event and does what it says, including what that leads to.
    fn feed(&mut self, child: Child, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now();
            let supervisor = match child {
                Child::Daemon => &mut self.daemon,
                Child::Dhcp => &mut self.dhcp,
            };
            for action in supervisor.on(now, event) {
                events.extend(self.act(child, &action));
            }
        }
    }

    fn act(&mut self, child: Child, action: &Action) -> Option<Event> {
        match action {
            Action::Spawn => Some(match self.spawn(child) {
                Ok(pid) => Event::Spawned(pid),
                Err(e) => {
                    log(&e.to_string());
                    Event::SpawnFailed(e.to_string())
                }
            }),
            // The DHCP client has nobody to ask: running is all it does.
            Action::Probe if child == Child::Dhcp => Some(Event::Answered),
            Action::Probe => {
                self.probe = Probe::send(Path::new(daemon::SOCKET))
                    .map_err(|e| log(&format!("cannot ask nix-daemon: {e}")))
                    .ok();
                None
            }
            Action::Terminate(pid) => {
                signal(*pid, Signal::SIGTERM);
                None
            }
            Action::Kill(pid) => {
                signal(*pid, Signal::SIGKILL);
                None
            }
        }
    }

    fn spawn(&mut self, child: Child) -> io::Result<i32> {
        if child == Child::Dhcp {
            return network::spawn_dhcp(self.interface.as_deref().unwrap_or("eth0"));
        }
        prepare::apply(Path::new("/"))?;
        mount_kept()?;
        self.watch_noted();
        self.watch_certificates();
        self.write_bundle();
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => daemon::listen(Path::new(daemon::SOCKET))?,
        };
        let pid = daemon::spawn(self.listener.insert(listener))
            .map_err(|e| io::Error::new(e.kind(), format!("cannot start nix-daemon: {e}")))?;
        self.keep_roots();
        Ok(pid)
    }

    /// Keeps what the machines that are seen keep.
    fn keep_roots(&mut self) {
        if let Err(e) = self.roots.want(roots::spawn) {
            log(&format!("cannot keep what machines keep: {e}"));
        }
    }

    fn watch_certificates(&self) {
        let changes = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVE | AddWatchFlags::IN_DELETE;
        if let Some(Err(e)) = self.certificates.as_ref().map(|c| c.add_watch(bundle::EXTRA, changes)) {
            log(&format!("cannot watch {}: {e}", bundle::EXTRA));
        }
    }

    fn watch_noted(&self) {
        let changes = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        if let Some(Err(e)) = self.noted.as_ref().map(|noted| noted.add_watch(roots::AUTO, changes)) {
            log(&format!("cannot watch {}: {e}", roots::AUTO));
        }
    }

    /// A damaged extra certificate must not keep the daemon from running.
    fn write_bundle(&self) {
        let (system, extra, to) =
            (Path::new(bundle::SYSTEM), Path::new(bundle::EXTRA), Path::new(bundle::BUNDLE));
        if let Err(e) = bundle::write(system, extra, to) {
            log(&format!("certificates left as they were: {e}"));
        }
    }

    /// Waits for whatever comes first and takes it in.
    fn wait(&mut self) -> io::Result<()> {
        let wake = [self.daemon.wake_at(), self.dhcp.wake_at()].into_iter().flatten().min();
        let timeout = match wake {
            None => PollTimeout::NONE,
            // One more millisecond: poll counts whole ones, and early would mean a busy turn.
            Some(at) => {
                let left = at.saturating_sub(self.now()).as_millis().saturating_add(1);
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        let mut fds = vec![
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.mountinfo.as_fd(), PollFlags::POLLPRI),
        ];
        let certificates = also(&mut fds, self.certificates.as_ref().map(AsFd::as_fd));
        let noted = also(&mut fds, self.noted.as_ref().map(AsFd::as_fd));
        let probe = also(&mut fds, self.probe.as_ref().map(Probe::fd));
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
        let fired: Vec<bool> = fds.iter().map(|f| f.revents().is_some_and(|r| !r.is_empty())).collect();
        let has = |i: Option<usize>| i.and_then(|i| fired.get(i).copied()).unwrap_or(false);
        if has(Some(0)) {
            self.take_signals()?;
        }
        if has(Some(1)) {
            let _ = prepare::open_profiles(Path::new(prepare::PER_INSTANCE)).map_err(|e| log(&e.to_string()));
        }
        if has(certificates) {
            drain(self.certificates.as_ref());
            self.write_bundle();
        }
        if has(noted) {
            drain(self.noted.as_ref());
        }
        if has(Some(1)) || has(noted) {
            self.keep_roots();
        }
        if has(probe) {
            self.take_answer();
        }
        Ok(())
    }

    fn take_answer(&mut self) {
        let reply = self.probe.as_mut().map_or(Ok(Reply::Foreign), Probe::receive);
        match reply {
            Ok(Reply::Incomplete) => return,
            Ok(Reply::Answered(version)) => {
                self.nix = Some(version);
                self.feed(Child::Daemon, Event::Answered);
            }
            Ok(Reply::Foreign) => log("nix-daemon closed the connection without an answer"),
            Err(e) => log(&format!("cannot read nix-daemon's answer: {e}")),
        }
        self.probe = None;
    }

    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(info) = self.signals.read_signal()? {
            match i32::try_from(info.ssi_signo).ok().and_then(|n| Signal::try_from(n).ok()) {
                Some(Signal::SIGCHLD) => {
                    self.reap();
                    // The programs of an owner that was killed end as our children.
                    crate::access::sweep_dead();
                }
                Some(Signal::SIGHUP) => {
                    if let Some(pid) = self.daemon.state().pid() {
                        signal(pid, Signal::SIGTERM);
                    }
                }
                Some(_) => {
                    self.feed(Child::Daemon, Event::Stop);
                    self.feed(Child::Dhcp, Event::Stop);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Takes in every ended child, ours and those whose parents died before them.
    fn reap(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let (pid, how) = match status {
                WaitStatus::Exited(pid, code) => (pid.as_raw(), format!("exit code {code}")),
                WaitStatus::Signaled(pid, signal, _) => (pid.as_raw(), format!("signal {}", signal.as_str())),
                WaitStatus::StillAlive => return,
                _ => continue,
            };
            if self.daemon.state().pid() == Some(pid) {
                self.probe = None;
                log(&format!("nix-daemon ended: {how}"));
                self.feed(Child::Daemon, Event::Exited(pid, how));
            } else if self.dhcp.state().pid() == Some(pid) {
                self.feed(Child::Dhcp, Event::Exited(pid, how));
            } else if self.roots.ended(pid) {
                self.keep_roots();
            }
        }
    }

    /// Writes the health file when it would say something new.
    fn publish(&mut self) {
        let mut health = Health::down();
        health.ready = matches!(self.daemon.state(), State::Ready { .. });
        health.nix.clone_from(&self.nix);
        health.daemon.state = self.daemon.state().word().into();
        health.daemon.pid = self.daemon.state().pid();
        health.daemon.restarts = self.daemon.restarts();
        health.daemon.last_exit = self.daemon.last_exit().map(str::to_owned);
        if self.published.as_ref() == Some(&health) {
            return;
        }
        match health.write(Path::new(health::FILE)) {
            Ok(()) => self.published = Some(health),
            Err(e) => log(&format!("cannot write {}: {e}", health::FILE)),
        }
    }
}

/// Takes in what is told of a directory; that it changed is enough.
fn drain(inotify: Option<&Inotify>) {
    while inotify.and_then(|inotify| inotify.read_events().ok()).is_some_and(|events| !events.is_empty()) {}
}

/// Shows Nix what is kept for machines. A link to it isn't followed.
fn mount_kept() -> io::Result<()> {
    let kept = Path::new(roots::GCROOTS);
    if mounts::is_mounted(&fs::read_to_string(mounts::MOUNTINFO)?, kept) {
        return Ok(());
    }
    mount(Some(roots::KEPT), kept, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
    Ok(())
}

/// Adds a descriptor that may be missing; its place.
fn also<'a>(fds: &mut Vec<PollFd<'a>>, fd: Option<BorrowedFd<'a>>) -> Option<usize> {
    fds.push(PollFd::new(fd?, PollFlags::POLLIN));
    Some(fds.len() - 1)
}

/// A tmpfs on `/run`, so that nothing there outlives a boot or reaches a disk. Its directory is made before the
/// mount is visible to anyone else's watch: see [`crate::wait`].
fn mount_run() -> io::Result<()> {
    let run = Path::new("/run");
    if !mounts::is_mounted(&fs::read_to_string(mounts::MOUNTINFO)?, run) {
        mount(
            Some("tmpfs"),
            run,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some("mode=755,size=25%"),
        )?;
    }
    fs::create_dir_all("/run/codchi")
}

fn signal(pid: i32, signal: Signal) {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(e) => log(&format!("cannot send {signal} to {pid}: {e}")),
    }
}

/// Ends what the daemon left behind (its workers, builds): TERM, a moment, KILL. Only PID 1 may call it, for
/// whom -1 is every process of its container.
fn end_everything() {
    if nix::unistd::getpid().as_raw() != 1 {
        return;
    }
    let everyone = Pid::from_raw(-1);
    let deadline = Instant::now() + LAST_GRACE;
    let _ = kill(everyone, Signal::SIGTERM);
    while Instant::now() < deadline {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(5)),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    let _ = kill(everyone, Signal::SIGKILL);
    nix::unistd::sync();
}
