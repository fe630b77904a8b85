//! Asking for secrets, keeping and delivering them, over the engine and the stores in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::sync::{Arc, Mutex};

use codchi_controller::{
    Controller, Dialogue, NewMachine,
    driver::fake::FakeProcess,
    error::Error,
    event::Event,
    failure::FailureCode,
    nix::{HostSecretRequests, Requirements, SecretRequest},
    operation::{Door, Operation, OperationId, OperationState, Phase, PhaseState},
    secret::{
        AskFor, GivenAnswers, HostSecret, SecretId, SecretStore as _, SecretValue, StoreError, StoreKind,
        StoreState,
    },
};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use world::{World, name, new};

fn request(optional: bool, pattern: Option<&str>) -> SecretRequest {
    SecretRequest {
        description: "A token".into(),
        kind: "env".into(),
        env: Some("TOKEN".into()),
        path: None,
        owner: Some("codchi".into()),
        group: Some("users".into()),
        mode: Some("0400".into()),
        optional,
        pattern: pattern.map(str::to_owned),
        module: Some(0),
    }
}

fn asking(secrets: &[(&str, SecretRequest)]) -> Requirements {
    Requirements {
        secrets: secrets.iter().map(|(name, request)| ((*name).to_owned(), request.clone())).collect(),
        ..Requirements::default()
    }
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text).unwrap()
}

fn given(secrets: &[(&str, &str)]) -> GivenAnswers {
    GivenAnswers {
        secrets: secrets.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect(),
        ..GivenAnswers::default()
    }
}

fn id(secret: &str) -> SecretId {
    SecretId::Machine { machine: name("hello"), secret: secret.into() }
}

/// What was delivered to machines, one entry a delivery.
type Delivered = Arc<Mutex<Vec<serde_json::Value>>>;

/// A world whose machines take deliveries, and whose module asks for this.
fn world(requirements: Requirements) -> (World, Delivered) {
    let world = World::new();
    world.nix.state().requirements = requirements;
    let delivered = Delivered::default();
    let kept = Arc::clone(&delivered);
    world.driver.on_exec(move |mut process: FakeProcess| {
        let kept = Arc::clone(&kept);
        async move {
            if !process.spec.argv.iter().any(|word| word == "deliver") {
                return world::machine(process).await;
            }
            let mut bytes = Vec::new();
            process.stdin.read_to_end(&mut bytes).await.unwrap();
            kept.lock().unwrap().push(serde_json::from_slice(&bytes).unwrap());
            process.stdout.shutdown().await.unwrap();
            0
        }
    });
    (world, delivered)
}

/// Follows an operation until it is as wanted.
async fn until(controller: &Controller, id: OperationId, is: impl Fn(&Operation) -> bool) -> Operation {
    let mut events = controller.follow(id).unwrap();
    while let Some(event) = events.next().await {
        if let Event::OperationChanged { operation } = event
            && is(&operation)
        {
            return operation;
        }
    }
    panic!("the operation never was as wanted");
}

async fn waiting(controller: &Controller, operation: &Operation) -> Operation {
    until(controller, operation.id, |operation| operation.state == OperationState::WaitingForInput).await
}

async fn begin(world: &World, new: NewMachine) -> Operation {
    world.controller.init(new, Door::CommandLine).await.unwrap()
}

#[tokio::test]
async fn a_build_waits_for_the_answer_of_another_process_and_builds_nothing_before() {
    let (world, delivered) = world(asking(&[("token", request(false, None)), ("dsn", request(true, None))]));
    let operation = waiting(&world.controller, &begin(&world, new("hello", "repo")).await).await;
    assert_eq!(operation.phase(), Some(Phase::Ask));
    let asks = operation.asks.clone().unwrap();
    let asked: Vec<_> = asks.secrets.iter().map(|s| (s.name.as_str(), s.module.as_deref())).collect();
    assert_eq!(asked, [("token", Some("hello")), ("dsn", Some("hello"))]);
    assert_eq!(world.nix.builds.load(std::sync::atomic::Ordering::SeqCst), 0);

    let other = world.another_process();
    let answered = other.answer(&name("hello"), &given(&[("token", "s3cret")]), Door::Window).await.unwrap();
    assert!(answered.operation.is_none(), "its process lives and goes on by itself");
    let ended = world.end(operation.id).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", ended.failure);
    assert_eq!(ended.asks, None);
    let delivery = delivered.lock().unwrap().last().cloned().unwrap();
    assert_eq!(delivery["env"], serde_json::json!([{"name": "TOKEN", "value": "czNjcmV0"}]));
    assert_eq!(delivery["version"], 1);
}

