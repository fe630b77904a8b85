//! Git on this computer: reading a repository that the user named by its directory, without running anything that it configures.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use codchi_controller::nix::NixError;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdout, Command},
    task::JoinHandle,
};

/// How much git may answer.
const ANSWER: u64 = 64 << 20;
/// How much of what git says is kept for an error.
const SAID: u64 = 64 << 10;
/// How long git may take to answer. A pipe in its directory would keep it waiting for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the files of a checkout are looked at for changes: it is only a hint.
const LOOK: Duration = Duration::from_secs(5);
/// The variables of our environment that git may see. None that begins with `GIT_` is among them.
const PASSED: &[&str] = &["PATH", "HOME", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP"];

/// A git repository of this computer.
pub(super) struct HostRepository<'a> {
    git: &'a Path,
    path: PathBuf,
    patience: Duration,
}

/// A git that packs.
pub(super) struct Packing {
    child: Child,
    /// What it says; read all the while, or it would wait for that.
    said: JoinHandle<std::io::Result<String>>,
}

/// What a repository's branches and tags point to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refs {
    /// Names (`refs/heads/main`) and the objects they point to, sorted by name.
    pub(super) refs: Vec<(String, String)>,
    /// The branch that is checked out.
    pub(super) head: Option<String>,
}

/// The branch that stands for a checked out commit without a branch.
pub(super) const DETACHED: &str = "refs/heads/codchi-detached-head";

