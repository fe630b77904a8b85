//! `git http-backend` behind TLS and a password.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

use super::Listening;

/// A company's own certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn new(name: &str) -> Self {
        Self::until(name, 2040)
    }

    /// One whose time is over.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn expired(name: &str) -> Self {
        Self::until(name, 2021)
    }

    fn until(name: &str, year: i32) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(year, 1, 1);
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// Its certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn server(&self, ip: IpAddr, expired: bool) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new([ip.to_string()]).unwrap();
        if expired {
            parameters.not_before = date_time_ymd(2020, 1, 1);
            parameters.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap()
    }
}

/// A git server.
pub struct GitServer {
    listening: Listening,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    /// The only `Authorization` that is let in.
    accepted: Mutex<Option<String>>,
    answered: AtomicUsize,
    refused: AtomicUsize,
}

impl GitServer {
    /// Serves the repositories below `root` at this address, with a certificate of the authority. Nobody is let in yet.
    pub fn new(ip: IpAddr, root: &Path, authority: &Authority) -> Self {
        Self::with(ip, root, authority.server(ip, false))
    }

    /// The same with a certificate whose time is over.
    pub fn expired(ip: IpAddr, root: &Path, authority: &Authority) -> Self {
        Self::with(ip, root, authority.server(ip, true))
    }

    fn with(ip: IpAddr, root: &Path, config: ServerConfig) -> Self {
        let config = Arc::new(config);
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            accepted: Mutex::default(),
            answered: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        });
        let served = Arc::clone(&shared);
        let listening = Listening::new(ip, move |stream: TcpStream| {
            let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            served.serve(&mut stream)?;
            stream.conn.send_close_notify();
            stream.flush()
        });
        Self { listening, shared }
    }

    /// Lets in this user with this token, and nobody else.
    ///
    /// # Panics
    /// Never.
    pub fn accept(&self, user: &str, token: &str) {
        let basic = format!("Basic {}", BASE64.encode(format!("{user}:{token}")));
        *self.shared.accepted.lock().unwrap() = Some(basic);
    }

    /// Lets nobody in any more.
    ///
    /// # Panics
    /// Never.
    pub fn revoke(&self) {
        *self.shared.accepted.lock().unwrap() = None;
    }

    /// Its address and port, as one logs in to it.
    pub fn host(&self) -> String {
        self.listening.address.to_string()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// The address of a repository below its root.
    pub fn url(&self, repository: &str) -> String {
        format!("git+https://{}/{repository}", self.host())
    }

    /// How many requests it answered with content, and how many it refused.
    pub fn counts(&self) -> (usize, usize) {
        (self.shared.answered.load(Ordering::Relaxed), self.shared.refused.load(Ordering::Relaxed))
    }
}

impl Shared {
    /// One request; the connection ends with its answer.
    fn serve(&self, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let mut reader = BufReader::new(&mut *stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (method, target) =
            (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("/").to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let length = header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        drop(reader);
        let accepted = self.accepted.lock().unwrap().clone();
        if accepted.is_none() || header("authorization") != accepted.as_deref() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut command = Command::new("git");
        command
            .args(["-c", "safe.directory=*", "http-backend"])
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_PROJECT_ROOT", &self.root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", header("content-type").unwrap_or(""))
            .env("CONTENT_LENGTH", length.to_string())
            .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or(""))
            .env("GIT_PROTOCOL", header("git-protocol").unwrap_or(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().unwrap().write_all(&body)?;
        let mut answer = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut answer)?;
        child.wait()?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status =
            head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
        let kept = head.lines().filter(|line| !line.starts_with("Status:") && !line.is_empty());
        let content = answer.get(end + 4..).unwrap_or_default();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", content.len())?;
        for line in kept {
            write!(stream, "{}\r\n", line.trim_end())?;
        }
        stream.write_all(b"\r\n")?;
        stream.write_all(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo::Repo;

    #[test]
    fn real_git_clones_with_the_token_and_the_authority_only() {
        let dir = tempfile::tempdir().unwrap();
        Repo::new(dir.path().join("root/acme/x.git"), &[("a", "1")]);
        let authority = Authority::new("Test");
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        let server = GitServer::new([127, 0, 0, 1].into(), &dir.path().join("root"), &authority);
        let clone = |name: &str, credentials: &str, trusted: bool| {
            let mut command = Command::new("git");
            command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("GIT_TERMINAL_PROMPT", "0");
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
            if trusted {
                command.env("GIT_SSL_CAINFO", dir.path().join("ca.pem"));
            }
            let url = format!("https://{credentials}{}/acme/x.git/.git", server.host());
            command.args(["clone", "-q", &url]).arg(dir.path().join(name));
            let output = command.output().unwrap();
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (ok, said) = clone("untrusted", "", false);
        assert!(!ok && said.contains("certificate"), "{said}");
        server.accept("me", "t0ken");
        let (ok, said) = clone("wrong", "me:other@", true);
        assert!(!ok && said.contains("Authentication failed"), "{said}");
        let (ok, said) = clone("right", "me:t0ken@", true);
        assert!(ok, "{said}");
        server.revoke();
        assert!(!clone("revoked", "me:t0ken@", true).0);
        let (answered, refused) = server.counts();
        assert!(answered > 0 && refused > 0);
    }
}
