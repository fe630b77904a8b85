//! Changes reach a listener, whoever makes them: this process, another one, or another program at the engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{fs, time::Duration};

use codchi_controller::{
    Dialogue,
    driver::{InstanceState, Role},
    event::Event,
    operation::{Door, OperationState},
    settings::{Settings, Theme},
    status::{MachineStatus, RunState},
};
use futures::{StreamExt as _, stream::BoxStream};
use world::{World, name, new};

/// The first event that `wanted` makes something of.
async fn next<T>(events: &mut BoxStream<'static, Event>, wanted: impl Fn(Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = events.next().await.expect("the stream goes on");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("the event comes")
}

fn machine(event: Event) -> Option<MachineStatus> {
    match event {
        Event::MachinesChanged { mut changed, .. } => changed.pop(),
        _ => None,
    }
}

#[tokio::test]
async fn a_listener_is_told_of_what_others_do() {
    let world = World::new();
    let mut events = world.another_process().events();
    let first = next(&mut events, Some).await;
    assert!(matches!(first, Event::MachinesChanged { changed, .. } if changed.is_empty()));

    let operation = world.controller.init(new("hello", "repo"), Door::CommandLine).await.unwrap();
    let lines = next(&mut events, |event| match event {
        Event::LogGrew { id, lines } if id == operation.id => Some(lines),
        _ => None,
    })
    .await;
    assert!(lines > 0);
    next(&mut events, |event| match event {
        Event::OperationChanged { operation: o } if o.id == operation.id => {
            (o.state == OperationState::Succeeded).then_some(())
        }
        _ => None,
    })
    .await;
    next(&mut events, |event| {
        machine(event).filter(|m| m.status == RunState::Running && m.operation.is_none())
    })
    .await;

    let instance = Role::Machine(name("hello")).instance();
    world.driver.set_state_from_outside(&instance, InstanceState::Stopped);
    next(&mut events, |event| machine(event).filter(|m| m.status == RunState::Stopped)).await;

    world.driver.set_reachable(false);
    next(&mut events, |event| machine(event).filter(|m| m.status == RunState::Unknown)).await;
    world.driver.set_reachable(true);
    next(&mut events, |event| machine(event).filter(|m| m.status == RunState::Stopped)).await;

    let settings = Settings { theme: Theme::Dark, ..Settings::default() };
    world.controller.set_settings(&settings).unwrap();
    let told = next(&mut events, |event| match event {
        Event::SettingsChanged { settings } => Some(settings),
        _ => None,
    })
    .await;
    assert_eq!(told, settings);

    world.controller.delete(&name("hello"), false, Door::CommandLine).await.unwrap();
    next(&mut events, |event| match event {
        Event::MachinesChanged { removed, .. } => removed.contains(&name("hello")).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn an_address_is_told_when_what_was_done_is_over() {
    let world = World::new();
    world.init("hello").await;
    let mut events = world.another_process().events();
    let instance = Role::Machine(name("hello")).instance();
    // The engine has told of everything that it does tell.
    for (state, seen) in
        [(InstanceState::Stopped, RunState::Stopped), (InstanceState::Running, RunState::Running)]
    {
        world.driver.set_state_from_outside(&instance, state);
        let now = next(&mut events, |event| machine(event).filter(|machine| machine.status == seen)).await;
        assert_eq!(now.address, None);
    }
    world.driver.set_address(&instance, "10.0.3.17");
    let rebuild =
        world.controller.rebuild(&name("hello"), false, false, Dialogue::default(), Door::Window).unwrap();
    world.end(rebuild.id).await;
    let with = next(&mut events, |event| machine(event).filter(|machine| machine.address.is_some())).await;
    assert_eq!(with.address.as_deref(), Some("10.0.3.17"));
}

#[tokio::test]
async fn an_operation_whose_process_ended_is_explained() {
    let world = World::new();
    let operation = world.init("hello").await;
    let path = world.directory.path().join(format!("data/operations/{}/operation.json", operation.id));
    let running = fs::read_to_string(&path).unwrap().replace("\"succeeded\"", "\"running\"");
    fs::write(&path, &running).unwrap();
    let found = world.controller.operations(None, 1).remove(0);
    assert_eq!(found.state, OperationState::Interrupted);
    let message = found.failure.unwrap().message;
    assert_eq!(message, "the process that worked on 'hello' ended before it was done");
    assert_eq!(
        world.controller.operations(None, 1)[0].state,
        OperationState::Interrupted,
        "once and for all"
    );
}

#[tokio::test]
async fn what_is_over_is_told_once() {
    let world = World::new();
    let mut events = world.another_process().events();
    let operation = world.init("hello").await;
    let is_its_end = |event: &Event| match event {
        Event::OperationChanged { operation: o } => o.id == operation.id && o.state.is_over(),
        _ => false,
    };
    next(&mut events, |event| is_its_end(&event).then_some(())).await;
    let file = world.directory.path().join(format!("data/operations/{}/operation.json", operation.id));
    fs::write(&file, fs::read(&file).unwrap()).unwrap();
    let settings = Settings { theme: Theme::Dark, ..Settings::default() };
    world.controller.set_settings(&settings).unwrap();
    next(&mut events, |event| match event {
        Event::SettingsChanged { .. } => Some(()),
        Event::ActivitiesChanged { .. } | Event::LogGrew { .. } | Event::OperationChanged { .. } => {
            panic!("told again: {event:?}")
        }
        Event::MachinesChanged { .. } => None,
    })
    .await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_not_replaced() {
    let world = World::new();
    let file = world.config().join("settings.json");
    fs::write(&file, "{").unwrap();
    assert!(world.controller.set_settings(&Settings::default()).is_err());
    assert_eq!(fs::read_to_string(&file).unwrap(), "{");
}