impl<'a> HostRepository<'a> {
    /// The repository in `path`.
    pub(super) async fn open(git: &'a Path, path: PathBuf) -> Result<Self, NixError> {
        let refuse = |reason: &str| {
            Err(NixError::Repository { path: path.display().to_string(), reason: reason.into() })
        };
        match tokio::fs::metadata(&path).await {
            Ok(metadata) if !metadata.is_dir() => return refuse("it is a file, not a directory"),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return refuse("there is no such directory");
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return refuse("this user may not read it");
            }
            Err(error) => return refuse(&error.to_string()),
        }
        let exists = |name: &str| tokio::fs::try_exists(path.join(name));
        let is_checkout = exists(".git").await.unwrap_or(false);
        let is_bare = exists("HEAD").await.unwrap_or(false) && exists("objects").await.unwrap_or(false);
        if !is_checkout && !is_bare {
            let above = path.ancestors().skip(1).find(|dir| dir.join(".git").exists());
            return match above {
                Some(above) => {
                    let dir = path.strip_prefix(above).unwrap_or(&path).display();
                    refuse(&format!(
                        "it is inside of the git repository {0}; write {0}?dir={dir}",
                        above.display()
                    ))
                }
                None => {
                    refuse("it is not a git repository; make it one with: git init, git add . and git commit")
                }
            };
        }
        let this = Self { git, path, patience: PATIENCE };
        if this.ask(["rev-parse", "--is-shallow-repository"]).await?.trim() == "true" {
            return Err(this.error("it is a shallow clone; complete it with: git fetch --unshallow"));
        }
        Ok(this)
    }

    fn error(&self, reason: impl Into<String>) -> NixError {
        NixError::Repository { path: self.path.display().to_string(), reason: reason.into() }
    }

    /// `git ARGS` in the repository. Hooks, monitors, transports and missing objects that would be fetched are switched off.
    /// `trusted` also reads a repository that belongs to somebody else.
    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, trusted: bool) -> Command {
        let mut command = Command::new(self.git);
        command
            .env_clear()
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("LC_ALL", "C").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" });
        command
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_REPLACE_OBJECTS", "1");
        command.arg("-C").arg(&self.path).args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "protocol.allow=never",
            "-c",
            "core.pager=cat",
        ]);
        if trusted {
            let mut safe = std::ffi::OsString::from("safe.directory=");
            safe.push(&self.path);
            command.arg("-c").arg(safe);
            // A checkout's git directory may be elsewhere (worktrees, links): owners are not what protects here.
            command.args(["-c", "safe.directory=*"]);
        }
        command.args(args);
        command
    }

    fn not_started(&self, error: &std::io::Error) -> NixError {
        self.error(match error.kind() {
            std::io::ErrorKind::NotFound => "git is not installed on this computer".to_owned(),
            _ => format!("git can't be run: {error}"),
        })
    }

    /// Runs git and returns its exit code, stdout and stderr. It ends with this future, or when it takes too long.
    async fn run(&self, mut command: Command) -> Result<(Option<i32>, String, String), NixError> {
        let mut child = command.spawn().map_err(|error| self.not_started(&error))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let answer = async {
            let (stdout, stderr) = tokio::try_join!(read(out, ANSWER), read(err, SAID))?;
            Ok::<_, std::io::Error>((child.wait().await?, stdout, stderr))
        };
        let (status, stdout, stderr) = self.in_time(answer).await?;
        Ok((status.code(), stdout, stderr))
    }

    async fn in_time<T>(&self, answer: impl Future<Output = std::io::Result<T>>) -> Result<T, NixError> {
        match tokio::time::timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(|error| self.error(error.to_string())),
            Err(_) => Err(self.error(format!(
                "git didn't answer within {} s; something in its directory may be no file",
                self.patience.as_secs()
            ))),
        }
    }

    /// Runs git, which must do well.
    async fn ask<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<String, NixError> {
        let (code, stdout, stderr) = self.run(self.command(args, true)).await?;
        if code == Some(0) { Ok(stdout) } else { Err(self.error(reason(&stderr))) }
    }

    /// The commit that a branch, a full name or (`None`) the checkout means, and for an annotated tag the tag itself, too. Nothing
    /// when there is none.
    pub(super) async fn commits(&self, reference: Option<&str>) -> Result<Vec<String>, NixError> {
        let name = match reference {
            None => "HEAD".to_owned(),
            Some(full) if full == "HEAD" || full.starts_with("refs/") => full.to_owned(),
            Some(branch) => format!("refs/heads/{branch}"),
        };
        let mut found = Vec::new();
        for object in [format!("{name}^{{commit}}"), name] {
            let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &object];
            let (code, stdout, _) = self.run(self.command(args, true)).await?;
            if code != Some(0) {
                break;
            }
            found.push(stdout.trim().to_owned());
        }
        Ok(found)
    }

    /// Branches, tags and what is checked out.
    pub(super) async fn refs(&self) -> Result<Refs, NixError> {
        let list = ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"];
        let (list, head, commit) = tokio::try_join!(
            self.ask(list),
            self.run(self.command(["symbolic-ref", "--quiet", "HEAD"], true)),
            self.commits(None),
        )?;
        let mut refs = Refs::default();
        for line in list.lines() {
            if let Some((object, name)) = line.split_once(' ') {
                refs.refs.push((name.to_owned(), object.to_owned()));
            }
        }
        match (head, commit) {
            ((Some(0), branch, _), _) => refs.head = Some(branch.trim().to_owned()),
            (_, commits) if !commits.is_empty() => {
                let commit = commits.into_iter().next().unwrap_or_default();
                refs.refs.push((DETACHED.to_owned(), commit));
                refs.head = Some(DETACHED.to_owned());
            }
            _ => {}
        }
        if refs.refs.is_empty() {
            return Err(self.error("it has no commits yet; make one with: git add . and git commit"));
        }
        refs.refs.sort_unstable();
        Ok(refs)
    }

    /// Whether files differ from the last commit. Where that can't be found out without trusting the repository's configuration
    /// (it belongs to somebody else), the answer is no.
    pub(super) async fn has_uncommitted_changes(&self) -> bool {
        // A filter is a program that the repository names and `status` may run: all are replaced by nothing.
        let names = [
            "config",
            "--null",
            "--name-only",
            "--get-regexp",
            "^filter\\..*\\.(clean|process|smudge|required)$",
        ];
        let (Ok((_, names, _)), args) = (
            self.run(self.command(names, false)).await,
            ["status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=all"],
        ) else {
            return false;
        };
        let mut status = self.command(args, false);
        let names: Vec<&str> = names.split_terminator('\0').collect();
        status.env("GIT_CONFIG_COUNT", names.len().to_string());
        for (i, name) in names.iter().enumerate() {
            let value = if name.ends_with(".required") { "false" } else { "" };
            status.env(format!("GIT_CONFIG_KEY_{i}"), name).env(format!("GIT_CONFIG_VALUE_{i}"), value);
        }
        let looked = tokio::time::timeout(LOOK, self.run(status)).await;
        matches!(looked, Ok(Ok((Some(0), changes, _))) if !changes.is_empty())
    }

    /// Which of these objects the repository has.
    pub(super) async fn having(&self, objects: &[&str]) -> Result<Vec<String>, NixError> {
        let mut child = self.spawn_with_input(["cat-file", "--batch-check=%(objectname)", "--buffer"])?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = objects.join("\n") + "\n";
        let write = async {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            Ok::<_, std::io::Error>(())
        };
        let answer = async {
            let ((), answer, _) = tokio::try_join!(write, read(stdout, ANSWER), read(stderr, SAID))?;
            child.wait().await?;
            Ok(answer)
        };
        let answer = self.in_time(answer).await?;
        Ok(answer.lines().filter(|line| !line.contains(' ')).map(str::to_owned).collect())
    }

    /// Starts packing everything that `wanted` needs and `known` doesn't; the second is the pack.
    pub(super) async fn pack(
        &self,
        wanted: &[&str],
        known: &[String],
    ) -> Result<(Packing, Option<ChildStdout>), NixError> {
        // The way is short: speed counts, not size.
        let args = [
            "-c",
            "pack.compression=1",
            "pack-objects",
            "--revs",
            "--thin",
            "--stdout",
            "--delta-base-offset",
            "--quiet",
        ];
        let mut child = self.spawn_with_input(args)?;
        let mut input = String::new();
        for object in wanted {
            input.push_str(&format!("{object}\n"));
        }
        for object in known {
            input.push_str(&format!("^{object}\n"));
        }
        let said = tokio::spawn(read(child.stderr.take(), SAID));
        if let Some(mut stdin) = child.stdin.take() {
            // The list is read before the first byte of the pack is written.
            self.in_time(stdin.write_all(input.as_bytes())).await?;
        }
        let pack = child.stdout.take();
        Ok((Packing { child, said }, pack))
    }

    /// Waits for a packing git.
    pub(super) async fn packed(&self, packing: Packing) -> Result<(), NixError> {
        let Packing { mut child, said } = packing;
        let status = child.wait().await.map_err(|error| self.error(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        let said = said.await.unwrap_or_else(|join| Err(std::io::Error::other(join)));
        Err(self.error(reason(&said.unwrap_or_default())))
    }

    fn spawn_with_input<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Child, NixError> {
        self.command(args, true).stdin(Stdio::piped()).spawn().map_err(|error| self.not_started(&error))
    }
}

/// Reads a stream to its end, and keeps the first bytes.
async fn read(stream: Option<impl AsyncRead + Unpin>, most: u64) -> std::io::Result<String> {
    let Some(mut stream) = stream else { return Ok(String::new()) };
    let mut kept = Vec::new();
    (&mut stream).take(most).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(String::from_utf8_lossy(&kept).into_owned())
}

/// The reason in git's stderr.
fn reason(stderr: &str) -> String {
    let stderr = crate::sanitize::plain_text(stderr);
    let line = stderr.lines().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = line.or_else(|| stderr.lines().next()).unwrap_or("git failed and said nothing");
    line.trim_start_matches("fatal:").trim_start_matches("error:").trim().to_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn git(dir: &Path, args: &[&str]) {
        let mut git = std::process::Command::new("git");
        git.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").status().unwrap().success());
    }

    fn repository(dir: &Path) {
        git(dir, &["init", "--quiet", "--initial-branch=main"]);
        std::fs::write(dir.join("flake.nix"), "{ }").unwrap();
        git(dir, &["add", "."]);
        git(dir, &["commit", "--quiet", "-m", "one"]);
    }

    #[tokio::test]
    async fn a_pipe_in_its_directory_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        repository(dir.path());
        let packed = dir.path().join(".git/packed-refs");
        assert!(std::process::Command::new("mkfifo").arg(&packed).status().unwrap().success());
        let patience = Duration::from_millis(300);
        let repository = HostRepository { git: Path::new("git"), path: dir.path().into(), patience };
        let error = repository.refs().await.unwrap_err().to_string();
        assert!(error.contains("git didn't answer"), "{error}");
    }

    #[tokio::test]
    async fn a_git_that_says_much_is_listened_to() {
        let dir = tempfile::tempdir().unwrap();
        repository(dir.path());
        let talker = dir.path().join("talker");
        let script = "#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' w >&2\nexec git \"$@\"\n";
        // Written by another process: a child of another test may hold what this one has open, and it couldn't be run then.
        let write = ["-c", r#"printf '%s' "$1" >"$0" && chmod 755 "$0""#, talker.to_str().unwrap(), script];
        assert!(std::process::Command::new("sh").args(write).status().unwrap().success());
        let repository = HostRepository { git: &talker, path: dir.path().into(), patience: PATIENCE };
        let commit = repository.commits(None).await.unwrap().remove(0);
        let (packing, pack) = repository.pack(&[&commit], &[]).await.unwrap();
        let mut bytes = Vec::new();
        pack.unwrap().read_to_end(&mut bytes).await.unwrap();
        repository.packed(packing).await.unwrap();
        assert!(bytes.starts_with(b"PACK"));
        assert_eq!(repository.having(&[&commit]).await.unwrap(), [commit]);
    }
}
