//! [`ThisHost`]: the computer that runs us, as the domain looks at it and runs programs on it.

use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use codchi_controller::{
    activity::plain,
    host::{Host, HostCommand, OnLine, OnTold, Told, User},
};
use futures::stream::BoxStream;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc::{Sender, channel},
    task::JoinSet,
};

use crate::{Environment, device_events};

/// How long a line may be; longer ones are cut into several.
const LINE_BYTES: u64 = 16 << 10;

/// How long what a program left behind may keep its output open.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// pkexec's exit code when it may not run the program.
const NOT_AUTHORIZED: i32 = 127;

/// What pkexec says when nobody is there to ask for a password.
const NO_AGENT: &str = "No authentication agent";

/// The computer that runs us.
#[derive(Clone, Debug)]
pub struct ThisHost {
    environment: Environment,
}

impl ThisHost {
    /// This computer, with the variables of `environment`.
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }
}

#[async_trait]
impl Host for ThisHost {
    fn path(&self, absolute: &Path) -> PathBuf {
        absolute.to_owned()
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.environment.text(name)
    }

    fn user(&self) -> User {
        user()
    }

    fn device_changes(&self) -> BoxStream<'static, ()> {
        device_events::device_changes()
    }

    async fn run(&self, command: &HostCommand, on_line: OnLine<'_>) -> io::Result<i32> {
        tokio::time::timeout(command.limit, run(&command.argv, End::Kill, on_line)).await.unwrap_or_else(
            |_| {
                let program = command.argv.first().map_or("", String::as_str);
                let message = format!("{program} took more than {} s and was ended", command.limit.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            },
        )
    }

    async fn run_as_administrator(&self, commands: &[Vec<String>], told: OnTold<'_>) -> io::Result<i32> {
        elevated(commands, told).await
    }
}

#[cfg(unix)]
fn user() -> User {
    use codchi_controller::host::Group;
    use nix::unistd;

    let (uid, gid) = (unistd::getuid(), unistd::getgid());
    let mut gids = vec![gid];
    gids.extend(unistd::getgroups().unwrap_or_default().into_iter().filter(|other| *other != gid));
    let group = |gid: unistd::Gid| Group {
        gid: gid.as_raw(),
        name: unistd::Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name),
    };
    User {
        name: unistd::User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name),
        uid: uid.as_raw(),
        gid: gid.as_raw(),
        groups: gids.into_iter().map(group).collect(),
    }
}

/// Windows has no numbers for its users; what there is to know of them is not asked there.
#[cfg(not(unix))]
fn user() -> User {
    User::default()
}

/// What says that a command of several begins, with its number after it.
#[cfg(unix)]
const BEGINS: &str = "codchi begins command ";

