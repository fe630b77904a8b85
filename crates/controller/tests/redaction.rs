//! Whatever prints a known secret during an operation: it is in none of its files, events and errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use codchi_controller::{
    Dialogue,
    driver::fake::FakeProcess,
    nix::NixError,
    operation::{Door, Operation, OperationState},
    secret::{self, SecretValue},
};
use tokio::io::AsyncWriteExt as _;
use world::{World, name};

const CANARY: &str = "c4nary/of the log";
const ENCODED: &str = "YzRuYXJ5L29mIHRoZSBsb2c=";
const PERCENT: &str = "c4nary%2Fof%20the%20log";

/// Everything that is kept of an operation.
fn kept(world: &World, operation: &Operation) -> String {
    let directory = world.directory.path().join("data/operations").join(operation.id.to_string());
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
        .collect()
}

fn nothing_of_it(text: &str) {
    for form in [CANARY, "c4nary", ENCODED, PERCENT, "b3BlbnNzaC1rZXk", "ghp_0123"] {
        assert!(!text.contains(form), "{form} in {text}");
    }
    assert!(text.contains(secret::MASK), "{text}");
}

#[tokio::test]
async fn what_a_machine_prints_is_masked_also_in_pieces() {
    let world = World::new();
    world.init("hello").await;
    secret::hide(&SecretValue::new(CANARY).unwrap());
    world.nix.state().commit = 1;
    world.driver.on_exec(|mut process: FakeProcess| async move {
        if process.spec.argv.last().is_some_and(|word| word == "switch") {
            for piece in [
                "begin c4na",
                "ry/of the",
                " log end\n",
                ENCODED,
                "\n",
                PERCENT,
                "\n",
                "-----BEGIN OPENSSH PRIVATE KEY-----\n",
                "b3BlbnNzaC1rZXk\n",
                "-----END OPENSSH PRIVATE KEY-----\n",
                "token ghp_0123456789abc",
                "defghijABCDEFGHIJ012345\n",
                "the end\n",
            ] {
                process.stdout.write_all(piece.as_bytes()).await.unwrap();
            }
            return 2;
        }
        0
    });
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    let operation = world.end(rebuild.id).await;
    assert_eq!(operation.state, OperationState::Failed);
    let failure = format!("{:?}", operation.failure.as_ref().unwrap());
    assert!(failure.contains("begin ••• end") && failure.contains("the end"), "{failure}");
    nothing_of_it(&failure);
    nothing_of_it(&kept(&world, &operation));
}

#[tokio::test]
async fn what_a_build_says_of_its_failure_is_masked() {
    let world = World::new();
    secret::hide(&SecretValue::new(CANARY).unwrap());
    world.nix.state().build_error = Some(|| NixError::Build {
        derivation: "hello-1".into(),
        cause: format!("can't fetch ?key={PERCENT}"),
        last_lines: vec![format!("curl: {ENCODED}"), CANARY.into()],
    });
    let operation = world.init("hello").await;
    let failure = format!("{:?}", operation.failure.as_ref().unwrap());
    nothing_of_it(&failure);
    nothing_of_it(&kept(&world, &operation));
}
