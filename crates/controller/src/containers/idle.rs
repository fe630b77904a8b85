//! A machine's container without its system: its init does nothing, so that its files can be worked on from outside.
//!
//! That it is so is in the machine's record before it begins: whoever works on the machine next ends it, when the one who began is gone.

use std::io;

use tokio_util::io::SyncIoBridge;

use crate::{
    containers,
    controller::Controller,
    driver::{Exec, InstanceName, Role, StopMode},
    error::Error,
    machine::MachineName,
    operation::Journal,
};

/// What tells the machine's init to do nothing, see `codchi-ctrl-serve`.
const IDLE: &str = "CODCHI_IDLE";

impl Controller {
    /// Does `work` while the machine's container runs without its system. It must be stopped, and is afterwards.
    pub(crate) async fn while_idle<T>(
        &self,
        machine: &MachineName,
        work: impl AsyncFnOnce(&InstanceName) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let images = self.images.as_ref().ok_or(Error::NoImages)?;
        let mut spec =
            self.machine_spec(machine, &self.machines.record(machine)?.given(), &images.machine.image)?;
        let name = spec.role.instance();
        spec.environment.insert(IDLE.into(), "1".into());
        self.machines.update_record(machine, |record| record.idle = true)?;
        let worked = async {
            self.driver.configure(&spec).await?;
            self.driver.start(&name).await?;
            work(&name).await
        };
        let worked = worked.await;
        let ended = self.end_idle(machine).await;
        let worked = worked?;
        ended.map(|()| worked)
    }

    /// Ends what [`Controller::while_idle`] began, where it is still so.
    pub(crate) async fn end_idle(&self, machine: &MachineName) -> Result<(), Error> {
        if !self.machines.record(machine)?.idle {
            return Ok(());
        }
        if self.instance(machine).await?.is_some() {
            self.driver.stop(&Role::Machine(machine.clone()).instance(), StopMode::Force).await?;
            self.configure_machine(machine).await?;
        }
        Ok(self.machines.update_record(machine, |record| record.idle = false)?)
    }

    /// Runs one of our commands in an instance, to its end.
    pub(crate) async fn ctrl_serve(&self, instance: &InstanceName, command: &str) -> Result<(), Error> {
        let argv = [containers::MACHINE_CTRL_SERVE, command];
        let output = self.driver.exec(instance, containers::in_machine(argv)).await?.output().await?;
        files_done(instance, output.code, &output.stderr)
    }

    /// A machine's own files as a tar, to be read where blocking is allowed. The second part waits for the end, and says whether it is all.
    pub(crate) async fn pack(
        &self,
        instance: &InstanceName,
        journal: &Journal,
    ) -> Result<(impl io::Read + Send + use<>, impl FnOnce() -> Result<(), Error> + Send + use<>), Error>
    {
        let argv = [containers::MACHINE_CTRL_SERVE, "pack"];
        let Exec { stdout, stderr, mut control, .. } =
            self.driver.exec(instance, containers::in_machine(argv)).await?;
        let (runtime, cancel) = (tokio::runtime::Handle::current(), journal.cancel().clone());
        let stopped = cancel.clone();
        let (instance, said) = (instance.clone(), tokio::spawn(read_a_little(stderr)));
        let ended = tokio::spawn(async move {
            let code = tokio::select! {
                code = control.wait() => return code,
                () = stopped.cancelled() => control.kill().await,
            };
            code.map(|()| 0)
        });
        let is_all = move || {
            let (said, code) = runtime.block_on(async { (said.await, ended.await) });
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let code = code.map_err(|error| Error::Argument(error.to_string()))??;
            files_done(&instance, code, &said.unwrap_or_default())
        };
        Ok((SyncIoBridge::new(stdout), is_all))
    }

    /// Lays files out in a machine that is idle: `write` writes their tar, where blocking is allowed.
    pub(crate) async fn unpack(
        &self,
        instance: &InstanceName,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()> + Send + 'static,
        journal: &Journal,
    ) -> Result<(), Error> {
        let argv = [containers::MACHINE_CTRL_SERVE, "unpack"];
        let mut exec = self.driver.exec(instance, containers::in_machine(argv).piped()).await?;
        let stdin = exec.stdin.take();
        let written = tokio::task::spawn_blocking(move || {
            let Some(stdin) = stdin else { return Ok(()) };
            let mut bridge = SyncIoBridge::new(stdin);
            let written = write(&mut bridge);
            // What isn't whole must not end as if it were.
            if written.is_ok() { bridge.shutdown() } else { written }
        });
        let Exec { stdout, stderr, mut control, .. } = exec;
        let work = async {
            let (written, _, said) = tokio::join!(written, read_a_little(stdout), read_a_little(stderr));
            Ok((written, said, control.wait().await))
        };
        let (written, said, code) = journal.unless_cancelled(work).await?;
        // The program's own words say more than a pipe that broke.
        files_done(instance, code?, &said)?;
        let written = written.unwrap_or_else(|join| Err(io::Error::other(join)));
        written.map_err(|error| Error::OwnFiles {
            instance: instance.to_string(),
            output: vec![error.to_string()],
        })
    }
}

/// What a command says, as far as it is worth being told.
async fn read_a_little(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut kept = Vec::new();
    // Where the connection broke, that is said by whoever waits for the end.
    let _ = (&mut stream).take(64 << 10).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    kept
}

fn files_done(instance: &InstanceName, code: i32, said: &[u8]) -> Result<(), Error> {
    if code == 0 {
        return Ok(());
    }
    let output = String::from_utf8_lossy(said).lines().map(crate::activity::plain).collect();
    Err(Error::OwnFiles { instance: instance.to_string(), output })
}