#[tokio::test]
async fn an_operation_whose_process_ended_waits_on_and_the_answer_continues_it() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    // A process of its own, which ends while the operation waits.
    let controller = world.another_process();
    let process = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let operation = controller.init(new("hello", "repo"), Door::CommandLine).await.unwrap();
            waiting(&controller, &operation).await.id
        })
    };
    let waiting_id = tokio::task::spawn_blocking(process).await.unwrap();
    let (still, ..) = world.controller.operation(waiting_id).await.unwrap();
    assert_eq!(still.state, OperationState::WaitingForInput, "nobody calls it interrupted");

    let answered =
        world.controller.answer(&name("hello"), &given(&[("token", "x")]), Door::Window).await.unwrap();
    let continued = answered.operation.expect("it is continued here");
    let ended = world.end(continued.id).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{:?}", ended.failure);
    let (before, ..) = world.controller.operation(waiting_id).await.unwrap();
    assert_eq!((before.state, before.continued_by), (OperationState::Interrupted, Some(continued.id)));
    let answers = std::fs::read_to_string(world.config().join("machines/hello/answers.json")).unwrap();
    assert!(answers.contains("\"token\"") && !answers.contains("\"x\""), "{answers}");
}

#[tokio::test]
async fn who_was_not_to_be_started_is_not_by_whoever_continues() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let controller = world.another_process();
    let process = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stopped = NewMachine { start: false, ..new("hello", "repo") };
            let operation = controller.init(stopped, Door::CommandLine).await.unwrap();
            waiting(&controller, &operation).await;
        });
    };
    tokio::task::spawn_blocking(process).await.unwrap();
    let answered =
        world.controller.answer(&name("hello"), &given(&[("token", "x")]), Door::Window).await.unwrap();
    let continued = answered.operation.expect("it is continued here");
    assert_eq!(world.end(continued.id).await.state, OperationState::Succeeded);
    let status = world.controller.status().await.unwrap();
    assert_eq!(status.machines[0].status, codchi_controller::status::RunState::Stopped);
}

#[tokio::test]
async fn answers_count_also_where_nothing_else_changed() {
    let (world, delivered) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "old")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    world.end(made.id).await;
    let rebuild = |answers| {
        let dialogue = Dialogue { answers, ..Dialogue::default() };
        world.controller.rebuild(&name("hello"), false, false, dialogue, Door::CommandLine).unwrap()
    };
    let rotated = world.end(rebuild(given(&[("token", "new")])).id).await;
    assert_eq!(rotated.state, OperationState::Succeeded, "{:?}", rotated.failure);
    assert!(!rotated.outcome.unwrap().changed);
    assert_eq!(world.controller.reveal_secret(&name("hello"), "token").await.unwrap(), value("new"));
    assert_eq!(delivered.lock().unwrap().last().unwrap()["env"][0]["value"], "bmV3", "it runs with it");

    // What it needs and was forgotten is asked for.
    world.controller.unset_secret(&name("hello"), "token", Door::CommandLine).await.unwrap();
    let waits = rebuild(GivenAnswers::default());
    assert_eq!(waiting(&world.controller, &waits).await.asks.unwrap().secrets[0].name, "token");
    world.controller.answer(&name("hello"), &given(&[("token", "x")]), Door::Window).await.unwrap();
    assert_eq!(world.end(waits.id).await.state, OperationState::Succeeded);
    assert_eq!(delivered.lock().unwrap().last().unwrap()["env"][0]["value"], "eA==");
}