/// Runs several commands, each preceded by how many words it has, until one fails. Beside what the system gives administrators, programs
/// are looked for where this user finds them.
#[cfg(unix)]
const ONE_AFTER_THE_OTHER: &str = r#"
exec 2>&1
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/snap/bin
begins=$1; shift
for ((number = 0; $#; number++)); do
    count=$1; shift
    echo "$begins$number"
    "${@:1:count}" || exit
    shift "$count"
done
"#;

/// With the rights of the administrator: at once where this process has them, else through the system's own prompt (pkexec), else
/// through a sudo that needs no password. It is said which.
#[cfg(unix)]
async fn elevated(commands: &[Vec<String>], told: OnTold<'_>) -> io::Result<i32> {
    if nix::unistd::geteuid().is_root() {
        let mut code = 0;
        for (number, argv) in commands.iter().enumerate() {
            told(Told::Begins(number));
            code = run(argv, End::Leave, &mut |line| told(Told::Prints(line))).await?;
            if code != 0 {
                break;
            }
        }
        return Ok(code);
    }
    let argv = as_one(commands);
    let mut begins = Begins { next: 0, count: commands.len() };
    if commands.len() == 1 {
        told(Told::Begins(0));
        begins.next = 1;
    }
    told(Told::Prints("asking for the administrator's rights with pkexec"));
    let mut no_agent = false;
    // Its own prompt would need our terminal, which programs that run in the background can't read.
    let pkexec = behind(&["pkexec", "--disable-internal-agent"], &argv);
    let outcome = run(&pkexec, End::Leave, &mut |line| {
        no_agent |= line.contains(NO_AGENT);
        begins.tell(line, told);
    })
    .await;
    let reason = match outcome {
        // "Permission denied" is what a search says that found nothing and met a directory that is closed.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            "there is no pkexec"
        }
        Ok(NOT_AUTHORIZED) if no_agent => "nobody is there to ask for a password",
        outcome => return outcome,
    };
    told(Told::Prints(&format!("{reason}; trying sudo without a password")));
    let sudo = behind(&["sudo", "--non-interactive", "--"], &argv);
    run(&sudo, End::Leave, &mut |line| begins.tell(line, told)).await
}

/// One command that runs them all, which the system asks for at once.
#[cfg(unix)]
fn as_one(commands: &[Vec<String>]) -> Vec<String> {
    if let [command] = commands {
        return command.clone();
    }
    let counted = commands.iter().flat_map(|argv| {
        let count = argv.len().to_string();
        std::iter::once(count).chain(argv.iter().cloned())
    });
    ["bash", "-c", ONE_AFTER_THE_OTHER, "bash", BEGINS]
        .map(str::to_owned)
        .into_iter()
        .chain(counted)
        .collect()
}

/// Hears which of several commands begins.
#[cfg(unix)]
struct Begins {
    /// The only one that may be next.
    next: usize,
    /// How many there are.
    count: usize,
}

#[cfg(unix)]
impl Begins {
    /// Tells what a line of the output is. What was printed before without an end of its line comes first.
    fn tell(&mut self, line: &str, told: OnTold<'_>) {
        match line.rsplit_once(BEGINS) {
            Some((before, number)) if self.next < self.count && number == self.next.to_string() => {
                if !before.is_empty() {
                    told(Told::Prints(before));
                }
                told(Told::Begins(self.next));
                self.next += 1;
            }
            _ => told(Told::Prints(line)),
        }
    }
}

/// UAC elevates whole programs, which then have no output that can be read: not for single commands.
#[cfg(not(unix))]
async fn elevated(_: &[Vec<String>], _: OnTold<'_>) -> io::Result<i32> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "run it as an administrator yourself"))
}

#[cfg(unix)]
fn behind(prefix: &[&str], argv: &[String]) -> Vec<String> {
    prefix.iter().map(ToString::to_string).chain(argv.iter().cloned()).collect()
}

/// What becomes of a program when nobody waits for its end any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is killed with all that it started.
    Kill,
    /// It goes on: it changes the system.
    Leave,
}

/// Runs a program to its end.
async fn run(argv: &[String], end: End, on_line: OnLine<'_>) -> io::Result<i32> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no program to run"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(end == End::Kill);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = Group { child: command.spawn()?, end };
    let (sender, mut lines) = channel(64);
    let mut readers = JoinSet::new();
    if let Some(stdout) = child.child.stdout.take() {
        readers.spawn(read(stdout, sender.clone()));
    }
    if let Some(stderr) = child.child.stderr.take() {
        readers.spawn(read(stderr, sender.clone()));
    }
    drop(sender);
    let status = loop {
        tokio::select! {
            biased;
            Some(line) = lines.recv() => on_line(&line),
            status = child.child.wait() => break status?,
        }
    };
    // A service that it started may keep the other end of the pipes for ever.
    let rest = async {
        while let Some(line) = lines.recv().await {
            on_line(&line);
        }
    };
    let _ = tokio::time::timeout(LEFT_BEHIND, rest).await;
    Ok(code(status))
}

