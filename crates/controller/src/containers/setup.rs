//! The controller container: installed on first use, replaced when it was made from another image than this Codchi's, started when it doesn't run.
//!
//! Its volumes outlive it, so replacing it never touches the store.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    activity::{Activity, ActivityKind, LogLevel, Observer as _},
    capability,
    containers::{
        self,
        images::{ImageFile, ImageSet},
    },
    controller::Controller,
    driver::{DriverError, InstanceSpec, InstanceState, InstanceStatus, Role, StopMode, VolumeName},
    error::Error,
    lock::{ControllerLock, Held},
    operation::{Journal, OperationState},
};

/// How long the controller may take to become ready.
const READY_MS: u64 = 60_000;

/// How long the controller may take to stop before it is stopped by force.
const STOP: Duration = Duration::from_secs(20);

/// What has to be done before the controller can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// It is there, but doesn't run.
    Start,
    /// It was made from another image.
    Replace,
    /// There is none.
    Install,
}

/// The controller, which nobody replaces now.
pub(crate) struct ReadyController {
    _held: Held,
}

/// Goes on with `work`, until the user of the operation doesn't want it any more where it is part of one.
async fn unless_cancelled<T>(
    journal: Option<&Journal>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match journal {
        Some(journal) => journal.unless_cancelled(work).await,
        None => work.await,
    }
}

impl Need {
    /// Decides from what the engine says and which image belongs to this Codchi.
    pub(crate) fn of(controller: Option<&InstanceStatus>, images: Option<&ImageSet>) -> Self {
        let Some(controller) = controller else { return Self::Install };
        let wanted = images.map(|images| &images.controller.image.sha256);
        if wanted.is_some() && controller.image.as_ref() != wanted {
            Self::Replace
        } else if controller.state == InstanceState::Running {
            Self::Nothing
        } else {
            Self::Start
        }
    }
}

impl Controller {
    /// What has to be done before the controller can be used.
    pub(crate) async fn controller_need(&self) -> Result<Need, Error> {
        let controller = self.driver.instance(&Role::Controller.instance()).await?;
        Ok(Need::of(controller.as_ref(), self.images.as_ref()))
    }

    /// Makes sure that the controller is ready, and that nobody replaces it while the result is held.
    pub(crate) async fn use_controller(&self, journal: Option<&Journal>) -> Result<ReadyController, Error> {
        loop {
            let held = self.hold_controller(journal).await?;
            if self.controller_need().await? == Need::Nothing {
                unless_cancelled(journal, self.bring_host_settings()).await?;
                return Ok(ReadyController { _held: held });
            }
            drop(held);
            let exclusive = self.alone(journal).await?;
            self.prepare_controller(journal).await?;
            drop(exclusive);
        }
    }

    /// Nobody installs or replaces the controller while the result is held, which may not be ready, and not be there.
    pub(crate) async fn hold_controller(&self, journal: Option<&Journal>) -> Result<Held, Error> {
        let lock = ControllerLock::new(&self.paths);
        if let Some(held) = lock.try_shared()? {
            return Ok(held);
        }
        self.say_who_has_it(journal);
        unless_cancelled(journal, async { Ok(lock.shared().await?) }).await
    }

    /// Nobody else uses or replaces the controller while the result is held.
    pub(crate) async fn alone(&self, journal: Option<&Journal>) -> Result<Held, Error> {
        let lock = ControllerLock::new(&self.paths);
        if let Some(held) = lock.try_exclusive()? {
            return Ok(held);
        }
        self.say_who_has_it(journal);
        unless_cancelled(journal, async { Ok(lock.exclusive().await?) }).await
    }

    /// Says which operations have the controller, for whoever wonders why nothing goes on.
    fn say_who_has_it(&self, journal: Option<&Journal>) {
        let Some(journal) = journal else { return };
        let own = journal.operation().id;
        let others = self.operations.ids().into_iter().filter(|id| *id != own);
        let others = others.filter_map(|id| self.operations.read(id).ok().flatten());
        let others: Vec<String> = others
            .filter(|other| other.state == OperationState::Running)
            .map(|other| other.description())
            .collect();
        let whom = if others.is_empty() { "somebody else".to_owned() } else { others.join(", ") };
        journal.say(LogLevel::Info, format!("waiting for the controller, which is used by: {whom}"));
    }