#[tokio::test]
async fn answers_that_come_along_are_not_asked_for() {
    let (world, delivered) = world(asking(&[("token", request(false, Some("[a-z]+")))]));
    let dialogue = |text| Dialogue {
        answers: given(&[("token", text), ("other", "unknown")]),
        ask_for: AskFor::Everything,
    };
    let refused = begin(&world, NewMachine { dialogue: dialogue("NO"), ..new("hello", "repo") }).await;
    let refused = world.end(refused.id).await;
    let why = refused.failure.unwrap();
    assert_eq!(why.code, FailureCode::InvalidArgument);
    assert!(why.message.contains("pattern [a-z]+") && !why.message.contains("NO"), "{}", why.message);
    assert_eq!(world.stores[0].ids(), [], "what doesn't fit isn't kept");

    let made = begin(&world, NewMachine { dialogue: dialogue("yes"), ..new("hello", "repo") }).await;
    let made = world.end(made.id).await;
    assert_eq!(made.state, OperationState::Succeeded, "{:?}", made.failure);
    assert_eq!(world.stores[0].ids(), [id("token")]);
    assert_eq!(delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn somebody_who_is_there_is_asked_for_everything_once() {
    let requirements = Requirements {
        host_secrets: HostSecretRequests { ssh_agent: true, ..HostSecretRequests::default() },
        ..asking(&[("dsn", request(true, None))])
    };
    let (world, _) = world(requirements);
    let dialogue = Dialogue { ask_for: AskFor::Everything, ..Dialogue::default() };
    let operation = begin(&world, NewMachine { dialogue: dialogue.clone(), ..new("hello", "repo") }).await;
    let asks = waiting(&world.controller, &operation).await.asks.unwrap();
    assert_eq!(asks.host_secrets, [HostSecret::SshAgent]);
    let answers = GivenAnswers {
        later: ["dsn".to_owned()].into(),
        host_secrets: [(HostSecret::SshAgent, false)].into(),
        ..GivenAnswers::default()
    };
    world.controller.answer(&name("hello"), &answers, Door::Window).await.unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Succeeded);

    world.nix.state().commit += 1;
    let rebuild = world.controller.rebuild(&name("hello"), true, false, dialogue, Door::Window).unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded, "nothing is asked twice");
    let (secrets, host) = world.controller.secrets(&name("hello")).unwrap();
    assert!(!secrets[0].set && secrets[0].optional);
    assert_eq!(host[0].allowed, Some(false));
}

#[tokio::test]
async fn without_requests_the_phase_is_skipped() {
    let (world, delivered) = world(Requirements::default());
    let operation = world.init("hello").await;
    let ask = operation.phases.iter().find(|p| p.phase == Phase::Ask).unwrap();
    assert_eq!(ask.state, PhaseState::Skipped);
    assert!(delivered.lock().unwrap().is_empty(), "nothing is run in the machine for nothing");
}

#[tokio::test]
async fn a_locked_store_is_waited_for_and_said() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    assert_eq!(world.end(made.id).await.state, OperationState::Succeeded);

    world.stores[0].set_state(StoreState::Locked);
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    let asks = waiting(&world.controller, &rebuild).await.asks.unwrap();
    assert_eq!(asks.unlock, Some(StoreKind::Keyring));
    world.controller.unlock_store(None).await.unwrap();
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded);
}

#[tokio::test]
async fn a_store_that_another_process_opens_lets_the_operation_go_on() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    assert_eq!(world.end(made.id).await.state, OperationState::Succeeded);
    world.stores[0].set_state(StoreState::Locked);
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    waiting(&world.controller, &rebuild).await;
    world.stores[0].set_state(StoreState::Ready);
    assert_eq!(world.end(rebuild.id).await.state, OperationState::Succeeded);
}

