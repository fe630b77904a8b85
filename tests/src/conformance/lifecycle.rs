//! Images, volumes and instances come and go, however often they are asked to.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use codchi_controller::driver::{
    Driver, DriverError, Image, InstanceState, InstanceStatus, StopMode, VolumeName,
};

use super::{Fixtures, greets, role, state, step};

pub(super) async fn run(driver: &dyn Driver, fixtures: &Fixtures) {
    step("create without its image", async {
        let error = driver.create(&fixtures.machine("early")).await.unwrap_err();
        assert!(matches!(error, DriverError::NotFound { kind: "image", .. }), "{error:?}");
    })
    .await;
    step("import tells progress", async {
        let told = Mutex::new(Vec::new());
        let progress = |sent| told.lock().unwrap().push(sent);
        driver.import_image(&fixtures.image, &fixtures.rootfs(), &progress).await.unwrap();
        let told = told.into_inner().unwrap();
        assert!(told.is_sorted(), "{told:?}");
        assert_eq!(told.last(), Some(&fixtures.image.size));
    })
    .await;
    step("import again sends nothing", async {
        let sent = AtomicU64::new(0);
        let progress = |bytes| sent.store(bytes, Ordering::Relaxed);
        driver.import_image(&fixtures.image, &fixtures.rootfs(), &progress).await.unwrap();
        assert_eq!(sent.into_inner(), 0);
    })
    .await;
    step("import of a file that isn't there", async {
        let image = Image { sha256: "0".repeat(64), ..fixtures.image.clone() };
        let error = driver.import_image(&image, "/nonexistent.tar".as_ref(), &|_| {}).await.unwrap_err();
        assert!(matches!(error, DriverError::File { .. }), "{error:?}");
    })
    .await;
    step("an image replaces an older one of its name, and no other", async {
        let older = Image { sha256: "1".repeat(64), ..fixtures.image.clone() };
        let other = Image { name: "other".into(), ..older.clone() };
        for image in [&older, &other, &fixtures.image] {
            driver.import_image(image, &fixtures.rootfs(), &|_| {}).await.unwrap();
        }
        let mut spec = fixtures.machine("older");
        spec.image = older;
        let error = driver.create(&spec).await.unwrap_err();
        assert!(matches!(error, DriverError::NotFound { kind: "image", .. }), "{error:?}");
        spec.image = other;
        driver.create(&spec).await.unwrap();
        driver.delete(&spec.role.instance()).await.unwrap();
    })
    .await;
    step("volumes", async {
        let volume = VolumeName::profile(&"conformance".parse().unwrap());
        driver.create_volume(&volume).await.unwrap();
        driver.create_volume(&volume).await.unwrap();
        driver.delete_volume(&volume).await.unwrap();
        driver.delete_volume(&volume).await.unwrap();
    })
    .await;
    instance(driver, fixtures).await;
    stubborn(driver, fixtures).await;
    missing(driver).await;
}

async fn instance(driver: &dyn Driver, fixtures: &Fixtures) {
    let mut spec = fixtures.machine("life");
    spec.environment.insert("GREETING".into(), "it's a $greeting, \"quoted\" = ü".into());
    let name = spec.role.instance();
    step("create, twice", async {
        driver.create(&spec).await.unwrap();
        driver.create(&spec).await.unwrap();
        let instances = driver.instances().await.unwrap();
        assert_eq!(instances.len(), 1);
        assert_eq!(instances[0].role, spec.role);
        assert_eq!(instances[0].state, InstanceState::Stopped);
        assert_eq!(instances[0].image.as_deref(), Some(fixtures.image.sha256.as_str()));
        assert_eq!(instances[0].since, None);
        assert_eq!(driver.instance(&name).await.unwrap().as_ref(), Some(&instances[0]));
    })
    .await;
    step("a stopped instance runs no commands", async {
        let error =
            driver.exec(&name, codchi_controller::driver::ExecSpec::new(["true"])).await.err().unwrap();
        assert!(matches!(error, DriverError::NotRunning { .. }), "{error:?}");
    })
    .await;
    step("start, twice", async {
        driver.start(&name).await.unwrap();
        driver.start(&name).await.unwrap();
        let instances = driver.instances().await.unwrap();
        assert_eq!(instances[0].state, InstanceState::Running);
        assert!(instances[0].since.is_some(), "{instances:?}");
        let alone = driver.instance(&name).await.unwrap().unwrap();
        let unseen = InstanceStatus { since: None, address: None, ..instances[0].clone() };
        assert_eq!(alone, unseen);
    })
    .await;
    step("a running instance isn't deleted", async {
        let error = driver.delete(&name).await.unwrap_err();
        assert!(matches!(error, DriverError::Engine { .. }), "{error:?}");
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Running));
    })
    .await;
    step("init has its environment", async {
        greets(driver, &name, "it's a $greeting, \"quoted\" = ü\n").await;
    })
    .await;
    step("stop gracefully, twice", async {
        let begin = Instant::now();
        driver.stop(&name, StopMode::Graceful(Duration::from_secs(30))).await.unwrap();
        assert!(begin.elapsed() < Duration::from_secs(20), "it was stopped by force");
        driver.stop(&name, StopMode::Graceful(Duration::from_secs(30))).await.unwrap();
        driver.stop(&name, StopMode::Force).await.unwrap();
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Stopped));
    })
    .await;
    step("configure changes the environment of the next start", async {
        spec.environment.insert("GREETING".into(), "second".into());
        driver.configure(&spec).await.unwrap();
        driver.configure(&spec).await.unwrap();
        driver.start(&name).await.unwrap();
        greets(driver, &name, "second\n").await;
        driver.stop(&name, StopMode::Force).await.unwrap();
    })
    .await;
    step("delete, twice", async {
        driver.delete(&name).await.unwrap();
        driver.delete(&name).await.unwrap();
        assert_eq!(driver.instances().await.unwrap(), []);
    })
    .await;
}

async fn stubborn(driver: &dyn Driver, fixtures: &Fixtures) {
    let mut spec = fixtures.machine("stubborn");
    spec.environment.insert("STUBBORN".into(), "1".into());
    let name = super::running(driver, &spec).await;
    step("what doesn't stop when asked is stopped by force", async {
        driver.stop(&name, StopMode::Graceful(Duration::from_secs(1))).await.unwrap();
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Stopped));
    })
    .await;
    super::remove(driver, &name).await;
}

async fn missing(driver: &dyn Driver) {
    step("what isn't there is named", async {
        let name = role("nobody").instance();
        assert_eq!(driver.instance(&name).await.unwrap(), None);
        let expect = |error: DriverError| match error {
            DriverError::NotFound { kind: "instance", name } => assert_eq!(name, "codchi-nobody"),
            error => panic!("{error:?}"),
        };
        expect(driver.start(&name).await.unwrap_err());
        expect(driver.stop(&name, StopMode::Force).await.unwrap_err());
        expect(driver.exec(&name, codchi_controller::driver::ExecSpec::new(["true"])).await.err().unwrap());
        expect(driver.detach(&name, &VolumeName::store()).await.unwrap_err());
    })
    .await;
}
