//! Websockets of the engine, over its unix socket.

use std::io;

use codchi_controller::driver::DriverError;
use tokio::net::UnixStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, error::ProtocolError},
};
use url::Url;

use crate::rest::{CONNECT_TIMEOUT, Purpose, Reply, Rest};

/// A connected websocket.
pub(crate) type Socket = WebSocketStream<UnixStream>;

impl Rest {
    /// Opens the websocket at `url` (of [`Rest::url`]).
    pub(crate) async fn websocket(&self, mut url: Url, purpose: &Purpose) -> Result<Socket, DriverError> {
        // Between `http` and `ws` the scheme may be changed, so this can't fail.
        let _ = url.set_scheme("ws");
        let connect = async {
            let stream =
                UnixStream::connect(&self.socket).await.map_err(|error| self.not_connected(error))?;
            match client_async(url.as_str(), stream).await {
                Ok((socket, _)) => Ok(socket),
                Err(Error::Http(refusal)) => {
                    let (parts, body) = refusal.into_parts();
                    let reply =
                        Reply { status: parts.status, etag: None, body: body.unwrap_or_default().into() };
                    Err(reply.ok(self, purpose).map_or_else(
                        |error| error,
                        |reply| purpose.refused(format!("the engine answered {}", reply.status)),
                    ))
                }
                Err(error) => Err(purpose.interrupted(error)),
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connect)
            .await
            .unwrap_or_else(|_| Err(self.unreachable(io::Error::from(io::ErrorKind::TimedOut))))
    }
}

/// Why a websocket broke, as an error of a stream.
pub(crate) fn broken(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the engine closed the connection")
        }
        error => io::Error::other(error),
    }
}
