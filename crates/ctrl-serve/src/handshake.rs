//! The opening of Nix's daemon protocol, just far enough to know that `nix-daemon` answers and which version
//! it is. Format: nix `src/libstore/worker-protocol.hh` and `worker-protocol-connection.cc` (2.26): little-endian
//! 64-bit integers; strings are a length, the bytes, and zeroes up to a multiple of eight.
//!
//! The rest of the protocol is not here: Nix's own programs speak it.

/// "nixc", sent first by the client.
const MAGIC_CLIENT: u64 = 0x6e69_7863;
/// "dxio", the daemon's reply.
const MAGIC_DAEMON: u64 = 0x6478_696f;
/// We speak 1.35: new enough to be told the version, too old for the feature exchange of 1.38.
const OUR_PROTOCOL: u64 = (1 << 8) | 35;
/// The oldest daemon protocol that tells its version (1.33).
const TELLS_VERSION: u64 = (1 << 8) | 33;
/// A version longer than this is not one.
const LONGEST_VERSION: usize = 256;

/// Everything the client says: magic, protocol, "no CPU affinity", "no reserved space".
///
/// It can be sent at once: the daemon reads it in order, and replies to each part.
pub(crate) fn greeting() -> Vec<u8> {
    [MAGIC_CLIENT, OUR_PROTOCOL, 0, 0].iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// What the bytes received so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// More bytes are needed.
    Incomplete,
    /// The daemon answered; its version, if it tells one.
    Answered(Option<String>),
    /// Whoever answered is no nix-daemon.
    Foreign,
}

/// Reads the daemon's reply.
pub(crate) fn parse_reply(bytes: &[u8]) -> Reply {
    let word = |i: usize| -> Option<u64> {
        bytes.get(i * 8..i * 8 + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
    };
    match word(0) {
        None => return Reply::Incomplete,
        Some(MAGIC_DAEMON) => {}
        Some(_) => return Reply::Foreign,
    }
    let Some(protocol) = word(1) else { return Reply::Incomplete };
    if protocol < TELLS_VERSION {
        return Reply::Answered(None);
    }
    let Some(length) = word(2) else { return Reply::Incomplete };
    let Some(length) = usize::try_from(length).ok().filter(|n| *n <= LONGEST_VERSION) else {
        return Reply::Foreign;
    };
    match bytes.get(24..24 + length) {
        None => Reply::Incomplete,
        Some(text) => Reply::Answered(Some(String::from_utf8_lossy(text).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(protocol: u64, version: &str) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            [MAGIC_DAEMON, protocol, version.len() as u64].iter().flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend(version.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn greeting_is_four_words_and_starts_with_nixc() {
        let g = greeting();
        assert_eq!(g.len(), 32);
        assert_eq!(&g[..4], b"cxin");
    }

    #[test]
    fn every_prefix_is_incomplete_until_the_version_is_there() {
        let bytes = reply((1 << 8) | 38, "2.26.3");
        for n in 0..30 {
            assert_eq!(parse_reply(&bytes[..n]), Reply::Incomplete, "{n} bytes");
        }
        assert_eq!(parse_reply(&bytes), Reply::Answered(Some("2.26.3".into())));
    }

    #[test]
    fn old_daemons_answer_without_a_version() {
        assert_eq!(parse_reply(&reply((1 << 8) | 21, "")), Reply::Answered(None));
    }

    #[test]
    fn others_are_recognised() {
        assert_eq!(parse_reply(b"HTTP/1.1 400 Bad Request"), Reply::Foreign);
        let mut huge = reply((1 << 8) | 38, "");
        huge[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(parse_reply(&huge), Reply::Foreign);
    }
}
