//! What others made is never listed, changed or deleted, whatever its name.

use codchi_controller::driver::{Driver, DriverError, ExecSpec, Mount, StopMode, VolumeName};

use super::{Fixtures, Outside, step};

pub(super) async fn run(driver: &dyn Driver, outside: &dyn Outside, fixtures: &Fixtures) {
    step("a foreign instance with our prefix", async {
        outside.make_foreign("codchi-theirs").await;
        outside.make_foreign("theirs").await;
        assert_eq!(driver.instances().await.unwrap(), []);

        let spec = fixtures.machine("theirs");
        let name = spec.role.instance();
        assert_eq!(driver.instance(&name).await.unwrap(), None);
        let volume = VolumeName::config();
        driver.create_volume(&volume).await.unwrap();
        let mount = Mount { volume: volume.clone(), path: "/x".into(), read_only: true };
        let refused = [
            ("create", driver.create(&spec).await),
            ("configure", driver.configure(&spec).await),
            ("attach", driver.attach(&name, &mount).await),
            ("detach", driver.detach(&name, &volume).await),
            ("start", driver.start(&name).await),
            ("stop", driver.stop(&name, StopMode::Force).await),
            ("delete", driver.delete(&name).await),
            ("exec", driver.exec(&name, ExecSpec::new(["true"])).await.map(drop)),
        ];
        for (method, outcome) in refused {
            match outcome {
                Err(DriverError::NotOurs { kind: "instance", name }) => assert_eq!(name, "codchi-theirs"),
                outcome => panic!("{method}: {outcome:?}"),
            }
        }
        driver.delete_volume(&volume).await.unwrap();
        for name in ["codchi-theirs", "theirs"] {
            outside.delete_foreign(name).await;
        }
    })
    .await;
}
