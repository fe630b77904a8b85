//! A host for tests: a directory with the files that are looked at, variables, a user, and what programs answer (feature `fake`).

use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::BoxStream};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use super::{Group, Host, HostCommand, OnLine, OnTold, Told, User};

/// What a program prints and its exit code.
type Answer = Result<(i32, Vec<String>), io::ErrorKind>;

/// Answers the programs that it knows.
type Handler = Arc<dyn Fn(&[String]) -> Option<BoxFuture<'static, Answer>> + Send + Sync>;

/// A recorded host. It has no programs but those whose answers were scripted.
pub struct RecordedHost {
    root: PathBuf,
    user: User,
    variables: Mutex<BTreeMap<String, String>>,
    answers: Mutex<BTreeMap<Vec<String>, Answer>>,
    handler: Mutex<Option<Handler>>,
    ran: Mutex<Vec<Vec<String>>>,
    elevated: Mutex<Vec<Vec<Vec<String>>>>,
    device_changes: broadcast::Sender<()>,
}

/// A test that panicked with the lock held has failed already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RecordedHost {
    /// A host whose files are those below `root`, with the user `me` of number 1000 and no variable.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            user: User {
                name: "me".into(),
                uid: 1000,
                gid: 1000,
                groups: vec![Group { gid: 1000, name: "me".into() }],
            },
            variables: Mutex::default(),
            answers: Mutex::default(),
            handler: Mutex::default(),
            ran: Mutex::default(),
            elevated: Mutex::default(),
            device_changes: broadcast::channel(16).0,
        }
    }

    /// Lets somebody else run this process.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// Puts the user into one more group.
    #[must_use]
    pub fn with_group(mut self, gid: u32, name: &str) -> Self {
        self.user.groups.push(Group { gid, name: name.into() });
        self
    }

    /// Sets a variable; one that is set to nothing counts as not set.
    #[must_use]
    pub fn with_variable(self, name: &str, value: &str) -> Self {
        self.set_variable(name, value);
        self
    }

    /// Sets a variable from now on.
    pub fn set_variable(&self, name: &str, value: &str) {
        lock(&self.variables).insert(name.into(), value.into());
    }

    /// Scripts what the command with exactly this `argv` does from now on, elevated or not.
    pub fn answer(&self, argv: &[&str], code: i32, lines: &[&str]) {
        let lines = lines.iter().map(ToString::to_string).collect();
        lock(&self.answers).insert(argv.iter().map(ToString::to_string).collect(), Ok((code, lines)));
    }

    /// Lets the command with exactly this `argv` fail from now on.
    pub fn fail(&self, argv: &[&str], error: io::ErrorKind) {
        lock(&self.answers).insert(argv.iter().map(ToString::to_string).collect(), Err(error));
    }

    /// Answers the commands that aren't scripted; `None` for those that there are not.
    pub fn on_run<F>(&self, handler: impl Fn(&[String]) -> Option<F> + Send + Sync + 'static)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        *lock(&self.handler) = Some(Arc::new(move |argv| handler(argv).map(|answer| answer.boxed())));
    }

    /// Tells that a device came or went.
    pub fn change_devices(&self) {
        // Nobody listening is fine.
        let _ = self.device_changes.send(());
    }

    /// The commands that were run, in their order; also those that there are not.
    pub fn ran(&self) -> Vec<Vec<String>> {
        lock(&self.ran).clone()
    }

    /// Those of them for which the administrator's rights were asked for: one entry for each prompt.
    pub fn elevated(&self) -> Vec<Vec<Vec<String>>> {
        lock(&self.elevated).clone()
    }

    async fn perform(&self, argv: &[String], on_line: OnLine<'_>) -> io::Result<i32> {
        lock(&self.ran).push(argv.to_vec());
        let scripted = lock(&self.answers).get(argv).cloned();
        let handler = lock(&self.handler).clone();
        let handled = || handler.and_then(|handler| handler(argv));
        let answer = match (scripted, handled) {
            (Some(answer), _) => answer,
            (None, handled) => match handled() {
                Some(answer) => answer.await,
                None => Err(io::ErrorKind::NotFound),
            },
        };
        let (code, lines) = answer?;
        lines.iter().for_each(|line| on_line(line));
        Ok(code)
    }
}

#[async_trait]
impl Host for RecordedHost {
    fn path(&self, absolute: &Path) -> PathBuf {
        let parts = absolute.components().filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(parts.collect::<PathBuf>())
    }

    fn variable(&self, name: &str) -> Option<String> {
        lock(&self.variables).get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn user(&self) -> User {
        self.user.clone()
    }

    fn device_changes(&self) -> BoxStream<'static, ()> {
        BroadcastStream::new(self.device_changes.subscribe()).map(drop).boxed()
    }

    async fn run(&self, command: &HostCommand, on_line: OnLine<'_>) -> io::Result<i32> {
        self.perform(&command.argv, on_line).await
    }

    async fn run_as_administrator(&self, commands: &[Vec<String>], told: OnTold<'_>) -> io::Result<i32> {
        lock(&self.elevated).push(commands.to_vec());
        for (number, argv) in commands.iter().enumerate() {
            told(Told::Begins(number));
            let code = self.perform(argv, &mut |line| told(Told::Prints(line))).await?;
            if code != 0 {
                return Ok(code);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_is_what_was_recorded() {
        let host = RecordedHost::new("/recorded").with_variable("A", "1").with_variable("B", "");
        assert_eq!(host.path(Path::new("/dev/kvm")), Path::new("/recorded/dev/kvm"));
        assert_eq!(host.path(Path::new("/../etc")), Path::new("/recorded/etc"));
        assert_eq!((host.variable("A").as_deref(), host.variable("B")), (Some("1"), None));
        host.answer(&["lxd", "--version"], 0, &["5.0.2"]);
        let command = |argv: &[&str]| HostCommand {
            argv: argv.iter().map(ToString::to_string).collect(),
            limit: Duration::from_secs(1),
        };
        let mut lines = Vec::new();
        let code = host.run(&command(&["lxd", "--version"]), &mut |line| lines.push(line.to_owned())).await;
        assert_eq!((code.unwrap(), lines), (0, vec!["5.0.2".to_owned()]));
        let missing = host.run(&command(&["lxd", "init"]), &mut |_| {}).await.unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert_eq!(host.ran().len(), 2);
    }
}
