//! Nix in the controller: the implementation of [`Nix`] over any driver.
//!
//! Every program is run with an argument list, never through a shell. What a repository says is hostile: it is evaluated in pure mode,
//! without import-from-derivation and without its `nixConfig`, within limits of time and size, with a view of the controller in which
//! there is nothing but its own.

mod access;
mod building;
mod closure;
mod discovery;
mod exec;
mod failure;
mod flake_dir;
mod host_git;
mod lock;
mod mirror;
mod profile;
mod resolve;
mod sweep;
mod unchanged;
mod view;

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use codchi_controller::{
    access::{Access, NOTHING, Server},
    activity::{Activity, ActivityKind, ActivityState, Observer},
    containers,
    driver::{Driver, ExecSpec, Role},
    machine::{MachineName, MachineSpec},
    nix::{
        ClosureDiff, Evaluation, Generation, Nix, NixError, Repository, Run, Source, SourceError, StorePath,
    },
};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::{
    flake_ref::{self, Pin},
    log::{ActivityIds, LogReader},
};
use exec::{Command, Limits, Output};
use failure::{Origins, Renamed};
use view::View;

/// Nix for an installation of Codchi: runs in the controller of one driver.
pub struct ControllerNix {
    driver: Arc<dyn Driver>,
    /// The program that reads repositories of this computer.
    git: PathBuf,
    ids: ActivityIds,
}

/// Where the controller has what it generates for machines.
const MACHINES: &str = "/config/machines";
/// Where it has what links in them keep.
const KEPT: &str = "/config/roots";

/// Where the controller keeps the generated flake of a machine.
fn machine_dir(machine: &MachineName) -> String {
    format!("{MACHINES}/{machine}")
}

/// The link that keeps what was last built for a machine. No machine's name has a dot.
fn result_link(machine: &MachineName) -> String {
    format!("{MACHINES}/{machine}.result")
}

/// Where `ctrl-serve roots` keeps what links in a machine keep.
fn roots_dir(machine: &MachineName) -> String {
    format!("{KEPT}/{machine}")
}

/// Nix' name of the platform that the controller runs on: the same processor, and always Linux.
fn system() -> String {
    format!("{}-linux", std::env::consts::ARCH)
}

/// How long the configuration of a machine may take to evaluate. A large one takes half a minute.
const EVALUATION_TIME: Duration = Duration::from_secs(600);
/// How often a configuration is evaluated whose derivation somebody removes before it can be kept. Once is enough: it is kept from then on.
const EVALUATIONS: u32 = 3;
/// How large an answer may be.
const ANSWER: usize = 16 << 20;

impl ControllerNix {
    /// Our own program in the controller.
    const SERVE: &str = "/bin/ctrl-serve";

    /// Nix in the controller of `driver`. `git` is the program that reads repositories of this computer, usually `git`.
    pub fn new(driver: Arc<dyn Driver>, git: impl Into<PathBuf>) -> Self {
        // The controller's own activities begin far above.
        Self { driver, git: git.into(), ids: ActivityIds::starting_at(1) }
    }

    /// A program in the controller with the environment that all of them get.
    fn command<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> ExecSpec {
        containers::in_controller(argv)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
    }

    /// `nix ARGS` with everything that a repository could use against us switched off, and a log for [`LogReader`].
    fn nix(args: &[&str]) -> ExecSpec {
        let always = [
            "--extra-experimental-features",
            "nix-command flakes",
            "--option",
            "accept-flake-config",
            "false",
            "--option",
            "allow-import-from-derivation",
            "false",
            "--log-format",
            "internal-json",
            "-v",
        ];
        Self::command(["nix"].into_iter().chain(args.iter().copied()).chain(always))
    }

    /// Runs Nix; the observer is told what happens. `what` names what is evaluated, for an error.
    async fn run_nix(
        &self,
        action: &str,
        what: &str,
        spec: ExecSpec,
        limits: Limits,
        run: Run<'_>,
        origins: &Origins,
    ) -> Result<Vec<u8>, NixError> {
        let observer = Renamed { observer: run.observer, origins };
        let mut log = LogReader::new(&observer, &self.ids, OffsetDateTime::now_utc);
        let granted = self.grant(spec, run.access).await?;
        let stdin = granted.stdin.as_deref().map_or(exec::Input::Nothing, |bytes| exec::Input::Bytes(bytes));
        let command = Command { action, spec: granted.spec, limits, stdin };
        let mut feed = |chunk: &[u8]| log.feed(chunk);
        let result = exec::run(&*self.driver, command, Some(run.cancel), &mut feed).await;
        let Output { code, stdout, .. } = match result {
            Ok(output) => output,
            Err(error) => {
                log.finish(Some(false));
                return Err(error);
            }
        };
        let report = log.finish(Some(code == 0));
        if code != 0 {
            return Err(failure::of_nix(action, what, code, &report, origins, run.access));
        }
        // Nix goes on with what it has of a repository when a server refuses to tell more.
        failure::of_refused(&report, origins, run.access).map_or(Ok(stdout), Err)
    }

