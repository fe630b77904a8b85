//! What a machine asks of this computer and isn't there: said in the wizard before anything is built, left out where the user wishes,
//! and remembered. This desktop has no sound server.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use codchi_tests::{desktop::eventually, hardware::Camera, repo::Repo};

use crate::{Stage, row};

const BUILD: Duration = Duration::from_secs(600);

const MODULE: &str = "{ codchi.requiredCapabilities = [ \"sound\" ]; }\n";

fn repository(stage: &Stage, name: &str) -> Repo {
    Repo::module(stage.scene.place(name), name, MODULE)
}

/// How a phase of the machine's last operation went.
fn phase(stage: &Stage, machine: &str, phase: &str) -> String {
    let operation = &stage.scene.codchi.machine(machine)["operation"];
    let found = operation["phases"].as_array().expect("phases").iter().find(|each| each["phase"] == phase);
    found.unwrap_or_else(|| panic!("{operation:#}"))["state"].as_str().unwrap().to_owned()
}

pub(crate) async fn what_this_computer_lacks_is_said_before_the_build(stage: &Stage) {
    let repo = repository(stage, "silent");
    let window = stage.window(&["--open", "new"]).await;
    window.fill("Repository address", &repo.url()).await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["What should be in the machine?"], BUILD).await;
    window.fill("Name", "silent").await;
    window.wait_for_text("body", "Free").await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["Before the build starts"], BUILD).await;
    window.wait_for_text("main", "No sound server runs in this session.").await;
    window.wait_for_text("main", "1 fix to go.").await;
    window.picture("wizard-lacks").await;
    assert_eq!(phase(stage, "silent", "build"), "pending", "nothing is built before it is decided");
    assert!(!stage.scene.instances().contains("codchi-silent"));

    window.choose("Build without Sound").await;
    window.wait_for_text("main", "All there.").await;
    window.picture("wizard-without").await;
    window.choose("Create machine").await;
    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    let page = window.wait_long_for_any("main", &["Open silent", "What to do"], BUILD).await;
    assert_eq!(page, "Open silent", "{:?}", window.said("main").await);

    // It is remembered: the next build asks nothing.
    repo.commit(&[("note", "another commit")]);
    stage.start_again(&["--open", "machines/silent"]);
    window.wait_for_text("h1", "silent").await;
    window.choose("Rebuild").await;
    window.wait_for_path(|path| path.starts_with("/builds/")).await;
    let page = window.wait_long_for_any("main", &["Open silent", "What to do", "Waiting"], BUILD).await;
    assert_eq!(page, "Open silent", "{:?}", window.said("main").await);

    stage.start_again(&["--open", "machines"]);
    window.wait_for_text(&row("silent"), "Running").await;
    stage.start_again(&["--open", "machines/silent"]);
    window.choose("Capabilities").await;
    window.wait_for_text("main", "Built without").await;
    window.wait_for_text("main", "No sound server runs in this session.").await;
    window.picture("machine-capabilities").await;

    // What was left out is asked for again.
    window.choose("Build with it again").await;
    window.wait_for_text("[role=dialog]", "No sound server runs in this session.").await;
    window.picture("capability-dialog").await;
    window.choose("Build without Sound").await;
    let page = window.wait_long_for_any("main", &["Open silent", "What to do"], BUILD).await;
    assert_eq!(page, "Open silent", "{:?}", window.said("main").await);
    window.close().await;
}

/// An SSH agent with one key, where desktops have it.
struct Agent {
    process: Child,
    socket: PathBuf,
}

