//! The guest's programs for the in-memory engine, as far as the suite runs them.

use std::io;

use async_trait::async_trait;
use codchi_controller::driver::{
    Driver, DriverError, InstanceName, InstanceState, Terminal,
    fake::{Fake, FakeProcess},
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::Outside;

/// An engine in memory whose instances know the guest's programs.
pub fn fake() -> Fake {
    let fake = Fake::new();
    fake.on_exec(|mut process| async move {
        match program(&mut process).await {
            Ok(code) => code,
            Err(error) => {
                let text = match error.kind() {
                    io::ErrorKind::ReadOnlyFilesystem => "Read-only file system".to_owned(),
                    _ => error.to_string(),
                };
                let _ = process.stderr.write_all(text.as_bytes()).await;
                1
            }
        }
    });
    fake
}

async fn program(process: &mut FakeProcess) -> io::Result<i32> {
    let argv = process.spec.argv.clone();
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let (uid, gid) = process.spec.user.unwrap_or_default();
    let text = match argv.as_slice() {
        ["true"] => String::new(),
        ["printf", "%s\\0", arguments @ ..] => {
            arguments.iter().flat_map(|argument| [argument, "\0"]).collect()
        }
        ["sh", "-c", "echo \"$NAME\""] => {
            format!("{}\n", process.spec.env.get("NAME").cloned().unwrap_or_default())
        }
        ["pwd"] => format!("{}\n", process.spec.cwd.as_deref().unwrap_or("/root")),
        ["id", "-u"] => format!("{uid}\n"),
        ["id", "-g"] => format!("{gid}\n"),
        ["cat"] => {
            tokio::io::copy(&mut process.stdin, &mut process.stdout).await?;
            String::new()
        }
        ["cat", "/greeting"] => {
            format!("{}\n", process.environment().get("GREETING").cloned().unwrap_or_default())
        }
        ["cat", path] => {
            process.stdout.write_all(&process.read(path)?).await?;
            String::new()
        }
        ["tee", path] => {
            let mut bytes = Vec::new();
            process.stdin.read_to_end(&mut bytes).await?;
            process.write(path, bytes)?;
            String::new()
        }
        ["sleep", _] => std::future::pending().await,
        ["mount", ..] => return Ok(1),
        ["sh", "-c", script] => return shell(process, script).await,
        _ => return Ok(127),
    };
    process.stdout.write_all(text.as_bytes()).await?;
    Ok(0)
}

async fn shell(process: &mut FakeProcess, script: &str) -> io::Result<i32> {
    if let Some(code) = script.strip_prefix("exit ") {
        return code.parse().map_err(io::Error::other);
    }
    match script {
        "echo out; echo err >&2; exit 3" => {
            process.stdout.write_all(b"out\n").await?;
            process.stderr.write_all(b"err\n").await?;
            Ok(3)
        }
        "read line; echo done >/detached" => {
            BufReader::new(&mut process.stdin).read_line(&mut String::new()).await?;
            process.write("/detached", "done\n")?;
            Ok(0)
        }
        "sleep 60 & echo hi" => {
            process.stdout.write_all(b"hi\n").await?;
            Ok(0)
        }
        script if script.contains("stty size") => {
            let mut lines = BufReader::new(&mut process.stdin).lines();
            loop {
                let Terminal { columns, rows } =
                    process.terminal.borrow().ok_or(io::ErrorKind::Unsupported)?;
                process.stdout.write_all(format!("{rows} {columns}\r\n").as_bytes()).await?;
                let Some(line) = lines.next_line().await? else { return Ok(9) };
                process.stdout.write_all(format!("{line}\r\n").as_bytes()).await?;
                if line == "q" {
                    return Ok(5);
                }
            }
        }
        _ => Ok(2),
    }
}

/// What happens to the in-memory engine from outside.
#[async_trait]
impl Outside for Fake {
    async fn start(&self, instance: &InstanceName) {
        self.set_state_from_outside(instance, InstanceState::Running);
    }
    async fn stop(&self, instance: &InstanceName) {
        self.set_state_from_outside(instance, InstanceState::Stopped);
    }
    async fn make_foreign(&self, name: &str) {
        Fake::make_foreign(self, name);
    }
    async fn delete_foreign(&self, name: &str) {
        Fake::delete_foreign(self, name);
    }
    async fn stop_engine(&self) {
        self.set_reachable(false);
    }
    async fn start_engine(&self) {
        self.set_reachable(true);
    }
    async fn denied(&self) -> DriverError {
        self.set_denied(true);
        let error = self.engine().await.unwrap_err();
        self.set_denied(false);
        error
    }
}