    /// Runs a program that answers at once; fails with its stderr when its exit code isn't 0.
    async fn ask(&self, action: &str, spec: ExecSpec, stdin: exec::Input<'_>) -> Result<Vec<u8>, NixError> {
        let output = self.try_ask(action, spec, stdin).await?;
        if output.code == 0 { Ok(output.stdout) } else { Err(failure::of_program(action, &output)) }
    }

    /// The same, whatever the exit code.
    async fn try_ask(
        &self,
        action: &str,
        spec: ExecSpec,
        stdin: exec::Input<'_>,
    ) -> Result<Output, NixError> {
        self.ask_unless(None, action, spec, stdin).await
    }

    /// The same, unless it is cancelled.
    async fn ask_unless(
        &self,
        cancel: Option<&CancellationToken>,
        action: &str,
        spec: ExecSpec,
        stdin: exec::Input<'_>,
    ) -> Result<Output, NixError> {
        let limits = Limits { time: Some(Duration::from_secs(120)), stdout: 4 * ANSWER };
        let command = Command { action, spec, limits, stdin };
        exec::run(&*self.driver, command, cancel, &mut |_| {}).await
    }

    async fn evaluate_once(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        run: Run<'_>,
    ) -> Result<Evaluation, NixError> {
        let target = format!("path:{}#codchi", machine_dir(machine));
        let eval = Self::nix(&["eval", "--json", "--no-update-lock-file", "--no-write-lock-file", &target]);
        let eval = View::of_machine(machine, spec).limit(eval);
        let limits = Limits { time: Some(EVALUATION_TIME), stdout: ANSWER };
        let action = "evaluate the machine's configuration";
        let what = "the machine's configuration";
        let origins = Origins::of_machine(machine);
        // Nix tells of no activity when it only evaluates, and that may take a while.
        let mut activity = self.begin(ActivityKind::Evaluate, what, run.observer);
        let json = self.run_nix(action, what, eval, limits, run, &origins).await;
        activity.end(json.is_ok());
        if matches!(json, Err(NixError::Cancelled)) {
            activity.state = ActivityState::Stopped;
        }
        run.observer.activity(&activity);
        let failed = |message: String| NixError::Failed { action: action.into(), message };
        let evaluation: Evaluation = serde_json::from_slice(&json?)
            .map_err(|error| failed(format!("the answer has an unexpected form: {error}")))?;
        // The modules decide what it is; it becomes an argument.
        let derivation =
            profile::store_path(&evaluation.derivation.0).filter(|path| path.0.ends_with(".drv"));
        match derivation {
            Some(_) => Ok(evaluation),
            None => Err(failed("the modules make something else of the system than a derivation".into())),
        }
    }

    /// Tells of an activity of ours that begins.
    fn begin(&self, kind: ActivityKind, name: &str, observer: &dyn Observer) -> Activity {
        let activity = Activity {
            id: self.ids.next(),
            parent: None,
            kind,
            name: name.to_owned(),
            state: ActivityState::Running,
            phase: None,
            started: Some(OffsetDateTime::now_utc()),
            ended: None,
            bytes: 0,
            bytes_expected: 0,
        };
        observer.activity(&activity);
        activity
    }

    fn instance() -> codchi_controller::driver::InstanceName {
        Role::Controller.instance()
    }
}

#[async_trait]
impl Nix for ControllerNix {
    fn parse_source(&self, input: &str, parameter: Option<(&str, String)>) -> Result<Source, SourceError> {
        let flake = flake_ref::parse(input)?;
        let Some((name, value)) = parameter else { return Ok(flake.source()) };
        if flake.reference.is_some() || flake.rev.is_some() {
            return Err(SourceError {
                code: "bad_ref",
                reason: "the address already names a branch, tag or commit".into(),
            });
        }
        let pin = if name == "rev" { Pin::Rev(value) } else { Pin::Branch(value) };
        Ok(flake.pinned(&pin)?.source())
    }