impl Agent {
    fn start(stage: &Stage, place: &str, key: &str) -> Self {
        let socket = Path::new(&stage.desktop.env()["XDG_RUNTIME_DIR"]).join(place);
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let mut command = Command::new("ssh-agent");
        let process = command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        while UnixStream::connect(&socket).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let file = stage.desktop.dir().join(key);
        let mut make = Command::new("ssh-keygen");
        assert!(
            make.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"])
                .arg(&file)
                .status()
                .unwrap()
                .success()
        );
        let mut add = Command::new("ssh-add");
        assert!(add.arg("-q").arg(&file).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
        Self { process, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

pub(crate) async fn what_was_mended_is_looked_at_again(stage: &Stage) {
    let repo = Repo::module(
        stage.scene.place("keyed"),
        "keyed",
        "{ codchi.requiredCapabilities = [ \"ssh-agent\" ]; }\n",
    );
    let window = stage.window(&["--open", "new"]).await;
    window.fill("Repository address", &repo.url()).await;
    window.choose("Continue").await;
    window.wait_long_for_any("body", &["What should be in the machine?"], BUILD).await;
    window.fill("Name", "keyed").await;
    window.wait_for_text("body", "Free").await;
    window.choose("Continue").await;
    window.wait_long_for_any("main", &["No SSH agent runs in this session."], BUILD).await;
    let _agent = Agent::start(stage, "ssh-agent", "mended");
    window.choose("Check again").await;
    // What is left is whether the machine may use it.
    window.wait_for_text("main", "All there.").await;
    assert_eq!(window.count("[data-check]").await, 0, "nothing is lacking any more");
    window.click("main [role=checkbox]").await;
    window.choose("Create machine").await;
    let page = window.wait_long_for_any("main", &["Open keyed", "What to do"], BUILD).await;
    assert_eq!(page, "Open keyed", "{:?}", window.said("main").await);
    window.close().await;
    let keys = stage.scene.codchi.exec("keyed", &["ssh-add", "-l"]);
    assert!(keys.contains("mended"), "{keys}");
}

pub(crate) async fn sockets_that_move_are_followed_while_the_app_runs(stage: &Stage) {
    let module = "{
  codchi.requiredCapabilities = [ \"ssh-agent\" ];
  codchi.optionalCapabilities = [ \"sound\" \"video\" ];
}
";
    let repo = Repo::module(stage.scene.place("moving"), "moving", module);
    let runtime = PathBuf::from(&stage.desktop.env()["XDG_RUNTIME_DIR"]);
    let codchi = stage
        .scene
        .codchi
        .clone()
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("DISPLAY", &stage.desktop.env()["DISPLAY"]);
    let agent = Agent::start(stage, "ssh-agent", "first");
    let (pulse, wayland) = (runtime.join("pulse/native"), runtime.join("wayland-0"));
    let sound = Speaker::start(&pulse, "pulse 1");
    let display = Speaker::start(&wayland, "wayland 1");
    codchi.ok(&["init", "moving", "--allow", "ssh-agent", &repo.url()]);
    let keys = async || codchi.run(&["exec", "moving", "--", "ssh-add", "-l"]).stdout;
    assert!(keys().await.contains("first"), "{}", keys().await);
    let boot = codchi.exec("moving", &["stat", "-c", "%Y", "/proc/1"]);
    // What each socket of the machine is now.
    let said = |socket: &str| codchi.run(&["exec", "moving", "--", "sh", "-c", &hear(socket)]).stdout;
    assert_eq!((said("pulse").trim(), said("wayland").trim()), ("pulse 1", "wayland 1"));

    let (app, tray) = stage.app_in_tray().await;
    tray.entry(&["moving: Running"]).await;
    drop((agent, sound, display));
    // The agent and the compositor come back elsewhere, the sound server where it was.
    let _agent = Agent::start(stage, "openssh_agent", "second");
    let _sound = Speaker::start(&pulse, "pulse 2");
    let _display = Speaker::start(&runtime.join("wayland-1"), "wayland 2");
    for (socket, new) in [("pulse", "pulse 2"), ("wayland", "wayland 2")] {
        eventually(new, async || (said(socket).trim() == new).then_some(())).await;
    }
    eventually("the second agent's key", async || keys().await.contains("second").then_some(())).await;
    assert_eq!(codchi.exec("moving", &["stat", "-c", "%Y", "/proc/1"]), boot, "nothing was restarted");
    stage.quit(app, &tray).await;
}

pub(crate) async fn a_camera_comes_and_goes_while_the_machine_runs(stage: &Stage) {
    let module = "{ codchi.optionalCapabilities = [ \"camera\" ]; }\n";
    let repo = Repo::module(stage.scene.place("filming"), "filming", module);
    stage.scene.running("filming", &repo);
    let boot = stage.scene.codchi.exec("filming", &["stat", "-c", "%Y", "/proc/1"]);
    let (app, tray) = stage.app_in_tray().await;
    tray.entry(&["filming: Running"]).await;
    let camera = Camera::plug(1);
    let node = camera.node.to_str().unwrap().to_owned();
    let sees =
        || stage.scene.codchi.run(&["exec", "filming", "--", "sh", "-c", &format!("head -c 1 {node}")]).code;
    let has = || {
        let instance = stage.scene.query("/1.0/instances/codchi-filming");
        instance["devices"].as_object().unwrap().values().any(|one| one["path"] == node.as_str())
    };
    eventually("the camera comes", async || (has() && sees() == 0).then_some(())).await;
    drop(camera);
    eventually("the camera goes", async || (!has() && sees() != 0).then_some(())).await;
    assert_eq!(
        stage.scene.codchi.exec("filming", &["stat", "-c", "%Y", "/proc/1"]),
        boot,
        "nothing was restarted"
    );
    stage.quit(app, &tray).await;
    stage.scene.codchi.ok(&["delete", "filming", "--yes"]);
}

/// A shell's line that says what a socket of the machine says.
fn hear(socket: &str) -> String {
    format!("curl -s --max-time 5 --unix-socket /.codchi/{socket} http://localhost/")
}

/// A server that says one line to whoever asks.
struct Speaker {
    socket: PathBuf,
    over: Arc<AtomicBool>,
}

impl Speaker {
    fn start(socket: &Path, line: &'static str) -> Self {
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                // Who only looks whether somebody is there asks nothing.
                if stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {
                    let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{line}\n");
                }
            }
        });
        Self { socket: socket.to_owned(), over }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it.
        let _ = UnixStream::connect(&self.socket);
        let _ = std::fs::remove_file(&self.socket);
    }
}
