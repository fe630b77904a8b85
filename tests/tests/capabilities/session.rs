//! The host's session that machines use, and the two machines of this suite.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use codchi_tests::{cli::Codchi, repo::Repo, scene::Scene};

/// Asks for everything.
pub const ASKING: &str = "asking";
/// Asks for nothing.
pub const PLAIN: &str = "plain";

/// The authorization of X servers that is used here.
pub const COOKIE_KIND: &[u8] = b"MIT-MAGIC-COOKIE-1";

const FLAKE: &str = r#"{
  outputs = _: {
    nixosModules.asking = { pkgs, ... }: {
      codchi.requiredCapabilities = [ "docker-nesting" "fuse" "sound" "ssh-agent" "tun" "video" ];
      codchi.optionalCapabilities = [ "camera" "cuda" "gpu" "kvm" "usb" ];
      environment.systemPackages = [ pkgs.bindfs pkgs.busybox pkgs.crun pkgs.pulseaudio ];
    };
    nixosModules.plain = { pkgs, ... }: {
      environment.systemPackages = [ pkgs.bindfs pkgs.busybox pkgs.crun pkgs.pulseaudio ];
    };
    nixosModules.sounding = { codchi.requiredCapabilities = [ "sound" ]; };
    nixosModules.display = { codchi.requiredCapabilities = [ "video" ]; };
  };
}
"#;

/// A world, a session of its user, and `codchi` in it.
pub struct Session {
    /// The world, with `codchi` as somebody who isn't logged in anywhere.
    pub scene: Scene,
    /// `codchi` in the session.
    pub codchi: Codchi,
    /// The number of the display.
    pub display: String,
    /// What the display wants of its clients.
    pub cookie: [u8; 16],
    running: Vec<Running>,
}

/// A program that ends with the session.
pub struct Running(Child);

impl Running {
    pub fn new(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program())))
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Session {
    pub fn new() -> Self {
        let scene = Scene::new(&[]);
        let place = scene.place("session");
        let runtime = place.join("runtime");
        std::fs::create_dir_all(&runtime).unwrap();
        let nowhere = place.join("nowhere");
        std::fs::create_dir_all(&nowhere).unwrap();

        let authority = place.join("Xauthority");
        let cookie = cookie(&authority);
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", "320x240x24", "-nolisten", "tcp"]);
        server.arg("-auth").arg(&authority);
        let mut server = Running::new(server.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        BufReader::new(server.child().stdout.take().unwrap()).read_line(&mut number).unwrap();

        let pulse = runtime.join("pulse/native");
        let mut sound = Command::new("pulseaudio");
        sound.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
        sound.arg(format!("--load=module-native-protocol-unix socket={}", pulse.display()));
        sound.arg("--load=module-null-sink sink_name=heard");
        sound.env("HOME", &place).env("XDG_RUNTIME_DIR", &runtime).stderr(Stdio::null());
        let sound = Running::new(&mut sound);
        answers(&pulse);

        let display = number.trim().to_owned();
        let codchi = scene
            .codchi
            .clone()
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("DISPLAY", format!(":{display}"))
            .env("XAUTHORITY", &authority)
            .env("SSH_AUTH_SOCK", runtime.join("agent"));
        let mut scene = scene;
        scene.codchi = scene.codchi.env("XDG_RUNTIME_DIR", &nowhere);
        let mut session = Self { scene, codchi, display, cookie, running: vec![server, sound] };
        let agent = session.agent("agent", "first");
        session.running.push(agent);
        session
    }

    /// An agent with one key, whose comment is `key`.
    pub fn agent(&self, socket: &str, key: &str) -> Running {
        let socket = self.runtime().join(socket);
        let agent =
            Running::new(Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()));
        answers(&socket);
        let file = self.scene.place("session").join(key);
        let mut make = Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]).arg(&file);
        assert!(make.status().unwrap().success());
        let mut add = Command::new("ssh-add");
        assert!(add.arg("-q").arg(&file).env("SSH_AUTH_SOCK", &socket).status().unwrap().success());
        agent
    }

    /// Ends the agent that the session began with.
    pub fn end_first_agent(&mut self) {
        drop(self.running.pop());
    }

    pub fn runtime(&self) -> PathBuf {
        self.codchi.variable("XDG_RUNTIME_DIR").into()
    }

    pub fn repo(&self) -> Repo {
        let path = self.scene.place("modules");
        if path.exists() { Repo::at(path) } else { Repo::new(path, &[("flake.nix", FLAKE)]) }
    }

    /// The machine that asks for everything, running.
    pub fn asking(&self) -> &Codchi {
        self.running(ASKING);
        &self.codchi
    }

    /// The machine that asks for nothing, running.
    pub fn plain(&self) -> &Codchi {
        self.running(PLAIN);
        &self.codchi
    }

    fn running(&self, machine: &str) {
        let there = self.scene.instances().contains(&format!("codchi-{machine}"));
        if !there {
            let allow: &[&str] = if machine == ASKING { &["--allow", "ssh-agent"] } else { &[] };
            self.codchi.ok(&[&["init", machine, &self.repo().url(), machine], allow].concat());
        }
    }

    /// A shell's line in a machine; what it prints.
    pub fn sh(&self, machine: &str, line: &str) -> String {
        self.codchi.exec(machine, &["sh", "-ec", line])
    }

    /// A shell's line that must fail; what it says.
    pub fn sh_fails(&self, machine: &str, line: &str) -> String {
        let outcome = self.codchi.run(&["exec", machine, "--", "sh", "-ec", line]);
        assert_ne!(outcome.code, 0, "{outcome}");
        outcome.stderr
    }
}

/// Makes a cookie and writes it for all displays of this computer, as a display manager does.
fn cookie(file: &Path) -> [u8; 16] {
    let mut cookie = [0; 16];
    std::fs::File::open("/dev/urandom").unwrap().read_exact(&mut cookie).unwrap();
    let mut bytes = vec![0xff, 0xff, 0, 0, 0, 0];
    for part in [COOKIE_KIND, &cookie] {
        bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        bytes.extend(part);
    }
    std::fs::write(file, bytes).unwrap();
    cookie
}

/// Waits until somebody listens.
fn answers(socket: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while UnixStream::connect(socket).is_err() {
        assert!(Instant::now() < until, "nobody listens at {}", socket.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}