#[tokio::test]
async fn a_machine_does_not_start_without_the_secrets_it_has() {
    let (world, delivered) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    world.end(made.id).await;

    // Nor is it stopped when it couldn't be started again.
    world.stores[0].set_state(StoreState::Absent);
    let restart = world.controller.restart(&name("hello"), true, Door::Tray).unwrap();
    assert_eq!(world.end(restart.id).await.failure.unwrap().code, FailureCode::StoreUnavailable);
    let status = world.controller.status().await.unwrap();
    assert_eq!(status.machines[0].status, codchi_controller::status::RunState::Running);
    let stop = world.controller.stop(&name("hello"), true, Door::Tray).unwrap();
    world.end(stop.id).await;

    let start = world.controller.start(&name("hello"), Door::Tray).unwrap();
    let failed = world.end(start.id).await.failure.unwrap();
    assert_eq!(failed.code, FailureCode::StoreUnavailable);
    assert!(failed.hints.iter().any(|hint| hint.contains("vault")), "{:?}", failed.hints);
    let status = world.controller.status().await.unwrap();
    assert_eq!(status.machines[0].status, codchi_controller::status::RunState::Stopped);

    world.stores[0].set_state(StoreState::Ready);
    let start = world.controller.start(&name("hello"), Door::Tray).unwrap();
    assert_eq!(world.end(start.id).await.state, OperationState::Succeeded);
    assert_eq!(delivered.lock().unwrap().len(), 2, "at its creation and at this start");
}

#[tokio::test]
async fn a_change_reaches_the_machine_that_runs_and_a_removal_forgets_everything() {
    let (world, delivered) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "old")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    world.end(made.id).await;

    let answered =
        world.controller.answer(&name("hello"), &given(&[("token", "new")]), Door::Window).await.unwrap();
    assert!(answered.delivered);
    assert_eq!(delivered.lock().unwrap().last().unwrap()["env"][0]["value"], "bmV3");
    assert_eq!(world.controller.reveal_secret(&name("hello"), "token").await.unwrap(), value("new"));
    let unknown = world.controller.answer(&name("hello"), &given(&[("nope", "x")]), Door::Window).await;
    assert!(matches!(unknown, Err(Error::SecretNotFound { asked, .. }) if asked == ["token"]));

    let answered = world.controller.unset_secret(&name("hello"), "token", Door::Window).await.unwrap();
    assert!(answered.delivered, "the machine has nothing any more either");
    assert_eq!(delivered.lock().unwrap().last().unwrap()["env"], serde_json::json!([]));
    let gone = world.controller.reveal_secret(&name("hello"), "token").await;
    assert!(matches!(gone, Err(Error::SecretNotSet { .. })));

    world.controller.answer(&name("hello"), &given(&[("token", "again")]), Door::Window).await.unwrap();
    let delete = world.controller.delete(&name("hello"), false, Door::Window).await.unwrap();
    assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
    assert_eq!(world.stores[0].ids(), []);
}

#[tokio::test]
async fn another_store_takes_the_values_along() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    world.end(made.id).await;
    world.stores[1].set_state(StoreState::Locked);

    let wrong = world.controller.use_store(StoreKind::Vault, Some(&value("open barley"))).await;
    assert!(matches!(wrong, Err(Error::Store(StoreError::WrongPassphrase))));
    assert_eq!(world.controller.store_state().await.unwrap(), (StoreKind::Keyring, StoreState::Ready));

    world.controller.use_store(StoreKind::Vault, Some(&value("open sesame"))).await.unwrap();
    assert_eq!(world.stores[0].ids(), []);
    assert_eq!(world.stores[1].get(&id("token")).await.unwrap(), Some(value("x")));
    assert_eq!(world.controller.store_state().await.unwrap(), (StoreKind::Vault, StoreState::Ready));
}

#[tokio::test]
async fn a_waiting_operation_can_be_cancelled_also_when_nobody_runs_it() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let operation = waiting(&world.controller, &begin(&world, new("hello", "repo")).await).await;
    world.another_process().cancel(operation.id).unwrap();
    assert_eq!(world.end(operation.id).await.state, OperationState::Cancelled);
}