    fn server(&self, url: &str) -> Option<Server> {
        access::server(url)
    }

    async fn modules(&self, source: &Source, run: Run<'_>) -> Result<Repository, NixError> {
        self.discover(source, run).await
    }

    async fn inputs_unchanged(&self, spec: &MachineSpec, lock: &str, access: &Access) -> bool {
        self.are_inputs_unchanged(spec, lock, access).await
    }

    async fn resolve(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        lock: Option<&str>,
        update: bool,
        run: Run<'_>,
    ) -> Result<String, NixError> {
        self.lock_inputs(machine, spec, lock, update, run).await
    }

    async fn evaluate(
        &self,
        machine: &MachineName,
        spec: &MachineSpec,
        run: Run<'_>,
    ) -> Result<Evaluation, NixError> {
        for _ in 0..EVALUATIONS {
            let evaluation = self.evaluate_once(machine, spec, run).await?;
            if self.keep_derivation(machine, &evaluation.derivation, run.cancel).await? {
                return Ok(evaluation);
            }
        }
        Err(NixError::Failed {
            action: "keep the derivation".into(),
            message: "it was collected as garbage each time it was made".into(),
        })
    }

    async fn build(
        &self,
        machine: &MachineName,
        derivation: &StorePath,
        run: Run<'_>,
    ) -> Result<StorePath, NixError> {
        let target = format!("{}^out", derivation.0);
        // Kept until it is a generation of the profile: any machine's user may have garbage collected meanwhile.
        let args = ["build", "--out-link", &result_link(machine), "--print-out-paths", &target];
        let limits = Limits { time: None, stdout: ANSWER };
        let action = "build the machine's system";
        let what = "the machine's configuration";
        let origins = Origins::of_machine(machine);
        // Everything is fetched: what is built needs no access, and gets none.
        let run = Run { access: &NOTHING, ..run };
        let stdout = self.run_nix(action, what, Self::nix(&args), limits, run, &origins).await?;
        let path = String::from_utf8_lossy(&stdout);
        profile::store_path(path.trim()).ok_or_else(|| NixError::Failed {
            action: action.into(),
            message: "Nix named no store path as the result".into(),
        })
    }

    async fn install(&self, machine: &MachineName, system: &StorePath) -> Result<Generation, NixError> {
        self.install_generation(machine, system).await
    }

    async fn generations(&self, machine: &MachineName) -> Result<Vec<Generation>, NixError> {
        self.list_generations(machine).await
    }

    async fn set_generation(&self, machine: &MachineName, number: u64) -> Result<(), NixError> {
        self.switch_generation(machine, number).await
    }

    async fn copy_generations(&self, from: &MachineName, to: &MachineName) -> Result<(), NixError> {
        self.copy_links(from, to).await
    }

    async fn diff(&self, before: &StorePath, after: &StorePath) -> Result<ClosureDiff, NixError> {
        self.compare_closures(before, after).await
    }

    async fn release(&self, machine: &MachineName) -> Result<(), NixError> {
        self.release_derivation(machine).await
    }

    async fn release_all(&self) -> Result<(), NixError> {
        self.release_derivations().await
    }

    async fn forget(&self, machine: &MachineName) -> Result<(), NixError> {
        self.release_derivation(machine).await?;
        let spec = Self::command([
            "rm",
            "-rf",
            "--",
            &machine_dir(machine),
            &result_link(machine),
            &roots_dir(machine),
        ]);
        self.ask("remove the machine's flake", spec, exec::Input::Nothing).await.map(drop)
    }

    async fn forget_others(&self, machines: &BTreeSet<MachineName>) -> Result<(), NixError> {
        let find =
            ["find", MACHINES, KEPT, "-mindepth", "1", "-maxdepth", "1", "-type", "d", "-printf", "%f\\n"];
        let listed = self.ask("list what machines have", Self::command(find), exec::Input::Nothing).await?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let names: BTreeSet<_> = listed.lines().filter_map(|name| MachineName::new(name).ok()).collect();
        for name in names.difference(machines) {
            self.forget(name).await?;
        }
        Ok(())
    }

    async fn forget_repositories(&self, but: &[MachineSpec]) -> Result<(), NixError> {
        self.sweep(but).await
    }
}

#[cfg(test)]
mod tests;
