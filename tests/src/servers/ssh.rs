//! A real sshd with keys of its own, and a real ssh-agent.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{IpAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// An SSH server that lets in whoever has the right key, as the user who runs the test.
pub struct SshServer {
    child: Child,
    ip: IpAddr,
    port: u16,
    host_key: String,
    authorized: PathBuf,
}

impl SshServer {
    /// Listens at this address; its files are in `dir`.
    ///
    /// # Panics
    /// When it can't be started: without the package `openssh-server`.
    pub fn new(ip: IpAddr, dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        // Where sshd goes into before it knows who comes.
        fs::create_dir_all("/run/sshd").unwrap();
        let key = dir.join("host_key");
        keygen(&key);
        let authorized = dir.join("authorized_keys");
        fs::write(&authorized, "").unwrap();
        // Free now; nobody else of ours takes one that was just given.
        let port = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().port();
        let config = dir.join("sshd_config");
        let text = format!(
            "Port {port}\nListenAddress {ip}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nUsePAM no\nLogLevel INFO\n",
            key.display(),
            authorized.display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(&config).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("openssh-server is installed");
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let listens = said.by_ref().map_while(Result::ok).any(|line| line.contains("Server listening on"));
        assert!(listens, "sshd doesn't listen");
        // It would stop at a full pipe.
        std::thread::spawn(move || said.for_each(drop));
        let host_key = fs::read_to_string(key.with_extension("pub")).unwrap();
        Self { child, ip, port, host_key, authorized }
    }

    /// Its address and port.
    pub fn host(&self) -> String {
        format!("{}:{}", self.ip, self.port)
    }

    /// The line by which a user's SSH knows it.
    pub fn known_hosts_line(&self) -> String {
        let mut words = self.host_key.split_whitespace();
        format!("[{}]:{} {} {}\n", self.ip, self.port, words.next().unwrap(), words.next().unwrap())
    }

    /// The address of a repository, which is named by its absolute path.
    pub fn url(&self, repository: &Path) -> String {
        format!("git+ssh://root@{}{}", self.host(), repository.display())
    }

    /// Lets in whoever has this key, and nobody else; nobody where it is empty.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn accept(&self, public_key: &str) {
        fs::write(&self.authorized, public_key).unwrap();
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An SSH agent with one key.
pub struct Agent {
    child: Child,
    socket: PathBuf,
    key: PathBuf,
}

impl Agent {
    /// Runs it with a new key; its files are in `dir`.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        let (socket, key) = (dir.join("agent"), dir.join("key"));
        keygen(&key);
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("openssh-client is installed");
        // It tells its socket when it listens.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let agent = Self { child, socket, key };
        let added =
            Command::new("ssh-add").arg(&agent.key).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        agent
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its key's public part.
    ///
    /// # Panics
    /// When it can't be read.
    pub fn public_key(&self) -> String {
        fs::read_to_string(self.key.with_extension("pub")).unwrap()
    }

    /// Its key's private part: what must not leave it.
    ///
    /// # Panics
    /// When it can't be read.
    pub fn private_key(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(path: &Path) {
    let output =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}
