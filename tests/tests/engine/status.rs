//! `codchi status`: one request to the engine, and an answer also without one.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicU32, Ordering},
};

use codchi_tests::scene::Scene;
use nix::sys::signal::Signal;

/// Containers of ours beside the machine that runs.
const MANY: usize = 50;

pub fn fifty_containers_are_one_request(scene: &mut Scene) {
    scene.hello();
    let names: Vec<String> = (0..MANY).map(|n| format!("many-{n}")).collect();
    let machines = scene.codchi.config_dir().join("machines");
    for name in &names {
        let role = format!("user.codchi.role=machine:{name}");
        scene.world.client(&["init", "--empty", &format!("codchi-{name}"), "--config", &role]);
        std::fs::create_dir_all(machines.join(name)).unwrap();
        std::fs::copy(machines.join("hello/machine.json"), machines.join(name).join("machine.json")).unwrap();
    }

    let mut log = Log::of(scene);
    let status = scene.codchi.run(&["status", "--json"]);
    let requests = log.requests(scene);
    assert_eq!(status.code, 0, "{status}");
    let snapshot = status.json();
    let shown = snapshot["machines"].as_array().unwrap();
    let stopped = shown.iter().filter(|machine| machine["status"] == "stopped").count();
    assert_eq!(stopped, MANY, "{snapshot:#}");
    assert_eq!(requests.len(), 1, "{requests:#?}");
    assert!(requests[0].contains("/1.0/instances?"), "{requests:?}");
    println!("  {} machines: {:.0} ms", shown.len(), status.took.as_secs_f32() * 1000.0);

    // For people as well.
    let mut log = Log::of(scene);
    scene.codchi.ok(&["status"]);
    assert_eq!(log.requests(scene).len(), 1);

    for name in &names {
        scene.world.client(&["delete", &format!("codchi-{name}")]);
        std::fs::remove_dir_all(machines.join(name)).unwrap();
    }
}

pub fn an_engine_that_is_down_is_said(scene: &mut Scene) {
    scene.hello();
    scene.world.kill_engine(Signal::SIGKILL);
    let status = scene.codchi.ok(&["status", "--json"]).json();
    let hello =
        status["machines"].as_array().unwrap().iter().find(|machine| machine["name"] == "hello").unwrap();
    assert_eq!(hello["status"], "unknown", "{status:#}");
    assert_eq!(hello["modules"][0]["name"], "hello", "what is known is shown");
    assert_eq!(status["engine"]["available"], false, "{status:#}");
    assert_eq!(status["engine"]["problem"]["code"], "engine_unavailable", "{status:#}");
    let shown = scene.codchi.ok(&["status"]);
    shown.says("hello").says("codchi doctor");
    scene.codchi.fails(4, &["start", "hello"]).says("codchi doctor");
    scene.codchi.fails(4, &["exec", "hello", "--", "true"]).says("codchi doctor");
    let doctor = scene.codchi.fails(4, &["doctor"]);
    doctor.says("not ready");

    scene.world.start_engine();
    assert_eq!(scene.codchi.exec("hello", &["systemctl", "is-system-running"]), "running", "it ran on");
    assert_eq!(scene.codchi.machine("hello")["status"], "running");
    scene.codchi.ok(&["doctor"]).says("ready");
}

/// The requests in the engine's own log, from a mark on.
struct Log {
    lines: BufReader<File>,
}

impl Log {
    /// Everything from now on.
    fn of(scene: &Scene) -> Self {
        let mut log =
            Self { lines: BufReader::new(File::open(scene.world.dir().join("daemon.log")).unwrap()) };
        log.until(&mark(scene));
        log
    }

    /// The requests until now, but for those that mark.
    fn requests(&mut self, scene: &Scene) -> Vec<String> {
        let lines = self.until(&mark(scene));
        lines.into_iter().filter(|line| line.contains("API request") && !line.contains("mark-")).collect()
    }

    /// Reads until the log has the mark.
    fn until(&mut self, mark: &str) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.contains(mark)) {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the engine's log has no {mark}");
            lines.push(line);
        }
        lines
    }
}

/// Asks the engine for something that isn't there, so that its log has a mark that no other has.
fn mark(scene: &Scene) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("mark-{}-", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut socket = UnixStream::connect(scene.world.socket()).unwrap();
    let request = format!("GET /1.0/projects/{mark} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("404"), "{answer}");
    mark
}
