//! An engine in memory that keeps the contracts of [`Driver`], for tests of everything above it (feature `fake`).
//!
//! It passes the same conformance suite as the real ones. Volumes and root file systems are maps of files, commands are
//! answered by what the test scripted ([`Fake::script`], [`Fake::on_exec`]), and it can be told to misbehave
//! ([`Fake::set_reachable`], [`Fake::set_denied`], [`Fake::fail_nth`]). No program runs and no time passes.

mod process;
mod report;
mod world;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use futures::{StreamExt, future::BoxFuture, stream::BoxStream};
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};

use super::{
    Driver, DriverError, DriverKind, EngineInfo, EngineReport, Exec, ExecOutput, ExecSpec, Image,
    InstanceEvent, InstanceName, InstanceSpec, InstanceState, InstanceStatus, Mount, Role, StopMode,
    VolumeName,
};
pub use process::FakeProcess;
pub use report::in_order;
use world::World;
pub use world::{FakeInstance, Method};

/// Answers a command; the future's value is the exit code.
type Handler = Arc<dyn Fn(FakeProcess) -> BoxFuture<'static, i32> + Send + Sync>;
/// Makes the error of a call that is to fail.
type Fault = Box<dyn FnOnce() -> DriverError + Send>;

/// The engine. Its clones are the same engine.
#[derive(Clone)]
pub struct Fake {
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    script: Mutex<Script>,
    events: broadcast::Sender<InstanceEvent>,
}

/// What the test told the engine to do.
#[derive(Default)]
struct Script {
    unreachable: bool,
    denied: bool,
    /// By method: how many calls were made, and which of them fail.
    calls: BTreeMap<Method, (usize, BTreeMap<usize, Fault>)>,
    answers: BTreeMap<Vec<String>, ExecOutput>,
    handler: Option<Handler>,
    /// How the engine is set up, where the test says it.
    report: Option<EngineReport>,
}

impl Default for Fake {
    fn default() -> Self {
        let (events, _) = broadcast::channel(256);
        Self { shared: Arc::new(Shared { world: Mutex::default(), script: Mutex::default(), events }) }
    }
}

