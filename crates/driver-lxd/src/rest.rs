//! Requests to the engine, operations awaited to their end, failures in the driver's words.

use std::{io, path::PathBuf, time::Duration};

use bytes::Bytes;
use codchi_controller::driver::DriverError;
use reqwest::{Method, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use crate::{
    config::{Flavour, LxdConfig},
    wire::{Envelope, Operation, Refusal},
};

/// Connecting to a local socket takes microseconds; an engine whose backlog is full doesn't answer.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// No plain request works that long; what does is an operation.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Somebody looks on while something is only read. An engine that accepts and says nothing is as good as none.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How often an engine that is working on an operation is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// What a request is for, to name it when it fails.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    /// Such as `start`.
    pub(crate) verb: &'static str,
    /// Such as `instance`.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
}

impl Purpose {
    pub(crate) fn new(verb: &'static str, kind: &'static str, name: impl Into<String>) -> Self {
        Self { verb, kind, name: name.into() }
    }

    /// The engine's refusal.
    pub(crate) fn refused(&self, message: impl Into<String>) -> DriverError {
        DriverError::Engine { action: self.to_string(), message: message.into() }
    }

    /// What is named doesn't exist.
    pub(crate) fn not_found(&self) -> DriverError {
        DriverError::NotFound { kind: self.kind, name: self.name.clone() }
    }

    /// The connection broke.
    pub(crate) fn interrupted(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> DriverError {
        DriverError::Interrupted { action: self.to_string(), source: source.into() }
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} '{}'", self.verb, self.kind, self.name)
    }
}

/// The engine's answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The engine's words, when it refused. The status doesn't always tell: Incus sends it before it knows.
    fn refusal(&self) -> Option<String> {
        let refusal = serde_json::from_slice::<Refusal>(&self.body).ok()?;
        (refusal.kind == "error").then_some(refusal.error)
    }

    /// Why the status is what it is.
    pub(crate) fn message(&self) -> String {
        self.refusal().unwrap_or_else(|| format!("the engine answered {}", self.status))
    }

    /// Passes on what worked; what didn't becomes an error.
    pub(crate) fn ok(self, rest: &Rest, purpose: &Purpose) -> Result<Self, DriverError> {
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::NOT_FOUND => Err(purpose.not_found()),
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(rest.denied()),
            StatusCode::SERVICE_UNAVAILABLE => Err(rest.unreachable(io::Error::other(self.message()))),
            _ => Err(purpose.refused(self.message())),
        }
    }

    /// Decodes what was asked for.
    pub(crate) fn metadata<'a, T: Deserialize<'a>>(&'a self, purpose: &Purpose) -> Result<T, DriverError> {
        serde_json::from_slice::<Envelope<T>>(&self.body)
            .map(|envelope| envelope.metadata)
            .map_err(|error| purpose.refused(format!("the engine's answer is not understood: {error}")))
    }
}

/// A client of one engine.
#[derive(Debug)]
pub(crate) struct Rest {
    http: reqwest::Client,
    pub(crate) flavour: Flavour,
    pub(crate) socket: PathBuf,
    pub(crate) project: Option<String>,
}

impl Rest {
    pub(crate) fn new(config: &LxdConfig) -> Result<Self, DriverError> {
        let http = reqwest::Client::builder()
            .unix_socket(config.socket.as_path())
            .connect_timeout(CONNECT_TIMEOUT)
            // No connection is kept. LXD accepts one at a time and waits for its first bytes before it accepts the next
            // (`BufferedUnixConn.Peek`): one that the pool opened in advance would block everybody. Connecting to a local
            // socket costs nothing.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("codchi/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Purpose::new("reach", "engine", config.flavour.name()).interrupted(error))?;
        let LxdConfig { flavour, socket, project, .. } = config;
        Ok(Self { http, flavour: *flavour, socket: socket.clone(), project: project.clone() })
    }

