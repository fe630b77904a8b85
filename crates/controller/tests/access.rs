//! What one run may use, and what is brought to the controller: put together from the secret store and a pretended user.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod world;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use codchi_controller::{
    Dialogue,
    access::{Certificate, CertificateOrigin, Proxy, SshAgent, UserAccess},
    nix::Source,
    operation::{Door, OperationState},
    secret::{SecretId, SecretValue},
};
use time::OffsetDateTime;
use world::{World, name};

/// A user whose git knows a password for every host.
#[derive(Default)]
struct Me {
    asked: AtomicUsize,
    proxy: Mutex<Proxy>,
    certificates: Mutex<Vec<Certificate>>,
}

#[async_trait]
impl UserAccess for Me {
    async fn certificates(&self) -> Vec<Certificate> {
        self.certificates.lock().unwrap().clone()
    }
    async fn trust_store(&self, _: &[Certificate]) -> Option<Vec<u8>> {
        None
    }
    fn proxy(&self) -> Proxy {
        self.proxy.lock().unwrap().clone()
    }
    async fn git_credential(&self, host: &str, path: &str) -> Option<(String, SecretValue)> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Some(("git".into(), SecretValue::new(format!("password of {host} for {path}")).unwrap()))
    }
    fn agent(&self) -> Option<Arc<dyn SshAgent>> {
        None
    }
    async fn known_hosts(&self) -> String {
        "h ssh-ed25519 AAAA\n".into()
    }
}

fn source(url: &str) -> Source {
    Source { url: url.into(), attr: None, had_credentials: false }
}

fn secret(text: &str) -> SecretValue {
    SecretValue::new(text).unwrap()
}

#[tokio::test]
async fn a_token_comes_before_what_git_knows_and_is_for_its_host_only() {
    let me = Arc::new(Me::default());
    let world = World::of(Arc::clone(&me) as Arc<dyn UserAccess>);
    let used = async |url: &str| {
        world.controller.modules(&source(url)).await.unwrap();
        world.nix.state().used.clone()
    };
    let first = "https://git.example.org/acme/x";
    assert!(used(first).await.contains("origin: Git"));
    world.controller.set_token("HTTPS://Git.Example.org/", Some("me"), &secret("t0ken")).await.unwrap();
    let with_token = used(first).await;
    assert!(with_token.contains("origin: Token") && with_token.contains(r#"user: "me""#), "{with_token}");
    assert!(!with_token.contains("t0ken"), "{with_token}");
    assert_eq!(me.asked.load(Ordering::Relaxed), 1, "git isn't asked where there is a token");
    assert!(used("https://other.example.org/acme/x").await.contains("origin: Git"));
    assert!(
        used("http://git.example.org/acme/x").await.contains("credentials: []"),
        "nothing goes in the clear"
    );
    assert!(used("/here").await.contains("credentials: []"));
    let id = SecretId::Token { host: "git.example.org".into() };
    assert_eq!(world.stores[0].ids(), [id]);
    let file = std::fs::read_to_string(world.directory.path().join("config/tokens.json")).unwrap();
    assert!(file.contains("git.example.org") && !file.contains("t0ken"), "{file}");

    assert!(world.controller.remove_token("git.example.org").await.unwrap());
    assert!(!world.controller.remove_token("git.example.org").await.unwrap());
    assert!(world.stores[0].ids().is_empty());
    assert!(used(first).await.contains("origin: Git"));
    for (host, user, token) in [("a b", "me", "t0ken"), ("h", "a:b", "t0ken"), ("h", "me", "t0ken\nx")] {
        let error = world.controller.set_token(host, Some(user), &secret(token)).await.unwrap_err();
        assert!(!error.to_string().contains("t0ken"), "{error}");
    }
}

#[tokio::test]
async fn certificates_and_proxy_are_brought_when_they_differ() {
    let me = Arc::new(Me::default());
    let world = World::of(Arc::clone(&me) as Arc<dyn UserAccess>);
    let look = async || {
        world.controller.modules(&source("/here")).await.unwrap();
        std::mem::take(&mut *world.brought.lock().unwrap())
    };
    assert!(look().await.is_empty(), "nothing was there and nothing is");
    me.certificates.lock().unwrap().push(Certificate {
        der: vec![1, 2, 3],
        subject: "CN=x".into(),
        expires: OffsetDateTime::UNIX_EPOCH,
        origin: CertificateOrigin::System,
    });
    let [brought] = look().await.try_into().unwrap();
    assert!(brought.contains("BEGIN CERTIFICATE"), "{brought}");
    assert!(look().await.is_empty());
    me.proxy.lock().unwrap().https = Some("http://proxy:3128".into());
    let [brought] = look().await.try_into().unwrap();
    assert!(brought.contains("https_proxy=http://proxy:3128"), "{brought}");
    me.proxy.lock().unwrap().https = Some("http://me:passw0rd@proxy:3128".into());
    let [brought] = look().await.try_into().unwrap();
    assert!(!brought.contains("passw0rd"), "{brought}");
    me.certificates.lock().unwrap().clear();
    let [brought] = look().await.try_into().unwrap();
    assert!(!brought.contains("CERTIFICATE"), "{brought}");
    assert!(look().await.is_empty());
}

#[tokio::test]
async fn a_controller_that_takes_nothing_keeps_nobody_waiting() {
    let me = Arc::new(Me::default());
    let world = World::of(Arc::clone(&me) as Arc<dyn UserAccess>);
    world.init("hello").await;
    me.proxy.lock().unwrap().https = Some("http://proxy:3128".into());
    let (asked, mut hears) = tokio::sync::mpsc::unbounded_channel();
    world.driver.on_exec(move |process| {
        let asked = asked.clone();
        async move {
            if process.spec.argv == ["/bin/ctrl-serve", "host"] {
                let _ = asked.send(());
                std::future::pending::<()>().await;
            }
            world::machine(process).await
        }
    });
    let rebuild =
        world.controller.rebuild(&name("hello"), true, false, Dialogue::default(), Door::Window).unwrap();
    hears.recv().await.unwrap();
    world.controller.cancel(rebuild.id).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), world.end(rebuild.id)).await;
    assert_eq!(ended.expect("it ends").state, OperationState::Cancelled);
}
