use std::time::Instant;

use tokio::net::UnixListener;

use super::{
    pretended::{Engine, respond},
    *,
};

fn rest_of(engine: &Engine) -> Rest {
    Rest::new(&engine.config()).unwrap()
}

async fn get(engine: &Engine) -> DriverError {
    let rest = rest_of(engine);
    rest.get::<Value>(rest.url(&["x"], &[]), &purpose()).await.unwrap_err()
}

fn purpose() -> Purpose {
    Purpose::new("read", "thing", "x")
}

fn rest(project: Option<&str>) -> Rest {
    let mut config = LxdConfig::new(Flavour::Lxd, "/nonexistent/unix.socket");
    config.project = project.map(Into::into);
    Rest::new(&config).unwrap()
}

#[test]
fn names_and_projects_are_escaped() {
    let url = rest(None).url(&["instances", "a/../b?c"], &[]);
    assert_eq!(url.as_str(), "http://engine/1.0/instances/a%2F..%2Fb%3Fc");
    let url = rest(Some("a&b")).url(&["instances"], &[("recursion", "2")]);
    assert_eq!(url.as_str(), "http://engine/1.0/instances?project=a%26b&recursion=2");
}

#[tokio::test]
async fn a_missing_socket_is_unreachable() {
    let rest = rest(None);
    let error = rest.get::<Value>(rest.url(&[], &[]), &purpose()).await.unwrap_err();
    let DriverError::Unreachable { endpoint, source, .. } = error else { panic!("{error:?}") };
    assert_eq!(endpoint, "/nonexistent/unix.socket");
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_socket_that_nobody_listens_to_is_unreachable() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("unix.socket");
    drop(UnixListener::bind(&socket).unwrap());
    let rest = Rest::new(&LxdConfig::new(Flavour::Incus, &socket)).unwrap();
    let error = rest.get::<Value>(rest.url(&[], &[]), &purpose()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("Incus doesn't answer at {}", socket.display()));
}

#[tokio::test]
async fn refusals_become_the_drivers_errors() {
    let error = get(&Engine::answering(404, r#"{"type":"error","error":"Instance not found"}"#)).await;
    assert_eq!(error.to_string(), "thing 'x' doesn't exist");
    let error = get(&Engine::answering(403, r#"{"type":"error","error":"not authorized"}"#)).await;
    assert!(matches!(error, DriverError::Denied { .. }), "{error:?}");
    let error =
        get(&Engine::answering(503, r#"{"type":"error","error":"LXD daemon not started yet"}"#)).await;
    let DriverError::Unreachable { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "LXD daemon not started yet");
    let error = get(&Engine::answering(500, r#"{"type":"error","error":"No space left"}"#)).await;
    assert_eq!(error.to_string(), "read thing 'x': No space left");
    let error = get(&Engine::answering(502, "<html>")).await;
    assert!(error.to_string().contains("502"), "{error}");
    let error = get(&Engine::answering(200, r#"{"type":"sync","#)).await;
    assert!(error.to_string().contains("not understood"), "{error}");
}

#[tokio::test]
async fn an_engine_that_dies_before_it_answers_interrupts() {
    let error = get(&Engine::new(|_, stream| async move { drop(stream) })).await;
    assert!(matches!(error, DriverError::Interrupted { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_never_answers_a_question_is_none() {
    let begin = Instant::now();
    let engine = Engine::new(|_, stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    let error = get(&engine).await;
    assert!(matches!(error, DriverError::Unreachable { .. }), "{error:?}");
    assert!(begin.elapsed().as_secs() < 10, "the clock is a test's");
}

/// An engine whose operation ends after an hour, and that answers to be alive for `alive` seconds.
fn slow_engine(alive: u64) -> Engine {
    let begin = tokio::time::Instant::now();
    Engine::new(move |path, stream| async move {
        if path.ends_with("/wait") {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            respond(stream, 200, r#"{"type":"sync","metadata":{"id":"7","status_code":200}}"#).await;
        } else if begin.elapsed().as_secs() < alive {
            respond(stream, 200, r#"{"type":"sync","metadata":{"id":"7","status_code":103}}"#).await;
        } else {
            std::future::pending::<()>().await;
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_long_operation_is_waited_for_while_the_engine_lives() {
    let operation = rest_of(&slow_engine(u64::MAX)).wait("7", &purpose()).await.unwrap();
    assert!(operation.succeeded());
}

#[tokio::test(start_paused = true)]
async fn a_long_operation_of_a_frozen_engine_is_given_up() {
    let begin = tokio::time::Instant::now();
    let error = rest_of(&slow_engine(100)).wait("7", &purpose()).await.err().unwrap();
    assert!(matches!(error, DriverError::Interrupted { .. }), "{error:?}");
    assert!(begin.elapsed().as_secs() < 300, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_failed_operation_is_read_again_where_its_answer_lacks_it() {
    let engine = Engine::new(|path, stream| async move {
        let body = if path.ends_with("/wait") {
            r#"{"type":"error","error":"Command not found","error_code":500,"metadata":null}"#
        } else {
            r#"{"type":"sync","metadata":{"id":"7","status_code":400,"err":"Command not found","metadata":{"return":127}}}"#
        };
        respond(stream, 200, body).await;
    });
    let operation = rest_of(&engine).wait("7", &purpose()).await.unwrap();
    assert!(!operation.succeeded());
    assert_eq!(operation.metadata["return"], 127);
}
