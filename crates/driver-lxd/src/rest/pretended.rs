//! An engine for tests: a socket that answers as a test says.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use crate::{Flavour, LxdConfig};

/// An engine that does with each connection what it is told, by the request's method and path.
pub(crate) struct Engine {
    dir: tempfile::TempDir,
}

impl Engine {
    pub(crate) fn new<F>(answer: impl Fn(String, UnixStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("unix.socket")).unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
                stream.read_exact(&mut body).await.unwrap();
                let request = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
                tokio::spawn(answer(request, stream));
            }
        });
        Self { dir }
    }

    /// One that answers everything with this status and body.
    pub(crate) fn answering(status: u16, body: &'static str) -> Self {
        Self::new(move |_, stream| respond(stream, status, body))
    }

    /// How it is reached.
    pub(crate) fn config(&self) -> LxdConfig {
        LxdConfig::new(Flavour::Lxd, self.dir.path().join("unix.socket"))
    }
}

/// Answers a request, and ends the connection.
pub(crate) async fn respond(mut stream: UnixStream, status: u16, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} Whatever\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).await.unwrap();
}
