//! What only a real engine shows: other clients beside ours, sizes, engines that die, and settings made by hand.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use codchi_controller::driver::{
    Driver, DriverError, ExecSpec, InstanceEvent, InstanceName, InstanceState, Mount, VolumeName,
};
use codchi_driver_lxd::{LxdConfig, LxdDriver};
use futures::StreamExt;
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Fixtures, Outside, read, remove, role, running, state, step};
use crate::world::World;

/// A program that asks an engine as another user and prints what it is told.
pub struct Probe<'a>(pub &'a Path);

/// A world, and how to look at it with other eyes.
pub struct RealOutside<'a> {
    /// The world.
    pub world: &'a World,
    /// The program that runs as another user.
    pub probe: Probe<'a>,
}

#[async_trait]
impl Outside for RealOutside<'_> {
    async fn start(&self, instance: &InstanceName) {
        self.world.client(&["start", instance.as_str()]);
    }
    async fn stop(&self, instance: &InstanceName) {
        self.world.client(&["stop", "--force", instance.as_str()]);
    }
    async fn make_foreign(&self, name: &str) {
        self.world.client(&["init", "--empty", name]);
    }
    async fn delete_foreign(&self, name: &str) {
        self.world.client(&["delete", name]);
    }
    async fn stop_engine(&self) {
        self.world.kill_engine(Signal::SIGTERM);
    }
    async fn start_engine(&self) {
        self.world.start_engine();
    }
    async fn denied(&self) -> DriverError {
        let Probe(program) = self.probe;
        // Nobody, who isn't in the engine's group.
        let mut command = self.world.command("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program)
            .arg(self.world.socket());
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        match text.trim() {
            "denied" => DriverError::Denied { engine: "seen by nobody".into(), endpoint: String::new() },
            other => panic!("{other} {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}

/// All of it. The image is imported again where it isn't there.
pub async fn run(world: &World, fixtures: &Fixtures) {
    let driver = &world.driver();
    two_imports(world, fixtures).await;
    foreign_settings(world, driver, fixtures).await;
    two_editors(world, driver, fixtures).await;
    copies(world, driver, fixtures).await;
    large_streams(driver, fixtures).await;
    broken_start(driver, fixtures).await;
    super::devices::on_real(world, driver, fixtures).await;
    places(world, fixtures).await;
    engine_dies(world, driver, fixtures).await;
}

async fn two_imports(world: &World, fixtures: &Fixtures) {
    step("two clients import the same image at once", async {
        let lines = world.client(&["image", "list", "--format=csv", "--columns=f"]);
        for fingerprint in lines.lines() {
            world.client(&["image", "delete", fingerprint]);
        }
        let (one, two) = (world.driver(), world.driver());
        let import = async |driver: LxdDriver| {
            driver.import_image(&fixtures.image, &fixtures.rootfs(), &|_| {}).await.unwrap();
        };
        tokio::join!(import(one), import(two));
        assert_eq!(world.client(&["image", "list", "--format=csv", "--columns=f"]).lines().count(), 1);
    })
    .await;
    step("an image whose name was lost is found and named again", async {
        let alias = format!("codchi-{}-{}", fixtures.image.name, &fixtures.image.sha256[..12]);
        world.client(&["image", "alias", "delete", &alias]);
        let driver = world.driver();
        let sent = std::sync::atomic::AtomicU64::new(0);
        let progress = |bytes| sent.store(bytes, std::sync::atomic::Ordering::Relaxed);
        driver.import_image(&fixtures.image, &fixtures.rootfs(), &progress).await.unwrap();
        assert_eq!(sent.into_inner(), 0);
        world.client(&["image", "alias", "list", &alias, "--format=csv"]).lines().next().unwrap();
    })
    .await;
}

async fn foreign_settings(world: &World, driver: &dyn Driver, fixtures: &Fixtures) {
    step("settings made by hand stay", async {
        let mut spec = fixtures.machine("byhand");
        spec.environment.insert("OURS".into(), "1".into());
        let name = running(driver, &spec).await;
        world.client(&["config", "set", name.as_str(), "limits.processes=500"]);
        world.client(&["config", "set", name.as_str(), "environment.THEIRS=1"]);
        world.client(&[
            "config",
            "device",
            "add",
            name.as_str(),
            "null2",
            "unix-char",
            "source=/dev/null",
            "path=/dev/null2",
        ]);
        spec.environment.clear();
        driver.configure(&spec).await.unwrap();
        let config = world.client(&["config", "show", name.as_str()]);
        for kept in ["limits.processes: \"500\"", "environment.THEIRS", "null2:"] {
            assert!(config.contains(kept), "{kept}: {config}");
        }
        assert!(!config.contains("environment.OURS"), "{config}");
        remove(driver, &name).await;
    })
    .await;
}

async fn two_editors(world: &World, driver: &dyn Driver, fixtures: &Fixtures) {
    step("two clients attach to one instance at once", async {
        let name = running(driver, &fixtures.machine("edited")).await;
        let (one, two) = (world.driver(), world.driver());
        let attach = async |driver: &LxdDriver, side: &str| {
            for n in 0..5 {
                let volume = VolumeName::profile(&format!("{side}{n}").parse().unwrap());
                driver.create_volume(&volume).await.unwrap();
                let mount = Mount { path: format!("/{volume}"), volume, read_only: false };
                driver.attach(&name, &mount).await.unwrap();
            }
        };
        tokio::join!(attach(&one, "a"), attach(&two, "b"));
        let mounts = read(driver, &name, &["cat", "/proc/mounts"]).await;
        assert_eq!(mounts.matches(" /codchi-profile-").count(), 10, "{mounts}");
        remove(driver, &name).await;
        for n in 0..5 {
            for side in ["a", "b"] {
                driver
                    .delete_volume(&VolumeName::profile(&format!("{side}{n}").parse().unwrap()))
                    .await
                    .unwrap();
            }
        }
    })
    .await;
}

async fn copies(world: &World, driver: &dyn Driver, fixtures: &Fixtures) {
    step("a copy made by hand isn't ours", async {
        let spec = fixtures.machine("original");
        driver.create(&spec).await.unwrap();
        world.client(&["copy", "codchi-original", "codchi-copied"]);
        let found: Vec<_> =
            driver.instances().await.unwrap().into_iter().map(|instance| instance.role).collect();
        assert_eq!(found, [role("original")]);
        let error = driver.delete(&role("copied").instance()).await.unwrap_err();
        assert!(matches!(error, DriverError::NotOurs { .. }), "{error:?}");
        world.client(&["delete", "codchi-copied"]);
        driver.delete(&spec.role.instance()).await.unwrap();
    })
    .await;
    step("a foreign volume isn't ours", async {
        let volume = VolumeName::db();
        world.client(&["storage", "volume", "create", "default", volume.as_str()]);
        for outcome in [driver.create_volume(&volume).await, driver.delete_volume(&volume).await] {
            assert!(matches!(outcome, Err(DriverError::NotOurs { kind: "volume", .. })), "{outcome:?}");
        }
        world.client(&["storage", "volume", "delete", "default", volume.as_str()]);
    })
    .await;
}

/// The memory that this process uses, in KiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn large_streams(driver: &dyn Driver, fixtures: &Fixtures) {
    const CHUNKS: usize = 100;
    let name = running(driver, &fixtures.machine("large")).await;
    step("100 MB in and out again, byte for byte, in little memory", async {
        let chunk = super::noise(1_000_000);
        let mut expected = Sha256::new();
        let mut exec = driver.exec(&name, ExecSpec::new(["cat"]).piped()).await.unwrap();
        let mut stdin = exec.stdin.take().unwrap();
        let before = memory();
        let write = async {
            for n in 0..CHUNKS {
                let mut chunk = chunk.clone();
                chunk[..8].copy_from_slice(&n.to_le_bytes());
                expected.update(&chunk);
                stdin.write_all(&chunk).await.unwrap();
            }
            stdin.shutdown().await.unwrap();
        };
        let read = async {
            let (mut hash, mut length, mut most) = (Sha256::new(), 0, 0);
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match exec.stdout.read(&mut buffer).await.unwrap() {
                    0 => return (hash.finalize(), length, most),
                    n => {
                        hash.update(&buffer[..n]);
                        length += n;
                        most = memory().max(most);
                    }
                }
            }
        };
        let ((), (hash, length, most)) = tokio::join!(write, read);
        assert_eq!(length, CHUNKS * chunk.len());
        assert_eq!(hash, expected.finalize());
        assert_eq!(exec.control.wait().await.unwrap(), 0);
        let grown = most.saturating_sub(before);
        assert!(grown < 32 * 1024, "{grown} KiB");
    })
    .await;
    step("output waits for a slow reader", async {
        let mut exec =
            driver.exec(&name, ExecSpec::new(["head", "-c", "20000000", "/dev/zero"])).await.unwrap();
        // The program would be done long before; what it wrote must not be lost or piled up.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut output = Vec::new();
        exec.stdout.read_to_end(&mut output).await.unwrap();
        assert_eq!((output.len(), exec.control.wait().await.unwrap()), (20_000_000, 0));
    })
    .await;
    remove(driver, &name).await;
}

async fn broken_start(driver: &dyn Driver, fixtures: &Fixtures) {
    step("a failed start says why", async {
        let volume = VolumeName::socket();
        driver.create_volume(&volume).await.unwrap();
        let mut spec = fixtures.machine("broken");
        spec.mounts =
            vec![Mount { volume: volume.clone(), path: "/etc/passwd/below".into(), read_only: false }];
        driver.create(&spec).await.unwrap();
        let name = spec.role.instance();
        let error = driver.start(&name).await.unwrap_err();
        let DriverError::Engine { action, message } = &error else { panic!("{error:?}") };
        assert_eq!(action, "start instance 'codchi-broken'");
        assert!(message.contains("Not a directory") && message.contains("etc/passwd/below"), "{message}");
        // The engine takes some seconds to clean up, and isn't sure what to call that.
        while state(driver, &role("broken")).await != Some(InstanceState::Stopped) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        driver.delete(&name).await.unwrap();
        driver.delete_volume(&volume).await.unwrap();
    })
    .await;
}

async fn places(world: &World, fixtures: &Fixtures) {
    step("a project, a profile without a root disk, and a pool", async {
        world.client(&["project", "create", "elsewhere"]);
        world.client(&["storage", "create", "second", "dir"]);
        let config = LxdConfig { project: Some("elsewhere".into()), ..world.config() };
        // A new project has a default profile with nothing in it, and now there are two pools.
        let driver = LxdDriver::new(config.clone()).unwrap();
        let error = driver.create_volume(&VolumeName::store()).await.unwrap_err();
        assert!(error.to_string().contains("several pools (default, second)"), "{error}");

        let driver = LxdDriver::new(LxdConfig { pool: Some("second".into()), ..config }).unwrap();
        driver.import_image(&fixtures.image, &fixtures.rootfs(), &|_| {}).await.unwrap();
        driver.create_volume(&VolumeName::store()).await.unwrap();
        let inner = running(&driver, &fixtures.machine("inside")).await;
        let mut spec = fixtures.machine("beside");
        let path = "/instances/inside".into();
        spec.devices = vec![codchi_controller::driver::Device::InstanceRoot { of: inner.clone(), path }];
        let beside = running(&driver, &spec).await;
        assert_eq!(read(&driver, &beside, &["cat", "/instances/inside/etc/passwd"]).await.lines().count(), 1);
        let own = "mkdir -m 700 /home/own && touch /home/own/file && chown -R 1000:100 /home/own";
        read(&driver, &inner, &["sh", "-c", own]).await;
        driver.attach_root(&beside, &inner, "/instances/inside").await.unwrap();
        let owner = ["stat", "-c", "%u:%g", "/instances/inside/home/own/file"];
        assert_eq!(read(&driver, &beside, &owner).await, "1000:100\n", "owners are who they are inside");
        assert_eq!(driver.instances().await.unwrap().len(), 2);
        assert_eq!(world.driver().instances().await.unwrap(), [], "projects don't see each other");

        let mut events = driver.events();
        assert_eq!(events.next().await, Some(InstanceEvent::Resync));
        remove(&driver, &inner).await;
        assert_eq!(events.next().await, Some(InstanceEvent::Changed(role("inside"))));
        remove(&driver, &beside).await;
        driver.delete_volume(&VolumeName::store()).await.unwrap();

        let config = LxdConfig { profile: "nowhere".into(), ..world.config() };
        let error = LxdDriver::new(config).unwrap().create_volume(&VolumeName::store()).await.unwrap_err();
        assert!(matches!(error, DriverError::NotFound { kind: "profile", .. }), "{error:?}");
    })
    .await;
}

async fn engine_dies(world: &World, driver: &dyn Driver, fixtures: &Fixtures) {
    step("an engine that is killed interrupts what is under way", async {
        let name = running(driver, &fixtures.machine("killed")).await;
        let mut exec =
            driver.exec(&name, ExecSpec::new(["sh", "-c", "echo begun; sleep 1000"])).await.unwrap();
        let mut begun = [0; 6];
        exec.stdout.read_exact(&mut begun).await.unwrap();
        world.kill_engine(Signal::SIGKILL);
        let error = exec.stdout.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error:?}");
        let error = exec.control.wait().await.unwrap_err();
        assert!(matches!(error, DriverError::Interrupted { .. }), "{error:?}");

        world.start_engine();
        assert_eq!(state(driver, &role("killed")).await, Some(InstanceState::Running));
        assert_eq!(read(driver, &name, &["pwd"]).await, "/root\n");
        remove(driver, &name).await;
    })
    .await;
}
