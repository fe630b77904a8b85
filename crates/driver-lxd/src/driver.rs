//! [`LxdDriver`]: the trait's methods, each in its subject's module.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use codchi_controller::driver::{
    Driver, DriverError, DriverKind, EngineInfo, EngineReport, Exec, ExecSpec, Image, InstanceEvent,
    InstanceName, InstanceSpec, InstanceStatus, Mount, StopMode, VolumeName,
};
use futures::stream::BoxStream;

use crate::{
    config::LxdConfig,
    editing::Editing,
    events, exec,
    rest::{Purpose, Rest},
    wire::Server,
};

/// A driver for one LXD or Incus server.
#[derive(Debug)]
pub struct LxdDriver {
    pub(crate) rest: Arc<Rest>,
    pub(crate) profile: String,
    pub(crate) pool: Option<String>,
    /// Held while an image is sent.
    pub(crate) importing: tokio::sync::Mutex<()>,
    /// Whose settings are being changed.
    pub(crate) editing: Editing,
}

impl LxdDriver {
    /// A driver that uses the engine as `config` says. Nothing is connected yet.
    ///
    /// # Errors
    /// When no client can be set up on this computer.
    pub fn new(config: LxdConfig) -> Result<Self, DriverError> {
        let rest = Arc::new(Rest::new(&config)?);
        let LxdConfig { profile, pool, .. } = config;
        Ok(Self { rest, profile, pool, importing: Default::default(), editing: Default::default() })
    }
}

#[async_trait]
impl Driver for LxdDriver {
    fn kind(&self) -> DriverKind {
        self.rest.flavour.kind()
    }

    async fn engine(&self) -> Result<EngineInfo, DriverError> {
        let purpose = Purpose::new("read", "engine", self.rest.flavour.name());
        let server = self.rest.get::<Server>(self.rest.url(&[], &[]), &purpose).await?;
        if server.auth != "trusted" {
            return Err(self.rest.denied());
        }
        Ok(EngineInfo {
            name: self.rest.flavour.name().into(),
            version: server.environment.server_version,
            endpoint: self.rest.endpoint(),
        })
    }

    async fn inspect(&self) -> Result<EngineReport, DriverError> {
        let engine = self.engine().await?;
        self.report(engine).await
    }

    async fn instances(&self) -> Result<Vec<InstanceStatus>, DriverError> {
        self.list().await
    }

    async fn instance(&self, name: &InstanceName) -> Result<Option<InstanceStatus>, DriverError> {
        self.observe(name).await
    }

    fn events(&self) -> BoxStream<'static, InstanceEvent> {
        events::stream(self.rest.clone())
    }

    async fn import_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), DriverError> {
        self.send_image(image, rootfs, progress).await
    }

    async fn create_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.make_volume(volume).await
    }

    async fn delete_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.remove_volume(volume).await
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.make_instance(spec).await
    }

    async fn copy(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.copy_instance(from, spec).await
    }

    async fn rename(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.rename_instance(from, spec).await
    }

    async fn configure(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        self.configure_instance(spec).await
    }

    async fn attach(&self, instance: &InstanceName, mount: &Mount) -> Result<(), DriverError> {
        self.attach_volume(instance, mount).await
    }

    async fn detach(&self, instance: &InstanceName, volume: &VolumeName) -> Result<(), DriverError> {
        self.detach_volume(instance, volume).await
    }

    async fn attach_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError> {
        self.show_root(instance, of, path).await
    }

    async fn detach_root(&self, instance: &InstanceName, of: &InstanceName) -> Result<(), DriverError> {
        self.hide_root(instance, of).await
    }

    async fn start(&self, instance: &InstanceName) -> Result<(), DriverError> {
        self.start_instance(instance).await
    }

    async fn stop(&self, instance: &InstanceName, mode: StopMode) -> Result<(), DriverError> {
        self.stop_instance(instance, mode).await
    }

    async fn delete(&self, instance: &InstanceName) -> Result<(), DriverError> {
        self.remove_instance(instance).await
    }

    async fn exec(&self, instance: &InstanceName, spec: ExecSpec) -> Result<Exec, DriverError> {
        let purpose = Purpose::new("run a command in", "instance", instance.as_str());
        if !self.record(instance, &purpose).await?.is_running() {
            return Err(DriverError::NotRunning { name: instance.to_string() });
        }
        exec::start(&self.rest, instance, spec, purpose).await
    }
}
