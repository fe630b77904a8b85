//! PID 1 of a code machine, until it hands over: sets the host name, takes away what engines give unasked, makes the directories a
//! minimal root lacks, and executes the init of the NixOS system in the machine's profile. Mounts are done by the engine.
//!
//! Nothing here knows what the system contains: activation is the system's own business.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::nesting::{self, NestingError};

/// Present in a machine's root and nowhere else.
pub(crate) const MARKER: &str = "/.codchi/ctrl-serve";
/// The variable in which the engine's configuration carries the machine's name.
const NAME: &str = "CODCHI_MACHINE";
/// The variable in which it carries the device nodes that the machine may have, separated by colons.
const DEVICES: &str = "CODCHI_DEVICES";
/// Set to `no` where the machine isn't to run containers.
const CONTAINERS: &str = "CODCHI_CONTAINERS";
/// Set where no system is to be started: somebody works on the machine's files.
const IDLE: &str = "CODCHI_IDLE";
/// The nodes that LXD and Incus bind into every container, whoever asks for them or not.
const UNASKED: &[&str] = &["/dev/fuse", "/dev/net/tun"];
/// The machine's own profile.
const PROFILE: &str = "/nix/var/nix/profiles/system";
/// Directories a system expects before its activation, with their modes.
const DIRS: &[(&str, u32)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/nix/var/nix/gcroots", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/var", 0o755),
];

/// Boots the system. Returns only when there is none to boot.
pub(crate) fn boot() -> ExitCode {
    let name = std::env::var(NAME).ok();
    if let Some(name) = name.as_deref().filter(|n| is_host_name(n))
        && let Err(e) = nix::unistd::sethostname(name)
    {
        console(&format!("the host name stays as it is: {e}"));
    }
    if let Ok(devices) = std::env::var(DEVICES) {
        for node in unasked(&devices) {
            if let Err(e) = take_away(Path::new(node)) {
                console(&format!("cannot take {node} away: {e}"));
            }
        }
    }
    // Without that the machine would have what its user didn't grant.
    if std::env::var(CONTAINERS).is_ok_and(|may| may == "no")
        && let Err(e) = nesting::keep_out()
    {
        console(&not_kept_out(name.as_deref().unwrap_or("this machine"), &e));
        return ExitCode::FAILURE;
    }
    for (dir, mode) in DIRS {
        if let Err(e) = make(Path::new(dir), *mode) {
            console(&format!("cannot make {dir}: {e}"));
        }
    }
    if std::env::var_os(IDLE).is_some() {
        return idle();
    }
    let init = Path::new(PROFILE).join("init");
    let error = Command::new(&init).args(std::env::args_os().skip(1)).exec();
    console(&explain(name.as_deref().unwrap_or("this machine"), Path::new(PROFILE), &init, &error));
    ExitCode::FAILURE
}

/// Takes care of processes that lost their parent until it is asked to end.
fn idle() -> ExitCode {
    let ends = [Signal::SIGTERM, Signal::SIGPWR, Signal::SIGINT];
    let signals: SigSet = ends.into_iter().chain([Signal::SIGCHLD]).collect();
    if let Err(e) = signals.thread_block() {
        console(&format!("cannot wait: {e}"));
        return ExitCode::FAILURE;
    }
    while !signals.wait().is_ok_and(|signal| ends.contains(&signal)) {
        while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|ended| ended != WaitStatus::StillAlive) {}
    }
    ExitCode::SUCCESS
}

/// A label as RFC 1123 has it; Codchi's machine names are all of this form.
pub(crate) fn is_host_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Why there is nothing to boot and what to do, for a person who reads the console.
fn explain(name: &str, profile: &Path, init: &Path, error: &io::Error) -> String {
    let reason = match (fs::read_link(profile), init.exists()) {
        (Err(_), _) => "it has no system yet".to_owned(),
        (Ok(_), false) => format!(
            "its profile {} points to a system that is not in the store; is the store mounted?",
            profile.display()
        ),
        (Ok(_), true) => format!("{} cannot be executed: {error}", init.display()),
    };
    format!("{name} cannot boot: {reason}. `codchi rebuild {name}` on the host builds it again.")
}

/// Why a machine doesn't boot that isn't to run containers, for the same person.
fn not_kept_out(name: &str, error: &NestingError) -> String {
    format!(
        "{name} cannot boot: containers can't be kept out of it: {error}. `codchi restart {name}` on the host tries again; where \
         this kernel can't do it, the machine needs the capability docker-nesting, which lets containers in."
    )
}

/// The nodes that are there and weren't asked for.
fn unasked(devices: &str) -> impl Iterator<Item = &'static str> {
    UNASKED.iter().copied().filter(move |node| !devices.split(':').any(|device| device == *node))
}

/// Takes all mounts from `node` and the file that they were mounted over. In an unprivileged container nobody can make it again.
fn take_away(node: &Path) -> io::Result<()> {
    while umount2(node, MntFlags::MNT_DETACH).is_ok() {}
    match fs::remove_file(node) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn console(line: &str) {
    let text = format!("codchi: {line}\n");
    let written =
        fs::File::options().write(true).open("/dev/console").and_then(|mut c| c.write_all(text.as_bytes()));
    if written.is_err() {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        for good in ["a", "hello", "my-machine-2", "A9"] {
            assert!(is_host_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a.b", "a_b", "ü", "a b", &"x".repeat(64)] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }

    #[test]
    fn what_was_asked_for_stays() {
        let unasked = |devices| super::unasked(devices).collect::<Vec<_>>();
        assert_eq!(unasked("none"), UNASKED);
        assert_eq!(unasked("/dev/video0:/dev/fuse"), ["/dev/net/tun"]);
        assert_eq!(unasked("/dev/fuse:/dev/net/tun"), [""; 0]);
        assert_eq!(unasked("/dev/fuse2"), UNASKED);
    }

    #[test]
    fn the_console_says_why_containers_are_not_kept_out() {
        let error = NestingError::Place(io::Error::from_raw_os_error(1));
        let text = not_kept_out("web", &error);
        assert!(text.starts_with("web cannot boot: ") && text.contains("Operation not permitted"), "{text}");
        assert!(text.contains("`codchi restart web`") && text.contains("docker-nesting"), "{text}");
    }

    #[test]
    fn the_console_says_which_part_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let profile = dir.path().join("system");
        let init = profile.join("init");
        let error = io::Error::from(io::ErrorKind::NotFound);
        let text = explain("web", &profile, &init, &error);
        assert!(text.contains("no system yet") && text.contains("codchi rebuild web"), "{text}");
        std::os::unix::fs::symlink(dir.path().join("gone"), &profile).unwrap();
        assert!(explain("web", &profile, &init, &error).contains("not in the store"));
        fs::create_dir(dir.path().join("gone")).unwrap();
        fs::write(&init, "").unwrap();
        assert!(explain("web", &profile, &init, &error).contains("cannot be executed"));
    }
}
