//! The command line of `ctrl-serve`, parsed by hand: a few verbs do not need an argument library in a binary
//! that every machine carries.

use std::path::PathBuf;
use std::time::Duration;

use crate::access::FAMILY;
use crate::confine::View;
use crate::nesting::SEAL;

/// How long the waits last unless `--timeout-ms` says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// What `--help` prints.
pub(crate) const USAGE: &str = "usage: ctrl-serve health
       ctrl-serve wait-ready [--timeout-ms N]   in the controller: until nix-daemon answers
       ctrl-serve wait-up [--timeout-ms N]      in a machine: until its boot has finished
       ctrl-serve deliver [--timeout-ms N] [--await-accounts]
                                                in a machine: replace its secrets with the document on standard input
       ctrl-serve wait-delivered [--timeout-ms N]   in a machine: until its secrets are there
       ctrl-serve pack                          in a machine: write its own files to standard output, as a tar archive
       ctrl-serve unpack                        in an idle machine: lay out the archive on standard input
       ctrl-serve forget-identity               in an idle machine: have systemd make another machine id
       ctrl-serve put DIR                       replace DIR with the tar archive on standard input
       ctrl-serve add-generation DIR SYSTEM     in the controller: make SYSTEM the newest of the profile in DIR
       ctrl-serve switch-generation DIR NUMBER  in the controller: make a generation the current one
       ctrl-serve roots                         in the controller: keep what links in machines keep, and name the machines seen
       ctrl-serve host                          in the controller: take over the host's settings on standard input
       ctrl-serve with-access NAME -- PROGRAM…  run a program with what it may use, on standard input
       ctrl-serve confine [--hide DIR]… [--keep PATH]… -- PROGRAM…   run a program that sees and may do less
       ctrl-serve agent-bridge NAME             carry an SSH agent over standard input and output
       ctrl-serve --version";

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Be PID 1.
    Init,
    /// Internal: take the listening socket on standard input and become `nix-daemon`.
    Daemon,
    /// Internal: become this program, with no signal blocked.
    Become {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Print the health object.
    Health,
    /// Wait until the controller is ready.
    WaitReady {
        /// Longest wait.
        timeout: Duration,
    },
    /// Wait until the machine has finished booting.
    WaitUp {
        /// Longest wait.
        timeout: Duration,
    },
    /// Replace what is delivered to the machine.
    Deliver {
        /// Longest wait for the machine's tmpfs, and for its accounts.
        timeout: Duration,
        /// Whether to wait for users and groups that aren't there yet.
        await_accounts: bool,
    },
    /// Wait until something is delivered.
    WaitDelivered {
        /// Longest wait.
        timeout: Duration,
    },
    /// Write the machine's own files.
    Pack,
    /// Lay out a machine's own files.
    Unpack,
    /// Forget which machine this is.
    ForgetIdentity,
    /// Replace a directory.
    Put {
        /// Absolute path of the directory.
        dir: PathBuf,
    },
    /// Make a system the newest generation of a profile.
    AddGeneration {
        /// Absolute path of the profile's directory.
        dir: PathBuf,
        /// The path of the store.
        system: String,
    },
    /// Make a generation the current one.
    SwitchGeneration {
        /// Absolute path of the profile's directory.
        dir: PathBuf,
        /// The generation.
        number: u64,
    },
    /// Keep what machines keep.
    Roots,
    /// Take over what the controller has from its host.
    Host,
    /// Run a program with the user's access.
    WithAccess {
        /// The name of its directory.
        name: String,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Become a program that sees and may do less.
    Confine {
        /// What it sees.
        view: View,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Carry an SSH agent.
    AgentBridge {
        /// The name of its directory.
        name: String,
    },
    /// Internal: answer git's question for a name and a token.
    GitCredential {
        /// Where they are.
        file: PathBuf,
        /// `get`, `store` or `erase`.
        action: String,
    },
    /// Internal: be git's ssh.
    GitSsh {
        /// The servers and what may be read there.
        file: PathBuf,
        /// The program and its own arguments.
        program: Vec<String>,
        /// Git's arguments.
        asked: Vec<String>,
    },
    /// Internal: be PID 1 of this program's own PID namespace.
    Family {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Internal: hand over a `/proc` whose parts can't be unmounted.
    SealProc,
    /// Print the version.
    Version,
    /// Print the usage.
    Help,
}

/// Why a command line was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("no command given")]
    Missing,
    #[error("unknown command {0:?}")]
    Unknown(String),
    #[error("unexpected argument {0:?}")]
    Unexpected(String),
    #[error("--timeout-ms needs a number of milliseconds, not {0:?}")]
    Timeout(String),
    #[error("put needs an absolute directory")]
    Directory,
    #[error("confine needs absolute paths and a program after --")]
    Confine,
    #[error("a generation is a number, not {0:?}")]
    Generation(String),
}

/// Parses `args` (with the program's name first). PID 1 is the init, whatever the engine passes it, but for that of a program's own
/// PID namespace.
pub(crate) fn parse(args: &[String], is_init: bool) -> Result<Invocation, UsageError> {
    if is_init && args.get(1).is_none_or(|verb| verb != FAMILY) {
        return Ok(Invocation::Init);
    }
    let mut rest = args.iter().skip(1).map(String::as_str);
    let verb = rest.next().ok_or(UsageError::Missing)?;
    let rest: Vec<&str> = rest.collect();
    match (verb, rest.as_slice()) {
        ("wait-ready", rest) => Ok(Invocation::WaitReady { timeout: timeout(rest)? }),
        ("wait-up", rest) => Ok(Invocation::WaitUp { timeout: timeout(rest)? }),
        ("deliver", [rest @ .., "--await-accounts"]) => {
            Ok(Invocation::Deliver { timeout: timeout(rest)?, await_accounts: true })
        }
        ("deliver", rest) => Ok(Invocation::Deliver { timeout: timeout(rest)?, await_accounts: false }),
        ("wait-delivered", rest) => Ok(Invocation::WaitDelivered { timeout: timeout(rest)? }),
        ("become", [_, ..]) => Ok(Invocation::Become { argv: owned(&rest) }),
        (FAMILY, [_, ..]) => Ok(Invocation::Family { argv: owned(&rest) }),
        ("with-access", [name, "--", argv @ ..]) if !argv.is_empty() => {
            Ok(Invocation::WithAccess { name: (*name).into(), argv: owned(argv) })
        }
        ("confine", rest) => confine(rest),
        ("agent-bridge", [name]) => Ok(Invocation::AgentBridge { name: (*name).into() }),
        ("git-credential", [file, action]) => {
            Ok(Invocation::GitCredential { file: PathBuf::from(file), action: (*action).into() })
        }
        ("git-ssh", [file, rest @ ..]) => {
            let mut parts = rest.splitn(2, |word| *word == "--").map(owned);
            match (parts.next().filter(|program| !program.is_empty()), parts.next()) {
                (Some(program), Some(asked)) => {
                    Ok(Invocation::GitSsh { file: PathBuf::from(file), program, asked })
                }
                _ => Err(UsageError::Missing),
            }
        }
        (SEAL, []) => Ok(Invocation::SealProc),
        ("roots", []) => Ok(Invocation::Roots),
        ("host", []) => Ok(Invocation::Host),
        ("put", [dir]) if dir.starts_with('/') => Ok(Invocation::Put { dir: PathBuf::from(dir) }),
        ("add-generation", [dir, system]) if dir.starts_with('/') => {
            Ok(Invocation::AddGeneration { dir: PathBuf::from(dir), system: (*system).into() })
        }
        ("switch-generation", [dir, number]) if dir.starts_with('/') => {
            let number = number.parse().map_err(|_| UsageError::Generation((*number).into()))?;
            Ok(Invocation::SwitchGeneration { dir: PathBuf::from(dir), number })
        }
        ("put", _) => Err(UsageError::Directory),
        ("pack", []) => Ok(Invocation::Pack),
        ("unpack", []) => Ok(Invocation::Unpack),
        ("forget-identity", []) => Ok(Invocation::ForgetIdentity),
        (
            "pack" | "unpack" | "forget-identity" | "roots" | "health" | "daemon" | "--version" | "--help",
            [extra, ..],
        ) => Err(UsageError::Unexpected((*extra).into())),
        ("health", []) => Ok(Invocation::Health),
        ("daemon", []) => Ok(Invocation::Daemon),
        ("--version", []) => Ok(Invocation::Version),
        ("--help", []) => Ok(Invocation::Help),
        (other, _) => Err(UsageError::Unknown(other.into())),
    }
}

fn confine(mut rest: &[&str]) -> Result<Invocation, UsageError> {
    let mut view = View::default();
    loop {
        match rest {
            ["--", argv @ ..] if !argv.is_empty() => {
                return Ok(Invocation::Confine { view, argv: owned(argv) });
            }
            ["--hide", path, more @ ..] if path.starts_with('/') => {
                view.hide.push(PathBuf::from(path));
                rest = more;
            }
            ["--keep", path, more @ ..] if path.starts_with('/') => {
                view.keep.push(PathBuf::from(path));
                rest = more;
            }
            _ => return Err(UsageError::Confine),
        }
    }
}

fn owned(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|a| (*a).to_owned()).collect()
}

fn timeout(rest: &[&str]) -> Result<Duration, UsageError> {
    match rest {
        [] => Ok(DEFAULT_TIMEOUT),
        ["--timeout-ms", n] => {
            n.parse().map(Duration::from_millis).map_err(|_| UsageError::Timeout((*n).into()))
        }
        ["--timeout-ms"] => Err(UsageError::Timeout(String::new())),
        [other, ..] => Err(UsageError::Unexpected((*other).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, UsageError> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&args, false)
    }

    #[test]
    fn pid_1_is_the_init_whatever_its_arguments() {
        assert_eq!(parse(&["/sbin/init".into(), "health".into()], true), Ok(Invocation::Init));
        let family = ["/proc/self/exe", FAMILY, "nix"].map(str::to_owned);
        assert_eq!(parse(&family, true), Ok(Invocation::Family { argv: vec!["nix".into()] }));
    }

    #[test]
    fn verbs_and_their_arguments() {
        assert_eq!(parsed("x health"), Ok(Invocation::Health));
        assert_eq!(parsed("x wait-ready"), Ok(Invocation::WaitReady { timeout: DEFAULT_TIMEOUT }));
        assert_eq!(
            parsed("x wait-up --timeout-ms 1500"),
            Ok(Invocation::WaitUp { timeout: Duration::from_millis(1500) })
        );
        assert_eq!(
            parsed("x deliver --timeout-ms 9"),
            Ok(Invocation::Deliver { timeout: Duration::from_millis(9), await_accounts: false })
        );
        assert_eq!(
            parsed("x deliver --await-accounts"),
            Ok(Invocation::Deliver { timeout: DEFAULT_TIMEOUT, await_accounts: true })
        );
        assert_eq!(parsed("x wait-delivered"), Ok(Invocation::WaitDelivered { timeout: DEFAULT_TIMEOUT }));
        let view = View { hide: vec!["/a".into(), "/b".into()], keep: vec!["/a/c".into()] };
        let argv = vec!["nix".to_owned(), "--hide".to_owned()];
        assert_eq!(
            parsed("x confine --hide /a --keep /a/c --hide /b -- nix --hide"),
            Ok(Invocation::Confine { view, argv })
        );
        assert_eq!(parsed("x roots"), Ok(Invocation::Roots));
        assert_eq!(parsed("x pack"), Ok(Invocation::Pack));
        assert_eq!(parsed("x unpack"), Ok(Invocation::Unpack));
        assert_eq!(parsed("x put /config/a"), Ok(Invocation::Put { dir: "/config/a".into() }));
        assert_eq!(
            parsed("x add-generation /p /nix/store/x"),
            Ok(Invocation::AddGeneration { dir: "/p".into(), system: "/nix/store/x".into() })
        );
        assert_eq!(
            parsed("x switch-generation /p 3"),
            Ok(Invocation::SwitchGeneration { dir: "/p".into(), number: 3 })
        );
    }

    #[test]
    fn bad_lines_are_refused_by_name() {
        assert_eq!(parsed("x"), Err(UsageError::Missing));
        assert_eq!(parsed("x halt"), Err(UsageError::Unknown("halt".into())));
        assert_eq!(parsed("x health now"), Err(UsageError::Unexpected("now".into())));
        assert_eq!(parsed("x pack /home"), Err(UsageError::Unexpected("/home".into())));
        assert_eq!(parsed("x wait-up --timeout-ms soon"), Err(UsageError::Timeout("soon".into())));
        assert_eq!(parsed("x deliver now"), Err(UsageError::Unexpected("now".into())));
        assert_eq!(parsed("x put relative"), Err(UsageError::Directory));
        for line in
            ["x confine", "x confine --", "x confine --hide a -- nix", "x confine --hide", "x confine nix"]
        {
            assert_eq!(parsed(line), Err(UsageError::Confine), "{line}");
        }
        assert_eq!(parsed("x put /a /b"), Err(UsageError::Directory));
        assert_eq!(parsed("x switch-generation /a 2x"), Err(UsageError::Generation("2x".into())));
    }
}
