//! Websockets of the engine, over its unix socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use codchi_controller::driver::DriverError;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, error::ProtocolError},
};
use url::Url;

use crate::rest::{CONNECT_TIMEOUT, Purpose, Reply, Rest};

/// A connected websocket.
pub(crate) type Socket = WebSocketStream<HalfDeaf>;

/// A stream that doesn't mind that nobody listens to it.
///
/// When the engine is done it closes the socket at once, with the end of a stream still to be read here. Reading answers pings;
/// answering would fail now, and the failure would hide what is there to read. Reading tells soon enough that the end has come.
#[derive(Debug)]
pub(crate) struct HalfDeaf(UnixStream);

fn unheard<T>(outcome: Poll<io::Result<T>>, instead: T) -> Poll<io::Result<T>> {
    match outcome {
        Poll::Ready(Err(error))
            if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
        {
            Poll::Ready(Ok(instead))
        }
        outcome => outcome,
    }
}

impl AsyncRead for HalfDeaf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for HalfDeaf {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        unheard(Pin::new(&mut self.0).poll_write(cx, buf), buf.len())
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        unheard(Pin::new(&mut self.0).poll_flush(cx), ())
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        unheard(Pin::new(&mut self.0).poll_shutdown(cx), ())
    }
}

impl Rest {
    /// Opens the websocket at `url` (of [`Rest::url`]).
    pub(crate) async fn websocket(&self, mut url: Url, purpose: &Purpose) -> Result<Socket, DriverError> {
        // Between `http` and `ws` the scheme may be changed, so this can't fail.
        let _ = url.set_scheme("ws");
        let connect = async {
            let stream =
                UnixStream::connect(&self.socket).await.map_err(|error| self.not_connected(error))?;
            match client_async(url.as_str(), HalfDeaf(stream)).await {
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
        Error::Io(error) if error.kind() != io::ErrorKind::ConnectionReset => error,
        Error::Io(_)
        | Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the engine closed the connection")
        }
        error => io::Error::other(error),
    }
}
