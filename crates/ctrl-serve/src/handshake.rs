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
/// The end of the daemon's greeting: it has opened its store and takes commands ("stla", STDERR_LAST).
const MAGIC_LAST: u64 = 0x616c_7473;
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
    /// The daemon takes commands; its version.
    Answered(String),
    /// Whoever answered is no nix-daemon.
    Foreign,
}

/// Reads the daemon's reply: magic, protocol, its version, whether it trusts us, and the end mark.
pub(crate) fn parse_reply(bytes: &[u8]) -> Reply {
    let word = |at: usize| -> Option<u64> {
        bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes)
    };
    match word(0) {
        None => return Reply::Incomplete,
        Some(MAGIC_DAEMON) => {}
        Some(_) => return Reply::Foreign,
    }
    match word(8) {
        None => return Reply::Incomplete,
        // An older daemon says less; the image never holds one.
        Some(protocol) if protocol < OUR_PROTOCOL => return Reply::Foreign,
        Some(_) => {}
    }
    let Some(length) = word(16) else { return Reply::Incomplete };
    let Some(length) = usize::try_from(length).ok().filter(|n| *n <= LONGEST_VERSION) else {
        return Reply::Foreign;
    };
    let end = 24 + length.next_multiple_of(8) + 8;
    match (bytes.get(24..24 + length), word(end)) {
        (Some(version), Some(MAGIC_LAST)) => Reply::Answered(String::from_utf8_lossy(version).into_owned()),
        (Some(_), Some(_)) => Reply::Foreign,
        _ => Reply::Incomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(protocol: u64, version: &str) -> Vec<u8> {
        let words = |w: &[u64]| w.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let mut bytes = words(&[MAGIC_DAEMON, protocol, version.len() as u64]);
        bytes.extend(version.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(words(&[2, MAGIC_LAST]));
        bytes
    }

    #[test]
    fn greeting_is_four_words_and_starts_with_nixc() {
        let g = greeting();
        assert_eq!(g.len(), 32);
        assert_eq!(&g[..4], b"cxin");
    }

    #[test]
    fn every_prefix_is_incomplete_until_the_end_mark_is_there() {
        let bytes = reply((1 << 8) | 38, "2.26.3");
        for n in 0..bytes.len() {
            assert_eq!(parse_reply(&bytes[..n]), Reply::Incomplete, "{n} bytes");
        }
        assert_eq!(parse_reply(&bytes), Reply::Answered("2.26.3".into()));
    }

    #[test]
    fn a_daemon_that_reports_an_error_does_not_count() {
        let mut bytes = reply((1 << 8) | 38, "2.26.3");
        let end = bytes.len() - 8;
        bytes[end..].copy_from_slice(&0x6378_7470_u64.to_le_bytes());
        assert_eq!(parse_reply(&bytes), Reply::Foreign);
    }

    #[test]
    fn others_are_recognised() {
        assert_eq!(parse_reply(b"HTTP/1.1 400 Bad Request"), Reply::Foreign);
        assert_eq!(parse_reply(&reply((1 << 8) | 21, "")), Reply::Foreign);
        let mut huge = reply((1 << 8) | 38, "");
        huge[16..24].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(parse_reply(&huge), Reply::Foreign);
    }
}
