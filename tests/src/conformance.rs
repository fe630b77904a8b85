//! One body of tests that every driver passes: the contracts of [`Driver`] from outside.
//!
//! [`run`] needs nothing but the trait and an [`Outside`]; what only a real engine can show is in [`real`].

mod copies;
mod devices;
mod events;
mod exec;
mod guest;
mod lifecycle;
mod mounts;
mod ownership;
pub mod real;
pub mod simulated;

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use codchi_controller::{
    driver::{
        Driver, DriverError, ExecOutput, ExecSpec, Image, InstanceName, InstanceSpec, InstanceState, Role,
        StopMode,
    },
    machine::MachineName,
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// What happens to the engine without the driver: other programs, and faults.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Another program starts an instance.
    async fn start(&self, instance: &InstanceName);
    /// Another program stops an instance by force.
    async fn stop(&self, instance: &InstanceName);
    /// Another program makes an instance of this name.
    async fn make_foreign(&self, name: &str);
    /// Another program deletes it.
    async fn delete_foreign(&self, name: &str);
    /// The engine ends; its containers run on.
    async fn stop_engine(&self);
    /// It comes back.
    async fn start_engine(&self);
    /// What a user gets who may not use the engine.
    async fn denied(&self) -> DriverError;
}

/// What the suite works on.
pub struct Fixtures {
    dir: TempDir,
    /// A small guest.
    pub image: Image,
}

impl Fixtures {
    /// Makes the guest's image from this computer's static busybox.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image = guest::write(&dir.path().join("guest.tar"));
        Self { dir, image }
    }

    /// The directory of images: only the guest's.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The guest's root file system.
    pub fn rootfs(&self) -> PathBuf {
        self.dir.path().join("guest.tar")
    }

    /// A machine of this name, from the guest's image, with nothing mounted.
    pub fn machine(&self, name: &str) -> InstanceSpec {
        InstanceSpec {
            role: role(name),
            image: self.image.clone(),
            mounts: Vec::new(),
            devices: Vec::new(),
            environment: BTreeMap::new(),
            nesting: false,
        }
    }
}

impl Default for Fixtures {
    fn default() -> Self {
        Self::new()
    }
}

/// The machine of this name.
pub fn role(name: &str) -> Role {
    Role::Machine(MachineName::new(name).unwrap())
}

/// No single step may take longer: then something hangs.
const STEP: Duration = Duration::from_secs(300);

/// Runs one step with its name and time on stdout.
pub async fn step<T>(name: &str, step: impl Future<Output = T>) -> T {
    let begin = std::time::Instant::now();
    println!("{name} …");
    let done = tokio::time::timeout(STEP, step).await;
    let done = done.unwrap_or_else(|_| panic!("'{name}' hangs"));
    println!("{name}: {} ms", begin.elapsed().as_millis());
    done
}

/// The whole suite.
pub async fn run(driver: &dyn Driver, outside: &dyn Outside, fixtures: &Fixtures) {
    step("engine", async {
        let engine = driver.engine().await.unwrap();
        assert!(
            !engine.name.is_empty() && !engine.version.is_empty() && !engine.endpoint.is_empty(),
            "{engine:?}"
        );
        assert_eq!(driver.instances().await.unwrap(), []);
    })
    .await;
    lifecycle::run(driver, fixtures).await;
    exec::run(driver, fixtures).await;
    mounts::run(driver, fixtures).await;
    devices::run(driver, fixtures).await;
    copies::run(driver, fixtures).await;
    ownership::run(driver, outside, fixtures).await;
    events::run(driver, outside, fixtures).await;
    step("nothing is left", async { assert_eq!(driver.instances().await.unwrap(), []) }).await;
}

/// A running machine; the image is there already.
pub async fn running(driver: &dyn Driver, spec: &InstanceSpec) -> InstanceName {
    driver.create(spec).await.unwrap();
    let name = spec.role.instance();
    driver.start(&name).await.unwrap();
    name
}

/// Stops and deletes.
pub async fn remove(driver: &dyn Driver, name: &InstanceName) {
    driver.stop(name, StopMode::Force).await.unwrap();
    driver.delete(name).await.unwrap();
}

/// What the engine says of a machine's state.
pub async fn state(driver: &dyn Driver, role: &Role) -> Option<InstanceState> {
    driver.instance(&role.instance()).await.unwrap().map(|instance| instance.state)
}

/// Runs a command to its end, with `input` on its stdin.
pub async fn exec_with(driver: &dyn Driver, name: &InstanceName, spec: ExecSpec, input: &[u8]) -> ExecOutput {
    let mut exec = driver.exec(name, spec.piped()).await.unwrap();
    let mut stdin = exec.stdin.take().unwrap();
    let write = async move {
        // A program may end without having read it.
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    };
    tokio::join!(write, exec.output()).1.unwrap()
}

/// Runs a command to its end.
pub async fn exec(driver: &dyn Driver, name: &InstanceName, argv: &[&str]) -> ExecOutput {
    driver.exec(name, ExecSpec::new(argv.iter().copied())).await.unwrap().output().await.unwrap()
}

/// The stdout of a command that must succeed.
pub async fn read(driver: &dyn Driver, name: &InstanceName, argv: &[&str]) -> String {
    let output = exec(driver, name, argv).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.code, 0, "{argv:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until init has written this greeting: the engine calls an instance started before its init has done anything, and nobody tells.
pub async fn greets(driver: &dyn Driver, name: &InstanceName, greeting: &str) {
    while exec(driver, name, &["cat", "/greeting"]).await.stdout != greeting.as_bytes() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reproducible bytes that don't compress and contain every value.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Lower-case hex digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
