//! Machines from inside: starting one until its system is up, and running our own commands in containers.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::{LogLevel, LogLine, Observer as _},
    containers,
    controller::Controller,
    driver::{Exec, ExecSpec, InstanceName, InstanceStatus, Role},
    error::Error,
    machine::MachineName,
    operation::Journal,
};

/// How long a system may take to come up.
const UP_MS: u64 = 120_000;

/// How long a machine may take to answer what it knows at once.
const ANSWER: Duration = Duration::from_secs(60);

/// The exit code of what was killed.
const KILLED: i32 = 128 + 9;

/// How many of the last lines of a command are kept for a failure.
const LAST_LINES: usize = 20;

/// How long a line may be; longer ones are cut.
const LINE_BYTES: u64 = 64 << 10;

impl Controller {
    /// The engine's view of a machine's container.
    pub(crate) async fn instance(&self, machine: &MachineName) -> Result<Option<InstanceStatus>, Error> {
        Ok(self.driver.instance(&Role::Machine(machine.clone()).instance()).await?)
    }

    /// Starts a machine and waits until its system is up. Returns what is noteworthy.
    pub(crate) async fn start_and_wait(
        &self,
        machine: &MachineName,
        journal: &Journal,
    ) -> Result<Vec<String>, Error> {
        let name = Role::Machine(machine.clone()).instance();
        // Read first: a store that stays locked is no reason to have a machine run without its secrets.
        let requirements = self.machines.record(machine)?.given();
        let delivery = self.prepare_delivery(machine, &requirements).await?;
        let start = async {
            self.configure_machine(machine).await?;
            Ok::<_, Error>(self.driver.start(&name).await?)
        };
        journal.step("start the container", start).await?;
        self.show_root(machine).await;
        let mut warnings = Vec::new();
        if let Some(delivery) = delivery {
            if !delivery.missing.is_empty() {
                warnings.push(format!("these secrets aren't set: {}", delivery.missing.join(", ")));
            }
            let deliver = journal.unless_cancelled(self.deliver(machine, &delivery));
            journal.step("deliver the secrets", deliver).await?;
        }
        let timeout = UP_MS.to_string();
        let spec =
            containers::in_machine([containers::MACHINE_CTRL_SERVE, "wait-up", "--timeout-ms", &timeout]);
        let wait = async { Ok::<_, Error>(self.driver.exec(&name, spec).await?.output().await?) };
        let wait = journal.step("wait until the system is up", wait);
        let output = journal.unless_cancelled(wait).await?;
        let state = crate::activity::plain(String::from_utf8_lossy(&output.stdout).trim());
        match state.as_str() {
            "running" => Ok(warnings),
            "degraded" => {
                let failed = self.failed_units(machine, journal.cancel()).await?.join(", ");
                journal.say(LogLevel::Warning, format!("units that failed: {failed}"));
                warnings.push(format!("these units failed: {failed}"));
                Ok(warnings)
            }
            _ => Err(Error::Boot {
                machine: machine.clone(),
                reason: if state.is_empty() {
                    "it said nothing in time".into()
                } else {
                    format!("it is {state}")
                },
                output: String::from_utf8_lossy(&output.stderr).lines().map(crate::activity::plain).collect(),
            }),
        }
    }

    /// The units that failed in a running machine.
    ///
    /// # Errors
    /// Also when it doesn't answer, or `cancel` comes first.
    pub(crate) async fn failed_units(
        &self,
        machine: &MachineName,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, Error> {
        let name = Role::Machine(machine.clone()).instance();
        let list = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend"];
        let answer = async {
            Ok::<_, Error>(self.driver.exec(&name, containers::in_machine(list)).await?.output().await?)
        };
        let output = tokio::select! {
            answer = tokio::time::timeout(ANSWER, answer) => {
                answer.unwrap_or_else(|_| Err(Error::NoAnswer { machine: machine.clone() }))?
            }
            () = cancel.cancelled() => return Err(Error::Cancelled),
        };
        let stdout = String::from_utf8_lossy(&output.stdout);
        Ok(stdout.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    }

    /// Runs a command of ours in a container; what it prints goes to the log. Returns its exit code and last lines. When `given_up` comes
    /// first, the command is killed, and the last line is what `given_up` says.
    pub(crate) async fn run_in(
        &self,
        instance: &InstanceName,
        spec: ExecSpec,
        journal: &Journal,
        given_up: impl Future<Output = &'static str>,
    ) -> Result<(i32, Vec<String>), Error> {
        let Exec { stdout, stderr, mut control, .. } = self.driver.exec(instance, spec).await?;
        let output = async { tokio::join!(tee(stdout, journal), tee(stderr, journal)) };
        let (out, err) = tokio::select! {
            output = output => output,
            reason = given_up => {
                control.kill().await?;
                return Ok((KILLED, vec![reason.to_owned()]));
            }
        };
        let code = control.wait().await?;
        Ok((code, out.into_iter().chain(err).collect()))
    }
}

/// Copies lines into the log and returns the last ones. Secrets are masked before it is cut into lines: one may be longer.
async fn tee(stream: impl AsyncRead + Unpin, journal: &Journal) -> Vec<String> {
    use tokio::io::AsyncReadExt as _;
    let mut last = std::collections::VecDeque::new();
    let mut log = |line: &[u8]| {
        let text = crate::activity::plain(&String::from_utf8_lossy(line));
        journal.log(LogLine { activity: None, level: LogLevel::Output, text: text.clone() });
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text);
    };
    let mut reader = BufReader::new(stream);
    let mut redacted = crate::secret::RedactedStream::new(crate::secret::known());
    let (mut line, mut is_over) = (Vec::new(), false);
    while !is_over {
        let mut chunk = Vec::new();
        is_over =
            !matches!((&mut reader).take(LINE_BYTES).read_until(b'\n', &mut chunk).await, Ok(n) if n > 0);
        let shown = if is_over { redacted.finish() } else { redacted.feed(&chunk) };
        for part in shown.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") || line.len() >= LINE_BYTES as usize {
                log(&line);
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        log(&line);
    }
    last.into()
}