#[tokio::test]
async fn what_was_not_built_gets_nothing_delivered() {
    let (world, delivered) = world(Requirements::default());
    world.init("hello").await;
    // A new commit asks for a secret, is answered, and doesn't build; another one is only looked at.
    world.nix.state().requirements = asking(&[("token", request(false, None))]);
    world.nix.state().commit = 1;
    world.nix.state().build_error = Some(|| codchi_controller::nix::NixError::Build {
        derivation: "hello".into(),
        cause: "no".into(),
        last_lines: vec![],
    });
    let controller = &world.controller;
    let rebuild = |dry_run: bool| {
        let answers = if dry_run { GivenAnswers::default() } else { given(&[("token", "x")]) };
        let dialogue = Dialogue { answers, ..Dialogue::default() };
        controller.rebuild(&name("hello"), true, dry_run, dialogue, Door::Window).unwrap()
    };
    assert_eq!(world.end(rebuild(true).id).await.state, OperationState::Failed);
    assert_eq!(controller.secrets(&name("hello")).unwrap().0, [], "a dry run changes nothing");
    assert_eq!(world.end(rebuild(false).id).await.state, OperationState::Failed);
    assert_eq!(controller.secrets(&name("hello")).unwrap().0.len(), 1, "it can be answered");
    let restart = controller.restart(&name("hello"), false, Door::Window).unwrap();
    assert_eq!(world.end(restart.id).await.state, OperationState::Succeeded);
    assert!(delivered.lock().unwrap().is_empty(), "what runs asks for nothing");
    world.nix.state().build_error = None;
    assert_eq!(world.end(rebuild(false).id).await.state, OperationState::Succeeded);
    assert_eq!(delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn kept_secrets_are_found_again_and_can_be_forgotten() {
    let (world, delivered) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue {
        answers: GivenAnswers {
            host_secrets: [(HostSecret::SshAgent, true)].into(),
            ..given(&[("token", "x")])
        },
        ..Dialogue::default()
    };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    assert_eq!(world.end(made.id).await.state, OperationState::Succeeded);
    let delete = async |keep| {
        let delete = world.controller.delete(&name("hello"), keep, Door::Window).await.unwrap();
        assert_eq!(world.end(delete.id).await.state, OperationState::Succeeded);
    };
    delete(true).await;
    assert_eq!(world.stores[0].ids(), [id("token")]);
    let kept = world.controller.secrets(&name("hello")).unwrap().0;
    assert_eq!(
        kept.iter().map(|secret| (secret.name.as_str(), secret.set)).collect::<Vec<_>>(),
        [("token", true)]
    );
    // They go along to another store as well.
    world.stores[1].set_state(StoreState::Ready);
    world.controller.use_store(StoreKind::Vault, None).await.unwrap();
    assert_eq!((world.stores[0].ids(), world.stores[1].ids()), (vec![], vec![id("token")]));

    let again = world.init("hello").await;
    assert_eq!(again.state, OperationState::Succeeded, "nothing is asked: {again:?}");
    assert_eq!(delivered.lock().unwrap().last().unwrap()["env"][0]["value"], "eA==");
    let answers = std::fs::read_to_string(world.config().join("machines/hello/answers.json")).unwrap();
    assert!(!answers.contains("sshAgent"), "consents aren't kept: {answers}");

    delete(true).await;
    world.controller.unset_secret(&name("hello"), "token", Door::CommandLine).await.unwrap();
    assert_eq!(world.stores[1].ids(), []);
    let gone = world.controller.secrets(&name("hello"));
    assert!(matches!(gone, Err(Error::MachineNotFound { .. })));
    assert_eq!(std::fs::read_dir(world.config().join("machines")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_value_in_an_open_store_is_waited_for_in_peace() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(&world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    assert_eq!(world.end(made.id).await.state, OperationState::Succeeded);

    world.stores[0].lock_values(true);
    let before = world.stores[0].reads();
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    let asks = waiting(&world.controller, &rebuild).await.asks.unwrap();
    assert_eq!(asks.unlock, Some(StoreKind::Keyring));
    for _ in 0..50 {
        world.controller.status().await.unwrap();
    }
    world.stores[0].lock_values(false);
    world.controller.answer(&name("hello"), &given(&[("token", "y")]), Door::Window).await.unwrap();
    assert_eq!(soon("it ends", world.end(rebuild.id)).await.state, OperationState::Succeeded);
    let reads = world.stores[0].reads() - before;
    assert!(reads < 20, "it was looked at {reads} times");
}

/// Says when a program that it is a part of is over, however it ends.
struct Ends(tokio::sync::mpsc::UnboundedSender<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Begins a rebuild of a machine whose deliveries end with these codes, in order, and then with 0; `None` is one that hangs. Tells of each
/// delivery's arguments, and of the end of those that hang.
async fn rebuild_with(
    world: &World,
    codes: &[Option<i32>],
) -> (Operation, tokio::sync::mpsc::UnboundedReceiver<Vec<String>>, tokio::sync::mpsc::UnboundedReceiver<()>)
{
    let dialogue = Dialogue { answers: given(&[("token", "x")]), ..Dialogue::default() };
    let made = begin(world, NewMachine { dialogue, ..new("hello", "repo") }).await;
    assert_eq!(world.end(made.id).await.state, OperationState::Succeeded);
    let (tell, deliveries) = tokio::sync::mpsc::unbounded_channel();
    let (ends, ended) = tokio::sync::mpsc::unbounded_channel();
    let codes = Arc::new(Mutex::new(std::collections::VecDeque::from(codes.to_vec())));
    world.driver.on_exec(move |process: FakeProcess| {
        let (tell, ends, codes) = (tell.clone(), ends.clone(), Arc::clone(&codes));
        async move {
            if !process.spec.argv.iter().any(|word| word == "deliver") {
                return world::machine(process).await;
            }
            let code = codes.lock().unwrap().pop_front().unwrap_or(Some(0));
            let ends = code.is_none().then(|| Ends(ends));
            let _ = tell.send(process.spec.argv.clone());
            match code {
                Some(code) => code,
                None => {
                    std::future::pending::<()>().await;
                    drop(ends);
                    0
                }
            }
        }
    });
    world.nix.state().commit += 1;
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    (rebuild, deliveries, ended)
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(20), future).await.expect(what)
}

#[tokio::test]
async fn a_rebuild_given_up_while_it_delivers_leaves_the_machine_as_it_was() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let (rebuild, mut deliveries, mut ended) = rebuild_with(&world, &[None]).await;
    soon("it delivers", deliveries.recv()).await.unwrap();
    world.controller.cancel(rebuild.id).unwrap();
    assert_eq!(soon("it ends", world.end(rebuild.id)).await.state, OperationState::Cancelled);
    assert!(world.nix.state().generations[0].current);
    assert_eq!(world.record("hello")["switching"], serde_json::Value::Null);
    soon("what was given up is ended in the machine", ended.recv()).await.unwrap();
    let given_back = soon("what it had is given back", deliveries.recv()).await.unwrap();
    assert!(!given_back.contains(&"--await-accounts".to_owned()), "{given_back:?}");
    assert!(deliveries.try_recv().is_err());
}

#[tokio::test]
async fn no_delivery_waits_for_accounts_when_the_switch_is_over() {
    let (world, _) = world(asking(&[("token", request(false, None))]));
    let (rebuild, mut deliveries, mut ended) = rebuild_with(&world, &[Some(1), None]).await;
    assert_eq!(soon("it ends", world.end(rebuild.id)).await.state, OperationState::Succeeded);
    soon("the one that waits is ended in the machine", ended.recv()).await.unwrap();
    let mut awaited = Vec::new();
    while let Ok(argv) = deliveries.try_recv() {
        awaited.push(argv.contains(&"--await-accounts".to_owned()));
    }
    assert_eq!(awaited, [false, true, false]);
}