    async fn prepare_controller(&self, journal: Option<&Journal>) -> Result<(), Error> {
        let instance = Role::Controller.instance();
        let say = |text: String| {
            tracing::info!("{text}");
            if let Some(journal) = journal {
                journal.say(LogLevel::Info, text);
            }
        };
        let need = self.controller_need().await?;
        let emptied = need == Need::Install;
        match need {
            Need::Nothing => return Ok(()),
            Need::Start => {
                say("starting the controller".into());
                // What this computer offers to builds may be another by now, and what is gone would keep it from starting.
                if let Some(images) = &self.images {
                    self.driver.configure(&self.controller_spec(images).await?).await?;
                }
            }
            need => {
                let images = self.images.as_ref().ok_or(Error::NoImages)?;
                let volumes = containers::controller_volumes();
                self.import_image(&images.controller, journal).await?;
                if need == Need::Replace {
                    say("replacing the controller by the one of this release; the store stays".into());
                    self.driver.stop(&instance, StopMode::Graceful(STOP)).await?;
                    self.driver.delete(&instance).await?;
                } else {
                    say(format!("installing the controller of release {}", images.release));
                }
                for volume in &volumes {
                    self.driver.create_volume(volume).await?;
                }
                self.driver.create(&self.controller_spec(images).await?).await?;
            }
        }
        self.forget_brought(emptied).await;
        self.driver.start(&instance).await?;
        say("waiting for the nix daemon".into());
        let timeout = READY_MS.to_string();
        let wait = containers::in_controller(["/bin/ctrl-serve", "wait-ready", "--timeout-ms", &timeout]);
        let answer = async { Ok::<_, Error>(self.driver.exec(&instance, wait).await?.output().await?) };
        let output = unless_cancelled(journal, answer).await?;
        if output.code != 0 {
            let report = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::ControllerNotReady { report });
        }
        if let Err(error) = self.forget_deleted().await {
            tracing::warn!(%error, "the controller still has something of deleted machines");
        }
        Ok(())
    }

    /// What the controller is to be now. What it mounts of machines is there then.
    async fn controller_spec(&self, images: &ImageSet) -> Result<InstanceSpec, Error> {
        let mut machines = Vec::new();
        for machine in self.machines.names()? {
            if self.machines.record(&machine)?.built.is_some() {
                self.driver.create_volume(&VolumeName::profile(&machine)).await?;
                machines.push(machine);
            }
        }
        let offered = capability::for_builds(&*self.host);
        Ok(containers::controller(&images.controller.image, machines.iter(), offered))
    }

    /// Makes an image known to the engine.
    pub(crate) async fn import_image(
        &self,
        image: &ImageFile,
        journal: Option<&Journal>,
    ) -> Result<(), Error> {
        let check = image.clone();
        let intact = tokio::task::spawn_blocking(move || check.is_intact())
            .await
            .unwrap_or_else(|join| Err(std::io::Error::other(join)))
            .map_err(|source| DriverError::File { path: image.path.clone(), source })?;
        if !intact {
            return Err(Error::DamagedImage { path: image.path.clone() });
        }
        let Some(journal) = journal else {
            return Ok(self.driver.import_image(&image.image, &image.path, &|_| {}).await?);
        };
        let shown =
            Mutex::new(journal.new_activity(ActivityKind::Step, format!("{} image", image.image.name)));
        let tell = |change: &dyn Fn(&mut Activity)| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut shown);
            journal.activity(&shown);
        };
        tell(&|activity| activity.bytes_expected = image.image.size);
        let result = self
            .driver
            .import_image(&image.image, &image.path, &|bytes| tell(&|activity| activity.bytes = bytes))
            .await;
        tell(&|activity| activity.end(result.is_ok()));
        Ok(result?)
    }
}
