//! Volumes are shared, read-only is enforced, and both can change while an instance runs.

use codchi_controller::driver::{
    Device, Driver, DriverError, ExecSpec, InstanceName, Mount, Role, StopMode, VolumeName,
};

use super::{Fixtures, exec, exec_with, read, running, step};

fn mount(volume: &VolumeName, path: &str, read_only: bool) -> Mount {
    Mount { volume: volume.clone(), path: path.into(), read_only }
}

async fn write(driver: &dyn Driver, name: &InstanceName, path: &str, text: &str) {
    let output = exec_with(driver, name, ExecSpec::new(["tee", path]), text.as_bytes()).await;
    assert_eq!(output.code, 0, "{path}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn refuses_to_write(driver: &dyn Driver, name: &InstanceName, path: &str) {
    let output = exec_with(driver, name, ExecSpec::new(["tee", path]), b"x").await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.code != 0 && stderr.contains("Read-only file system"), "{path}: {} {stderr}", output.code);
}

pub(super) async fn run(driver: &dyn Driver, fixtures: &Fixtures) {
    let shared = VolumeName::store();
    let later = VolumeName::profile(&"late".parse().unwrap());
    let (mut writer, mut reader) = (fixtures.machine("writer"), fixtures.machine("reader"));
    writer.mounts.push(mount(&shared, "/shared", false));
    reader.mounts.push(mount(&shared, "/deep/down/shared", true));

    step("a missing volume is refused", async {
        let error = driver.create(&writer).await.unwrap_err();
        assert!(matches!(error, DriverError::Engine { .. } | DriverError::NotFound { .. }), "{error:?}");
        assert_eq!(driver.instances().await.unwrap(), [], "nothing is left of it");
    })
    .await;
    driver.create_volume(&shared).await.unwrap();
    driver.create_volume(&later).await.unwrap();
    let (writer_name, reader_name) = step("two guests share a volume", async {
        (running(driver, &writer).await, running(driver, &reader).await)
    })
    .await;
    let (w, r) = (&writer_name, &reader_name);

    step("what one writes, the other reads but can't write", async {
        write(driver, w, "/shared/file", "hello").await;
        assert_eq!(read(driver, r, &["cat", "/deep/down/shared/file"]).await, "hello");
        refuses_to_write(driver, r, "/deep/down/shared/file").await;
        refuses_to_write(driver, r, "/deep/down/shared/new").await;
        exec(driver, r, &["mount", "-o", "remount,rw", "/deep/down/shared"]).await;
        exec(driver, r, &["mount", "-o", "remount,bind,rw", "/deep/down/shared"]).await;
        refuses_to_write(driver, r, "/deep/down/shared/file").await;
    })
    .await;
    step("a mounted volume isn't deleted", async {
        let error = driver.delete_volume(&shared).await.unwrap_err();
        assert!(matches!(error, DriverError::Engine { .. }), "{error:?}");
    })
    .await;
    step("attach while running, twice", async {
        for _ in 0..2 {
            driver.attach(w, &mount(&later, "/later", false)).await.unwrap();
            driver.attach(r, &mount(&later, "/later", true)).await.unwrap();
        }
        write(driver, w, "/later/file", "late").await;
        assert_eq!(read(driver, r, &["cat", "/later/file"]).await, "late");
        refuses_to_write(driver, r, "/later/file").await;
    })
    .await;
    step("detach while running, twice", async {
        for _ in 0..2 {
            driver.detach(r, &later).await.unwrap();
        }
        assert_ne!(exec(driver, r, &["cat", "/later/file"]).await.code, 0);
        assert_eq!(read(driver, w, &["cat", "/later/file"]).await, "late");
    })
    .await;
    step("attach many at once", async {
        let volumes: Vec<_> =
            (0..6).map(|n| VolumeName::profile(&format!("many{n}").parse().unwrap())).collect();
        futures::future::join_all(volumes.iter().map(|volume| async move {
            driver.create_volume(volume).await.unwrap();
            driver.attach(w, &mount(volume, &format!("/many/{volume}"), false)).await.unwrap();
        }))
        .await;
        for volume in &volumes {
            write(driver, w, &format!("/many/{volume}/file"), "x").await;
            driver.detach(w, volume).await.unwrap();
            driver.delete_volume(volume).await.unwrap();
        }
    })
    .await;
    step("configure removes what it doesn't name, while running", async {
        reader.mounts.push(mount(&later, "/again", true));
        driver.configure(&reader).await.unwrap();
        driver.configure(&writer).await.unwrap();
        assert_eq!(read(driver, r, &["cat", "/again/file"]).await, "late");
        assert_ne!(exec(driver, w, &["cat", "/later/file"]).await.code, 0);
        assert_eq!(read(driver, w, &["cat", "/shared/file"]).await, "hello");
    })
    .await;
    step("another instance's root, read-only", async {
        writer.devices = vec![Device::InstanceRoot { of: r.clone(), path: "/instances/reader".into() }];
        driver.configure(&writer).await.unwrap();
        write(driver, r, "/home/someone/marker", "mine").await;
        assert_eq!(read(driver, w, &["cat", "/instances/reader/home/someone/marker"]).await, "mine");
        refuses_to_write(driver, w, "/instances/reader/home/someone/marker").await;
    })
    .await;
    step("shown and hidden while it runs, twice", async {
        let marker = "/instances/again/home/someone/marker";
        for _ in 0..2 {
            driver.attach_root(w, r, "/instances/again").await.unwrap();
        }
        assert_eq!(read(driver, w, &["cat", marker]).await, "mine");
        driver.stop(r, StopMode::Force).await.unwrap();
        assert_eq!(read(driver, w, &["cat", marker]).await, "mine");
        refuses_to_write(driver, w, marker).await;
        for _ in 0..2 {
            driver.detach_root(w, r).await.unwrap();
        }
        assert_ne!(exec(driver, w, &["cat", marker]).await.code, 0);
        driver.start(r).await.unwrap();
        driver.attach_root(w, r, "/instances/reader").await.unwrap();
        let nobody = "nobody".parse().map(Role::Machine).unwrap().instance();
        driver.attach_root(w, &nobody, "/instances/nobody").await.unwrap();
        driver.detach_root(w, &nobody).await.unwrap();
    })
    .await;
    step("volumes outlive instances, also one whose root is mounted elsewhere", async {
        super::remove(driver, r).await;
        driver.stop(w, StopMode::Force).await.unwrap();
        driver.start(w).await.unwrap();
        assert_eq!(read(driver, w, &["cat", "/shared/file"]).await, "hello");
        super::remove(driver, w).await;
        let next = running(driver, &fixtures.machine("next")).await;
        driver.attach(&next, &mount(&shared, "/shared", true)).await.unwrap();
        assert_eq!(read(driver, &next, &["cat", "/shared/file"]).await, "hello");
        super::remove(driver, &next).await;
    })
    .await;
    step("volumes are deleted when nobody mounts them", async {
        for volume in [&shared, &later] {
            driver.delete_volume(volume).await.unwrap();
        }
    })
    .await;
}
