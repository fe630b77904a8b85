//! The one reader of stdin: whatever waits for something that is typed gets it from here.
//!
//! A read that has begun can't be taken back. When who waits for it gives up, such as a question that was answered elsewhere, what is
//! typed next belongs to whoever asks next; with readers of their own it would be lost. Nothing is read that nobody asked for.

use std::{
    io::{self, Read, Stdin},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, ReadBuf},
    task::JoinHandle,
};
use zeroize::Zeroizing;

/// Bytes that are read at once. No less than the standard library's own buffer has, which then keeps no copy of secrets.
const CHUNK: usize = 32 << 10;

/// What is typed, shared by all who wait for it.
#[derive(Debug)]
pub(crate) struct Keys<S = Stdin>(Arc<Mutex<Reading<S>>>);

#[derive(Debug)]
struct Reading<S> {
    /// Where it comes from; away while it is read.
    source: Option<S>,
    /// The read that is under way.
    under_way: Option<JoinHandle<ReadOnce<S>>>,
    /// What was read and nobody has taken yet.
    chunk: Zeroizing<Vec<u8>>,
    /// How much of it was taken.
    taken: usize,
}

/// The source again, and what it gave.
type ReadOnce<S> = (S, io::Result<Zeroizing<Vec<u8>>>);

impl Keys {
    /// This process' stdin.
    pub(crate) fn of_process() -> Self {
        Self::of(io::stdin())
    }
}

impl<S> Clone for Keys<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Read + Send + Unpin + 'static> Keys<S> {
    fn of(source: S) -> Self {
        let chunk = Zeroizing::default();
        Self(Arc::new(Mutex::new(Reading { source: Some(source), under_way: None, chunk, taken: 0 })))
    }

    /// One line without its end; without one where the input ends.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn line(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut keys = self.clone();
        let mut line = Zeroizing::new(Vec::new());
        let mut byte = [0];
        while keys.read(&mut byte).await? == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        Ok(line)
    }

    /// Everything up to the input's end, of at most this length.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) async fn rest(&self, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        // Room from the beginning: growing would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(most));
        self.clone().take(most as u64).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

impl<S: Read + Send + Unpin + 'static> AsyncRead for Keys<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready!(reading.poll_fill(cx))?;
        let rest = &reading.chunk[reading.taken..];
        let length = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..length]);
        reading.taken += length;
        Poll::Ready(Ok(()))
    }
}

impl<S: Read + Send + 'static> Reading<S> {
    /// Waits until there is something to take; nothing is the input's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.taken < self.chunk.len() {
            return Poll::Ready(Ok(()));
        }
        if let Some(source) = self.source.take() {
            self.under_way = Some(tokio::task::spawn_blocking(move || read_once(source)));
        }
        let Some(under_way) = &mut self.under_way else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let (source, read) = ready!(Pin::new(under_way).poll(cx)).map_err(io::Error::other)?;
        self.under_way = None;
        self.source = Some(source);
        self.chunk = read?;
        self.taken = 0;
        Poll::Ready(Ok(()))
    }
}

fn read_once<S: Read>(mut source: S) -> ReadOnce<S> {
    let mut chunk = Zeroizing::new(vec![0; CHUNK]);
    loop {
        match source.read(&mut chunk) {
            Ok(length) => {
                chunk.truncate(length);
                return (source, Ok(chunk));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (source, Err(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Write as _, task::Waker};

    #[tokio::test]
    async fn what_was_typed_after_a_question_was_dropped_is_whole_for_the_next() {
        let (reader, mut typed) = io::pipe().unwrap();
        let keys = Keys::of(reader);
        {
            let mut dropped = Box::pin(keys.line());
            let pending = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(pending.is_pending(), "its read is under way");
        }
        typed.write_all(b"hunter2\nrest").unwrap();
        assert_eq!(keys.line().await.unwrap().as_slice(), b"hunter2");
        drop(typed);
        assert_eq!(keys.rest(3).await.unwrap().as_slice(), b"res", "no more than was asked for");
        assert_eq!(keys.rest(100).await.unwrap().as_slice(), b"t");
        assert_eq!(keys.line().await.unwrap().as_slice(), b"", "its end");
    }
}
