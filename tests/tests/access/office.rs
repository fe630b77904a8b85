//! A company with a git server of its own, and a user there.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use codchi_tests::{
    cli::{Codchi, Outcome},
    hunt::Hunt,
    repo::Repo,
    scene::Scene,
    servers::{Authority, GitServer},
};
use serde_json::json;

/// The user's name at the server.
pub const USER: &str = "me";

pub struct Office {
    /// Before the world, whose network it is in, goes away.
    pub git: GitServer,
    pub scene: Scene,
    /// Where the company's things are: not in the world, which is searched.
    pub dir: tempfile::TempDir,
    /// The address of this computer as the controller sees it.
    pub ip: IpAddr,
    pub authority: Authority,
}

impl Office {
    pub fn new() -> Self {
        let mut scene = Scene::new(&[]);
        let dir = tempfile::Builder::new().prefix("office-").tempdir_in("/tmp").unwrap();
        let passphrase = dir.path().join("passphrase");
        fs::write(&passphrase, "only for this test").unwrap();
        fs::create_dir(dir.path().join("ca")).unwrap();
        scene.codchi = scene
            .codchi
            .clone()
            .env("CODCHI_VAULT_PASSPHRASE_FILE", &passphrase)
            .env("CODCHI_CA_DIR", dir.path().join("ca"));
        let settings = json!({"version": 1, "secretStore": "vault"});
        fs::write(scene.codchi.config_dir().join("settings.json"), settings.to_string()).unwrap();
        // Installs the controller.
        scene.codchi.ok(&["modules", &scene.example("hello").url()]);
        let route = scene.in_controller(&["ip", "-4", "route", "show", "default"]);
        let ip: IpAddr = route.split_whitespace().nth(2).expect("a gateway").parse().unwrap();
        let authority = Authority::new("Office Root");
        let git = GitServer::new(ip, &dir.path().join("repositories"), &authority);
        Self { scene, dir, ip, authority, git }
    }

    /// A bare repository `acme/NAME.git` with one module that writes `/etc/NAME`.
    pub fn private(&self, name: &str, text: &str) -> PathBuf {
        self.private_module(name, &format!("{{ environment.etc.\"{name}\".text = \"{text}\"; }}"))
    }

    /// The same with this module.
    pub fn private_module(&self, name: &str, body: &str) -> PathBuf {
        let work = self.dir.path().join("work").join(name);
        let bare = self.dir.path().join("repositories/acme").join(format!("{name}.git"));
        if work.exists() {
            Repo::at(&work).commit(&[("module.nix", body)]);
        } else {
            Repo::module(&work, name, body);
        }
        let _ = fs::remove_dir_all(&bare);
        let cloned = std::process::Command::new("git")
            .args(["clone", "--quiet", "--bare"])
            .args([&work, &bare])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status()
            .unwrap();
        assert!(cloned.success());
        bare
    }

    pub fn url(&self, name: &str) -> String {
        self.git.url(&format!("acme/{name}.git"))
    }

    /// Puts the company's authority where this computer keeps its own, or takes it away.
    pub fn trust(&self, trusted: bool) {
        let file = self.dir.path().join("ca/office.crt");
        match trusted {
            true => fs::write(file, self.authority.pem()).unwrap(),
            false => drop(fs::remove_file(file)),
        }
    }

    /// A token that nothing else contains; the server lets it in.
    pub fn token(&self) -> String {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let token = format!("c4n+ry/{nanos:x}=");
        self.git.accept(USER, &token);
        token
    }

    pub fn login(&self, token: &str) -> Outcome {
        let outcome = self
            .codchi()
            .run_with(&["login", &self.git.host(), "--user", USER], format!("{token}\n").as_bytes());
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(!outcome.stdout.contains(token) && !outcome.stderr.contains(token));
        outcome
    }

    pub fn codchi(&self) -> &Codchi {
        &self.scene.codchi
    }

    /// Everything that was written by anybody: host directories, engine, containers' disks, store.
    pub fn hunted(&self, secret: &str) {
        Hunt::new(&[("the secret", secret.as_bytes())]).finds_nothing_in(&[self.scene.world.dir()]);
        assert!(!self.access_is_held());
    }

    /// Whether anybody's access lies in the controller.
    pub fn access_is_held(&self) -> bool {
        let held = self.scene.in_controller(&["sh", "-c", "ls -A /run/codchi/access 2>/dev/null || true"]);
        !held.trim().is_empty()
    }

    /// The programs in the controller that have this among their arguments: their ids there.
    pub fn controller_programs(&self, argument: &str) -> Vec<String> {
        let list = r#"for process in /proc/[0-9]*; do
            [ "${process#/proc/}" = "$$" ] || echo "${process#/proc/} $(tr '\0' ' ' <$process/cmdline 2>/dev/null)"
        done"#;
        let all = self.scene.in_controller(&["sh", "-c", list]);
        let found = all.lines().filter_map(|line| line.split_once(' '));
        found.filter(|(_, words)| words.contains(argument)).map(|(id, _)| id.to_owned()).collect()
    }

    pub fn home(&self) -> PathBuf {
        Path::new(self.codchi().variable("HOME")).to_owned()
    }
}
