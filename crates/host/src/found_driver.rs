//! The driver of whichever engine is there now. An engine may be installed while Codchi runs, and listen elsewhere than where it was
//! looked for: as long as nothing is where the last one was, every call looks again.
//!
//! Once an engine was there, no other kind takes its place in this process: it would know nothing of the machines, also not of those that
//! are being worked on.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use codchi_controller::driver::{
    Driver, DriverError, DriverKind, EngineInfo, EngineReport, Exec, ExecSpec, Image, InstanceEvent,
    InstanceName, InstanceSpec, InstanceStatus, Mount, StopMode, VolumeName,
};
use codchi_driver_lxd::{LxdConfig, LxdDriver};
use futures::{StreamExt, stream, stream::BoxStream};

use crate::{Environment, HostError, engine};

/// How often it is looked for another engine while nobody answers.
const LOOK: Duration = Duration::from_secs(2);

/// The engine that was found last. Its clones are the same.
#[derive(Clone)]
pub(crate) struct FoundDriver {
    environment: Environment,
    current: Arc<Mutex<Current>>,
}

#[derive(Clone)]
struct Current {
    config: LxdConfig,
    /// Whether it was there at any time.
    was_there: bool,
    driver: Arc<LxdDriver>,
}

impl Current {
    fn new(config: LxdConfig) -> Result<Self, HostError> {
        let was_there = is_there(&config.socket);
        Ok(Self { driver: Arc::new(LxdDriver::new(config.clone())?), config, was_there })
    }
}

impl FoundDriver {
    pub(crate) fn new(environment: &Environment) -> Result<Self, HostError> {
        let config = engine::choose(environment, engine::probe)?;
        tracing::debug!(?config, "engine chosen");
        let current = Arc::new(Mutex::new(Current::new(config)?));
        Ok(Self { environment: environment.clone(), current })
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver to use; another one than before where an engine has come.
    fn driver(&self) -> Arc<LxdDriver> {
        let mut current = self.lock();
        if is_there(&current.config.socket) {
            current.was_there = true;
        } else {
            let may_follow = |config: &LxdConfig| {
                *config != current.config
                    && is_there(&config.socket)
                    && (!current.was_there || config.flavour == current.config.flavour)
            };
            let other = engine::choose(&self.environment, engine::probe)
                .ok()
                .filter(may_follow)
                .and_then(|config| Current::new(config).ok());
            if let Some(other) = other {
                tracing::info!(config = ?other.config, "another engine was found");
                *current = other;
            }
        }
        current.driver.clone()
    }
}

/// Whether there may be a socket. It isn't connected to: the engines take one connection after the other.
fn is_there(socket: &Path) -> bool {
    !std::fs::metadata(socket).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

#[async_trait]
impl Driver for FoundDriver {
    fn kind(&self) -> DriverKind {
        self.lock().driver.kind()
    }

    async fn engine(&self) -> Result<EngineInfo, DriverError> {
        self.driver().engine().await
    }

    async fn inspect(&self) -> Result<EngineReport, DriverError> {
        self.driver().inspect().await
    }

    async fn instances(&self) -> Result<Vec<InstanceStatus>, DriverError> {
        self.driver().instances().await
    }

    async fn instance(&self, name: &InstanceName) -> Result<Option<InstanceStatus>, DriverError> {
        self.driver().instance(name).await
    }

    /// Those of the engine there is now; of another one when that comes while this one is lost.
    fn events(&self) -> BoxStream<'static, InstanceEvent> {
        let first = self.driver();
        let events = first.events();
        stream::unfold(
            (self.clone(), first, events, false),
            |(found, mut used, mut events, mut lost)| async move {
                loop {
                    let event = if lost {
                        tokio::select! {
                            event = events.next() => event,
                            () = tokio::time::sleep(LOOK) => {
                                let now = found.driver();
                                if !Arc::ptr_eq(&now, &used) {
                                    events = now.events();
                                    used = now;
                                }
                                continue;
                            }
                        }
                    } else {
                        events.next().await
                    }?;
                    lost = event == InstanceEvent::Lost;
                    return Some((event, (found, used, events, lost)));
                }
            },
        )
        .boxed()
    }

    async fn import_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), DriverError> {
        self.driver().import_image(image, rootfs, progress).await
    }

    async fn create_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.driver().create_volume(volume).await
    }

    async fn delete_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.driver().delete_volume(volume).await
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.driver().create(spec).await
    }

    async fn copy(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.driver().copy(from, spec).await
    }

    async fn rename(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.driver().rename(from, spec).await
    }

    async fn configure(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.driver().configure(spec).await
    }

    async fn attach(&self, instance: &InstanceName, mount: &Mount) -> Result<(), DriverError> {
        self.driver().attach(instance, mount).await
    }

    async fn detach(&self, instance: &InstanceName, volume: &VolumeName) -> Result<(), DriverError> {
        self.driver().detach(instance, volume).await
    }

    async fn attach_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError> {
        self.driver().attach_root(instance, of, path).await
    }

    async fn detach_root(&self, instance: &InstanceName, of: &InstanceName) -> Result<(), DriverError> {
        self.driver().detach_root(instance, of).await
    }

    async fn start(&self, instance: &InstanceName) -> Result<(), DriverError> {
        self.driver().start(instance).await
    }

    async fn stop(&self, instance: &InstanceName, mode: StopMode) -> Result<(), DriverError> {
        self.driver().stop(instance, mode).await
    }

    async fn delete(&self, instance: &InstanceName) -> Result<(), DriverError> {
        self.driver().delete(instance).await
    }

    async fn exec(&self, instance: &InstanceName, spec: ExecSpec) -> Result<Exec, DriverError> {
        self.driver().exec(instance, spec).await
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_comes_later_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (lxd, incus) = (directory.path().join("lxd"), directory.path().join("incus"));
        let environment =
            Environment::from([("LXD_DIR", lxd.to_str().unwrap()), ("INCUS_DIR", incus.to_str().unwrap())]);
        let found = FoundDriver::new(&environment).unwrap();
        assert_eq!(found.kind(), DriverKind::Lxd);
        std::fs::create_dir(&incus).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(incus.join("unix.socket")).unwrap();
        assert_eq!(found.driver().kind(), DriverKind::Incus);
        assert_eq!(found.kind(), DriverKind::Incus);
        // One that was found is kept, also when another one comes.
        std::fs::create_dir(&lxd).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(lxd.join("unix.socket")).unwrap();
        assert_eq!(found.driver().kind(), DriverKind::Incus);
    }

    #[test]
    fn an_engine_that_was_there_is_not_replaced_by_another_kind() {
        let directory = tempfile::tempdir().unwrap();
        let (lxd, incus) = (directory.path().join("lxd"), directory.path().join("incus"));
        let environment =
            Environment::from([("LXD_DIR", lxd.to_str().unwrap()), ("INCUS_DIR", incus.to_str().unwrap())]);
        std::fs::create_dir(&lxd).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(lxd.join("unix.socket")).unwrap();
        let found = FoundDriver::new(&environment).unwrap();
        drop(listener);
        std::fs::remove_dir_all(&lxd).unwrap();
        std::fs::create_dir(&incus).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(incus.join("unix.socket")).unwrap();
        assert_eq!(found.driver().kind(), DriverKind::Lxd);
    }
}
