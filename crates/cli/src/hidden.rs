//! Asking for something that nobody should see being typed.
//!
//! Read byte by byte from a terminal in raw mode, so that the wait can be given up when the answer comes through another door.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use zeroize::Zeroizing;

use crate::{keys::Keys, terminal::RawMode};

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// This, ended with Enter.
    Line(Zeroizing<Vec<u8>>),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    Left,
}

/// Reads one line without showing it. The question is shown when nothing is any more: who types at once is hidden, too.
///
/// # Errors
/// When there is no terminal, or it can't be read.
pub(crate) async fn read_line(keys: &Keys, question: impl FnOnce()) -> io::Result<Typed> {
    let _raw = RawMode::begin()?;
    question();
    read_from(&mut keys.clone()).await
}

async fn read_from(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Typed> {
    const CTRL_C: u8 = 3;
    const CTRL_D: u8 = 4;
    const BACKSPACE: [u8; 2] = [8, 127];
    const CTRL_U: u8 = 21;
    // Room from the beginning: growing would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(64 << 10));
    loop {
        let mut byte = [0_u8];
        if input.read(&mut byte).await? == 0 {
            return Ok(Typed::Left);
        }
        match byte[0] {
            b'\r' | b'\n' => return Ok(Typed::Line(line)),
            CTRL_C => return Ok(Typed::Interrupted),
            CTRL_D if line.is_empty() => return Ok(Typed::Left),
            CTRL_U => line.clear(),
            byte if BACKSPACE.contains(&byte) => {
                // A whole character, whose continuation bytes are 10xxxxxx.
                while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            byte if line.len() < line.capacity() => line.push(byte),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn typed(bytes: &[u8]) -> Typed {
        read_from(&mut std::io::Cursor::new(bytes)).await.unwrap()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(Zeroizing::new(text.into()))
    }

    #[tokio::test]
    async fn keys_do_what_they_do_everywhere() {
        assert_eq!(typed(b"secret\rmore").await, line("secret"));
        assert_eq!(typed("aü\u{7f}b\u{8}c\n".as_bytes()).await, line("ac"));
        assert_eq!(typed(b"wrong\x15right\r").await, line("right"));
        assert_eq!(typed(b"half\x03").await, Typed::Interrupted);
        assert_eq!(typed(b"\x04").await, Typed::Left);
        assert_eq!(typed(b"half").await, Typed::Left);
    }
}