/// A test that panicked with the lock held has failed already; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    /// An engine with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the command with exactly this `argv`, in every instance.
    pub fn script<S: Into<String>>(&self, argv: impl IntoIterator<Item = S>, answer: ExecOutput) {
        lock(&self.shared.script).answers.insert(argv.into_iter().map(Into::into).collect(), answer);
    }

    /// Answers all commands that aren't scripted. Without a handler they end with 127, as a program that isn't there.
    pub fn on_exec<F>(&self, handler: impl Fn(FakeProcess) -> F + Send + Sync + 'static)
    where
        F: Future<Output = i32> + Send + 'static,
    {
        lock(&self.shared.script).handler = Some(Arc::new(move |process| Box::pin(handler(process))));
    }

    /// How the engine is set up from now on; by default all is in order.
    pub fn set_report(&self, report: EngineReport) {
        lock(&self.shared.script).report = Some(report);
    }

    /// Whether the engine answers at all. Its instances live on while it doesn't.
    pub fn set_reachable(&self, reachable: bool) {
        let was = !std::mem::replace(&mut lock(&self.shared.script).unreachable, !reachable);
        if was != reachable {
            self.tell(if reachable { InstanceEvent::Resync } else { InstanceEvent::Lost });
        }
    }

    /// Whether the engine refuses this user.
    pub fn set_denied(&self, denied: bool) {
        lock(&self.shared.script).denied = denied;
    }

    /// Lets a coming call of `method` fail without effect: the next one for 1, the one after it for 2.
    pub fn fail_nth(&self, method: Method, nth: usize, error: impl FnOnce() -> DriverError + Send + 'static) {
        let mut script = lock(&self.shared.script);
        let (made, faults) = script.calls.entry(method).or_default();
        let which = *made + nth;
        faults.insert(which, Box::new(error));
    }

    /// How often `method` was called, whether it worked or not.
    pub fn calls(&self, method: Method) -> usize {
        lock(&self.shared.script).calls.get(&method).map_or(0, |(made, _)| *made)
    }

    /// An instance as it is.
    pub fn instance(&self, name: &InstanceName) -> Option<FakeInstance> {
        lock(&self.shared.world).ours(name).ok().cloned()
    }

    /// Whether a volume exists.
    pub fn has_volume(&self, volume: &VolumeName) -> bool {
        lock(&self.shared.world).volumes.contains_key(volume)
    }

    /// A file in a volume, by its path below the volume's root (without a slash before it).
    pub fn volume_file(&self, volume: &VolumeName, path: &str) -> Option<Vec<u8>> {
        lock(&self.shared.world).volumes.get(volume)?.get(path).cloned()
    }

    /// Another program makes an instance that isn't Codchi's.
    pub fn make_foreign(&self, name: &str) {
        lock(&self.shared.world).foreign.insert(name.to_owned());
    }

    /// Another program deletes it.
    pub fn delete_foreign(&self, name: &str) {
        lock(&self.shared.world).foreign.remove(name);
    }

    /// An instance gets an address, of which no engine tells.
    pub fn set_address(&self, instance: &InstanceName, address: &str) {
        if let Ok(instance) = lock(&self.shared.world).ours_mut(instance) {
            instance.address = Some(address.to_owned());
        }
    }

    /// Another program starts or stops one of our instances.
    pub fn set_state_from_outside(&self, instance: &InstanceName, state: InstanceState) {
        if lock(&self.shared.world).set_state(instance, state) {
            self.changed(instance);
        }
    }

    fn tell(&self, event: InstanceEvent) {
        // Nobody listening is fine.
        let _ = self.shared.events.send(event);
    }

    fn changed(&self, instance: &InstanceName) {
        if let Some(role) = Role::of_instance(instance.as_str()) {
            self.tell(InstanceEvent::Changed(role));
        }
    }

    /// Begins a call: counts it, and fails when it is to fail.
    fn call(&self, method: Method) -> Result<MutexGuard<'_, World>, DriverError> {
        let mut script = lock(&self.shared.script);
        let (made, faults) = script.calls.entry(method).or_default();
        *made += 1;
        let fault = faults.remove(made);
        if script.unreachable {
            let source = io::Error::from(io::ErrorKind::ConnectionRefused);
            return Err(DriverError::Unreachable {
                engine: "Fake".into(),
                endpoint: "memory".into(),
                source,
            });
        }
        if script.denied {
            return Err(DriverError::Denied { engine: "Fake".into(), endpoint: "memory".into() });
        }
        match fault {
            Some(fault) => Err(fault()),
            None => Ok(lock(&self.shared.world)),
        }
    }
}

#[async_trait]
impl Driver for Fake {
    fn kind(&self) -> DriverKind {
        DriverKind::Fake
    }

    async fn engine(&self) -> Result<EngineInfo, DriverError> {
        drop(self.call(Method::Engine)?);
        Ok(report::info())
    }

    async fn inspect(&self) -> Result<EngineReport, DriverError> {
        drop(self.call(Method::Inspect)?);
        Ok(lock(&self.shared.script).report.clone().unwrap_or_else(report::in_order))
    }

    async fn instances(&self) -> Result<Vec<InstanceStatus>, DriverError> {
        Ok(self.call(Method::Instances)?.list())
    }

    async fn instance(&self, name: &InstanceName) -> Result<Option<InstanceStatus>, DriverError> {
        let alone =
            |instance| InstanceStatus { since: None, address: None, ..FakeInstance::status(instance) };
        Ok(self.call(Method::Instance)?.ours(name).ok().map(alone))
    }

