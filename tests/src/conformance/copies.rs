//! A copy has what its original had, a renamed instance is the same one, and what was broken off is finished.

use codchi_controller::driver::{Driver, DriverError, ExecSpec, InstanceState, Mount, StopMode, VolumeName};

use super::{Fixtures, exec_with, greets, read, remove, role, running, state, step};

pub(super) async fn run(driver: &dyn Driver, fixtures: &Fixtures) {
    let volume = |name: &str| VolumeName::profile(&name.parse().unwrap());
    let with_volume = |name: &str| {
        let mut spec = fixtures.machine(name);
        spec.mounts.push(Mount { volume: volume(name), path: "/own".into(), read_only: false });
        spec.environment.insert("GREETING".into(), format!("I am {name}"));
        spec
    };
    let (first, second, third) = (with_volume("first"), with_volume("second"), with_volume("third"));
    for name in ["first", "second", "third"] {
        driver.create_volume(&volume(name)).await.unwrap();
    }
    let name = running(driver, &first).await;
    for (path, text) in [("/kept", "on the disk"), ("/own/file", "in the volume")] {
        let written = exec_with(driver, &name, ExecSpec::new(["tee", path]), text.as_bytes()).await;
        assert_eq!(written.code, 0, "{path}");
    }

    step("a copy of what runs, twice", async {
        driver.copy(&name, &second).await.unwrap();
        driver.copy(&name, &second).await.unwrap();
        assert_eq!(state(driver, &role("first")).await, Some(InstanceState::Running));
        assert_eq!(state(driver, &role("second")).await, Some(InstanceState::Stopped));
        let copy = second.role.instance();
        driver.start(&copy).await.unwrap();
        assert_eq!(read(driver, &copy, &["cat", "/kept"]).await, "on the disk");
        greets(driver, &copy, "I am second\n").await;
        let own = super::exec(driver, &copy, &["cat", "/own/file"]).await;
        assert_ne!(own.code, 0, "its volume is its own");
        let written = exec_with(driver, &copy, ExecSpec::new(["tee", "/kept"]), b"changed").await;
        assert_eq!(written.code, 0);
        assert_eq!(read(driver, &name, &["cat", "/kept"]).await, "on the disk", "the original stays");
        remove(driver, &copy).await;
    })
    .await;
    step("what runs keeps its name", async {
        let error = driver.rename(&name, &third).await.unwrap_err();
        assert!(matches!(error, DriverError::Engine { .. }), "{error:?}");
        assert_eq!(state(driver, &role("first")).await, Some(InstanceState::Running));
        driver.stop(&name, StopMode::Force).await.unwrap();
    })
    .await;
    step("a name that is taken stays taken", async {
        driver.create(&third).await.unwrap();
        let error = driver.rename(&name, &third).await.unwrap_err();
        assert!(matches!(error, DriverError::Engine { .. }), "{error:?}");
        assert_eq!(driver.instances().await.unwrap().len(), 2);
        driver.delete(&third.role.instance()).await.unwrap();
    })
    .await;
    step("another name, twice", async {
        driver.rename(&name, &third).await.unwrap();
        driver.rename(&name, &third).await.unwrap();
        let instances = driver.instances().await.unwrap();
        assert_eq!(instances.iter().map(|one| one.role.clone()).collect::<Vec<_>>(), [role("third")]);
        let renamed = third.role.instance();
        driver.start(&renamed).await.unwrap();
        assert_eq!(read(driver, &renamed, &["cat", "/kept"]).await, "on the disk");
        greets(driver, &renamed, "I am third\n").await;
        let own = super::exec(driver, &renamed, &["cat", "/own/file"]).await;
        assert_ne!(own.code, 0, "the volume of its name");
        remove(driver, &renamed).await;
    })
    .await;
    step("what isn't there has no copy and no other name", async {
        for outcome in [driver.copy(&name, &second).await, driver.rename(&name, &second).await] {
            assert!(matches!(outcome, Err(DriverError::NotFound { kind: "instance", .. })), "{outcome:?}");
        }
        for name in ["first", "second", "third"] {
            driver.delete_volume(&volume(name)).await.unwrap();
        }
    })
    .await;
}