async fn read(stream: impl AsyncRead + Unpin, lines: Sender<String>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!((&mut reader).take(LINE_BYTES).read_until(b'\n', &mut line).await, Ok(count) if count > 0)
    {
        let text = plain(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        if lines.send(text).await.is_err() {
            return;
        }
        line.clear();
    }
}

#[cfg(unix)]
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

#[cfg(not(unix))]
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

/// A running program with its process group.
struct Group {
    child: Child,
    end: End,
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if self.end == End::Kill
            && let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok())
        {
            let _ =
                nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn outcome(argv: &[&str], limit: Duration) -> (io::Result<i32>, Vec<String>) {
        let command = HostCommand { argv: argv.iter().map(ToString::to_string).collect(), limit };
        let mut lines = Vec::new();
        let host = ThisHost::new(Environment::of_process());
        let code = host.run(&command, &mut |line| lines.push(line.to_owned())).await;
        lines.sort();
        (code, lines)
    }

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn both_streams_and_the_code_are_told() {
        let (code, lines) = outcome(&["sh", "-c", "cat; echo a; echo b >&2; exit 3"], SOON).await;
        assert_eq!((code.unwrap(), lines), (3, vec!["a".to_owned(), "b".into()]));
        let (code, _) = outcome(&["sh", "-c", "kill -TERM $$"], SOON).await;
        assert_eq!(code.unwrap(), 128 + 15);
        let (missing, _) = outcome(&["/no/such/program"], SOON).await;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_cut() {
        let (code, lines) = outcome(&["head", "-c", "40000", "/dev/zero"], SOON).await;
        assert_eq!((code.unwrap(), lines.len()), (0, 3));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // The child of the program keeps the other end of the pipe open until it is killed.
        let script = format!("sleep 600 > '{}' & wait", fifo.display());
        let reader = tokio::task::spawn_blocking(move || std::fs::read(fifo));
        let (code, _) = outcome(&["sh", "-c", &script], Duration::from_millis(300)).await;
        assert_eq!(code.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(tokio::time::timeout(SOON, reader).await.unwrap().unwrap().unwrap(), b"");
    }

    #[tokio::test]
    async fn what_changes_the_system_is_not_killed_in_the_middle() {
        let directory = tempfile::tempdir().unwrap();
        let (begun, gate, done) =
            (directory.path().join("begun"), directory.path().join("gate"), directory.path().join("done"));
        for fifo in [&begun, &gate, &done] {
            nix::unistd::mkfifo(fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        let script = format!(
            "echo >'{}'; read -r _ <'{}'; echo done >'{}'",
            begun.display(),
            gate.display(),
            done.display()
        );
        let argv = ["sh", "-c", &script].map(str::to_owned);
        let running = tokio::spawn(async move { run(&argv, End::Leave, &mut |_| {}).await });
        tokio::task::spawn_blocking(move || std::fs::read(begun)).await.unwrap().unwrap();
        running.abort();
        assert!(running.await.is_err());
        let finish = tokio::task::spawn_blocking(move || {
            std::fs::write(gate, "go\n").unwrap();
            std::fs::read_to_string(done).unwrap()
        });
        assert_eq!(tokio::time::timeout(SOON, finish).await.unwrap().unwrap(), "done\n");
    }

    #[tokio::test]
    async fn a_service_left_behind_is_not_waited_for() {
        let (code, lines) = outcome(&["sh", "-c", "echo a; sleep 5 & exit 0"], SOON).await;
        assert_eq!((code.unwrap(), lines), (0, vec!["a".to_owned()]));
    }

    #[tokio::test]
    async fn several_commands_are_run_as_one_until_one_fails() {
        let words = |argv: &[&str]| argv.iter().map(ToString::to_string).collect::<Vec<_>>();
        let commands = [
            words(&["printf", "%s|%s|%s|%s|%s", "a b", "", "$HOME", "'", "2"]),
            words(&["sh", "-c", "echo codchi begins command 7; cat; echo b >&2; exit 7"]),
            words(&["echo", "never"]),
        ];
        let mut heard = Vec::new();
        let mut begins = Begins { next: 0, count: commands.len() };
        let mut hear = |line: &str| begins.tell(line, &mut |told| heard.push(format!("{told:?}")));
        assert_eq!(run(&as_one(&commands), End::Leave, &mut hear).await.unwrap(), 7);
        let expected = [
            Told::Begins(0),
            Told::Prints("a b||$HOME|'|2"),
            Told::Begins(1),
            Told::Prints("codchi begins command 7"),
            Told::Prints("b"),
        ];
        assert_eq!(heard, expected.map(|told| format!("{told:?}")));
        assert_eq!(as_one(&commands[2..]), commands[2], "one needs nobody else");
    }

    #[test]
    fn the_user_is_in_their_own_group() {
        let user = ThisHost::new(Environment::default()).user();
        assert_eq!(user.uid, nix::unistd::getuid().as_raw());
        assert!(!user.name.is_empty() && user.groups.iter().any(|group| group.gid == user.gid));
    }
}