    fn events(&self) -> BoxStream<'static, InstanceEvent> {
        let script = lock(&self.shared.script);
        let first = if script.unreachable { InstanceEvent::Lost } else { InstanceEvent::Resync };
        let later = BroadcastStream::new(self.shared.events.subscribe());
        let later = later.map(|event| match event {
            Ok(event) => event,
            Err(BroadcastStreamRecvError::Lagged(_)) => InstanceEvent::Resync,
        });
        futures::stream::iter([first]).chain(later).boxed()
    }

    async fn import_image(
        &self,
        image: &Image,
        rootfs: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), DriverError> {
        let mut world = self.call(Method::ImportImage)?;
        if world.images.get(&image.name) == Some(&image.sha256) {
            return Ok(());
        }
        let found = std::fs::metadata(rootfs);
        let found = found.map_err(|source| DriverError::File { path: rootfs.to_owned(), source })?;
        progress(found.len());
        world.images.insert(image.name.clone(), image.sha256.clone());
        Ok(())
    }

    async fn create_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.call(Method::CreateVolume)?.volumes.entry(volume.clone()).or_default();
        Ok(())
    }

    async fn delete_volume(&self, volume: &VolumeName) -> Result<(), DriverError> {
        self.call(Method::DeleteVolume)?.delete_volume(volume)
    }

    async fn create(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        self.call(Method::Create)?.create(&name, spec)?;
        self.changed(&name);
        Ok(())
    }

    async fn copy(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        self.call(Method::Copy)?.copy(from, &name, spec)?;
        self.changed(&name);
        Ok(())
    }

    async fn rename(&self, from: &InstanceName, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        if self.call(Method::Rename)?.rename(from, &name, spec)? {
            self.changed(from);
            self.changed(&name);
        }
        Ok(())
    }

    async fn configure(&self, spec: &InstanceSpec) -> Result<(), DriverError> {
        let name = spec.role.instance();
        self.call(Method::Configure)?.configure(&name, spec)?;
        self.changed(&name);
        Ok(())
    }

    async fn attach(&self, instance: &InstanceName, mount: &Mount) -> Result<(), DriverError> {
        self.call(Method::Attach)?.attach(instance, mount)
    }

    async fn detach(&self, instance: &InstanceName, volume: &VolumeName) -> Result<(), DriverError> {
        self.call(Method::Detach)?.ours_mut(instance)?.mounts.retain(|m| &m.volume != volume);
        Ok(())
    }

    async fn attach_root(
        &self,
        instance: &InstanceName,
        of: &InstanceName,
        path: &str,
    ) -> Result<(), DriverError> {
        self.call(Method::Attach)?.attach_root(instance, of, path)
    }

    async fn detach_root(&self, instance: &InstanceName, of: &InstanceName) -> Result<(), DriverError> {
        self.call(Method::Detach)?.detach_root(instance, of)
    }

    async fn start(&self, instance: &InstanceName) -> Result<(), DriverError> {
        let mut world = self.call(Method::Start)?;
        world.ours(instance)?;
        if world.set_state(instance, InstanceState::Running) {
            self.changed(instance);
        }
        Ok(())
    }

    async fn stop(&self, instance: &InstanceName, _mode: StopMode) -> Result<(), DriverError> {
        let mut world = self.call(Method::Stop)?;
        world.ours(instance)?;
        if world.set_state(instance, InstanceState::Stopped) {
            self.changed(instance);
        }
        Ok(())
    }

    async fn delete(&self, instance: &InstanceName) -> Result<(), DriverError> {
        if self.call(Method::Delete)?.delete(instance)? {
            self.changed(instance);
        }
        Ok(())
    }

    async fn exec(&self, instance: &InstanceName, spec: ExecSpec) -> Result<Exec, DriverError> {
        let stopped = self.call(Method::Exec)?.running(instance)?;
        let script = lock(&self.shared.script);
        let handler = match script.answers.get(&spec.argv) {
            Some(answer) => process::answering(answer.clone()),
            None => script.handler.clone().unwrap_or_else(process::not_found),
        };
        Ok(process::spawn(self.clone(), instance.clone(), spec, &handler, stopped))
    }
}