    /// The address of `path`, below `/1.0`, in our project.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        // A constant that parses; the host is ignored on a unix socket.
        #[allow(clippy::expect_used, reason = "a constant")]
        let mut url = Url::parse("http://engine/1.0").expect("a valid address");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        {
            let mut pairs = url.query_pairs_mut();
            if let Some(project) = &self.project {
                pairs.append_pair("project", project);
            }
            pairs.extend_pairs(query);
        }
        if url.query() == Some("") {
            url.set_query(None);
        }
        url
    }

    /// Where the engine is, for people.
    pub(crate) fn endpoint(&self) -> String {
        self.socket.display().to_string()
    }

    pub(crate) fn unreachable(&self, source: io::Error) -> DriverError {
        DriverError::Unreachable { engine: self.flavour.name().into(), endpoint: self.endpoint(), source }
    }

    pub(crate) fn denied(&self) -> DriverError {
        DriverError::Denied { engine: self.flavour.name().into(), endpoint: self.endpoint() }
    }

    /// A failed connection, by its cause.
    pub(crate) fn not_connected(&self, source: io::Error) -> DriverError {
        if source.kind() == io::ErrorKind::PermissionDenied {
            self.denied()
        } else {
            self.unreachable(source)
        }
    }

    /// A request that got no answer.
    fn unanswered(&self, error: reqwest::Error, purpose: &Purpose) -> DriverError {
        if !error.is_connect() {
            return purpose.interrupted(error);
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                let io = io
                    .raw_os_error()
                    .map_or_else(|| io::Error::from(io.kind()), io::Error::from_raw_os_error);
                return self.not_connected(io);
            }
            cause = inner.source();
        }
        self.unreachable(io::Error::other(error))
    }

    /// Sends a request whose answer comes at once.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        etag: Option<&str>,
        purpose: &Purpose,
    ) -> Result<Reply, DriverError> {
        let is_read = method == Method::GET;
        let limit = if is_read { READ_TIMEOUT } else { REQUEST_TIMEOUT };
        let mut request = self.http.request(method, url).timeout(limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(etag) = etag {
            request = request.header(header::IF_MATCH, etag);
        }
        match self.answer(request, purpose).await {
            // Nothing was changed, and nothing will be.
            Err(DriverError::Interrupted { source, .. }) if is_read && timed_out(&*source) => {
                Err(self.unreachable(io::Error::new(io::ErrorKind::TimedOut, "it takes too long to answer")))
            }
            answer => answer,
        }
    }

    async fn answer(
        &self,
        request: reqwest::RequestBuilder,
        purpose: &Purpose,
    ) -> Result<Reply, DriverError> {
        let response = request.send().await.map_err(|error| self.unanswered(error, purpose))?;
        let status = response.status();
        let etag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.map_err(|error| purpose.interrupted(error))?;
        Ok(Reply { status, etag, body })
    }

    /// Sends a large body: no limit on the whole time, the caller watches that it moves.
    pub(crate) async fn upload(
        &self,
        url: Url,
        form: reqwest::multipart::Form,
        purpose: &Purpose,
    ) -> Result<Reply, DriverError> {
        self.answer(self.http.post(url).multipart(form), purpose).await
    }

    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        url: Url,
        purpose: &Purpose,
    ) -> Result<T, DriverError> {
        self.send(Method::GET, url, None, None, purpose).await?.ok(self, purpose)?.metadata(purpose)
    }

    /// Reads one thing that may not exist.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        url: Url,
        purpose: &Purpose,
    ) -> Result<Option<T>, DriverError> {
        match self.get(url, purpose).await {
            Ok(found) => Ok(Some(found)),
            Err(DriverError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a change and waits until the engine has made it, whether it answers at once or with an operation.
    pub(crate) async fn change(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        purpose: &Purpose,
    ) -> Result<(), DriverError> {
        let reply = self.send(method, url, body, None, purpose).await?.ok(self, purpose)?;
        self.settle(&reply, purpose).await
    }

    /// Waits for the operation that `reply` started, if it did.
    pub(crate) async fn settle(&self, reply: &Reply, purpose: &Purpose) -> Result<(), DriverError> {
        if reply.status != StatusCode::ACCEPTED {
            return Ok(());
        }
        let operation = reply.metadata::<Operation>(purpose)?;
        let operation = self.wait(&operation.id, purpose).await?;
        if operation.succeeded() { Ok(()) } else { Err(purpose.refused(operation.err)) }
    }

    /// Waits for the end of an operation, however long it takes, as long as the engine is alive.
    ///
    /// The engine's own `timeout` parameter isn't used: LXD 5.0 answers it with an error that can't be told from a failure.
    pub(crate) async fn wait(&self, id: &str, purpose: &Purpose) -> Result<Operation, DriverError> {
        let long_poll = async {
            let url = self.url(&["operations", id, "wait"], &[]);
            let reply = self.answer(self.http.get(url), purpose).await?.ok(self, purpose)?;
            match reply.refusal() {
                None => reply.metadata::<Operation>(purpose),
                // Incus answers a failure without the operation; it can be read for five more seconds.
                Some(error) => {
                    let failed = self.find::<Operation>(self.url(&["operations", id], &[]), purpose).await?;
                    Ok(failed.unwrap_or_else(|| Operation::failed(error)))
                }
            }
        };
        let dead = async {
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                let url = self.url(&["operations", id], &[]);
                let alive = self.http.get(url).timeout(REQUEST_TIMEOUT);
                if let Err(error) = self.answer(alive, purpose).await {
                    return error;
                }
            }
        };
        tokio::select! {
            operation = long_poll => operation,
            error = dead => Err(error),
        }
    }
}

fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
}

#[cfg(test)]
pub(crate) mod pretended;
#[cfg(test)]
mod tests;
