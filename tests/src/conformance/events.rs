//! Changes by others are told, and so is the engine's absence.

use std::time::Duration;

use codchi_controller::driver::{Driver, DriverError, InstanceEvent, InstanceState};
use futures::{StreamExt, stream::BoxStream};

use super::{Fixtures, Outside, running, state, step};

/// Reads on until `expected`; repeated news of the same are fine.
async fn expect(events: &mut BoxStream<'static, InstanceEvent>, expected: &InstanceEvent) {
    let arrival = async { while &events.next().await.expect("the stream never ends") != expected {} };
    let arrived = tokio::time::timeout(Duration::from_secs(20), arrival).await;
    assert!(arrived.is_ok(), "{expected:?} doesn't come");
}

pub(super) async fn run(driver: &dyn Driver, outside: &dyn Outside, fixtures: &Fixtures) {
    let spec = fixtures.machine("events");
    let changed = InstanceEvent::Changed(spec.role.clone());
    let mut events = driver.events();
    step("events begin with a resync", async {
        assert_eq!(events.next().await, Some(InstanceEvent::Resync));
    })
    .await;
    let name = running(driver, &spec).await;
    step("our own changes are told", async {
        expect(&mut events, &changed).await;
    })
    .await;
    step("changes by another program are told", async {
        // A new listener, which has heard nothing of what was before.
        let mut events = driver.events();
        assert_eq!(events.next().await, Some(InstanceEvent::Resync));
        outside.stop(&name).await;
        expect(&mut events, &changed).await;
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Stopped));
        let mut events = driver.events();
        assert_eq!(events.next().await, Some(InstanceEvent::Resync));
        outside.start(&name).await;
        expect(&mut events, &changed).await;
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Running));
    })
    .await;
    step("the engine goes and comes back", async {
        outside.stop_engine().await;
        expect(&mut events, &InstanceEvent::Lost).await;
        let alone = driver.instance(&name).await.unwrap_err();
        for error in [driver.engine().await.unwrap_err(), driver.instances().await.unwrap_err(), alone] {
            assert!(matches!(error, DriverError::Unreachable { .. }), "{error:?}");
        }
        let error = driver.start(&name).await.unwrap_err();
        assert!(matches!(error, DriverError::Unreachable { .. }), "{error:?}");
        assert_eq!(driver.events().next().await, Some(InstanceEvent::Lost), "a listener that comes now");

        outside.start_engine().await;
        expect(&mut events, &InstanceEvent::Resync).await;
        assert_eq!(state(driver, &spec.role).await, Some(InstanceState::Running), "it ran on");
    })
    .await;
    step("whoever may not use the engine is told so", async {
        let error = outside.denied().await;
        assert!(matches!(error, DriverError::Denied { .. }), "{error:?}");
    })
    .await;
    super::remove(driver, &name).await;
}
