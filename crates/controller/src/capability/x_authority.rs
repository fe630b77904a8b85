//! The cookie with which X clients of the user are let in, read from the user's file and written for a machine. The form is that of
//! libXau's `AuFileRead`: records of a family and four counted strings, all numbers big-endian.

use zeroize::Zeroizing;

use crate::secret::SecretValue;

/// The only kind of authorization that is known here.
const KIND: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// A family of addresses: this computer, by its name.
const LOCAL: u16 = 256;
/// The same: any.
const WILD: u16 = 65535;

struct Record<'a> {
    family: u16,
    address: &'a [u8],
    display: &'a [u8],
    kind: &'a [u8],
    data: &'a [u8],
}

/// A cookie for the clients in a machine.
pub(super) struct Made {
    pub(super) cookie: SecretValue,
    /// The file that has it, and nothing else.
    pub(super) file: SecretValue,
}

/// The cookie for a display of this computer, as a file for a machine: of any address and display, since both are others there. The
/// first record that fits counts, as for the host's own programs; one of another name of this computer where none does.
pub(super) fn for_machine(file: &[u8], display: &str, hostname: &str) -> Option<Made> {
    let mut found: Vec<Record<'_>> = records(file).collect();
    found.retain(|record| {
        record.kind == KIND
            && matches!(record.family, LOCAL | WILD)
            && (record.display.is_empty() || record.display == display.as_bytes())
    });
    let is_own = |record: &&Record<'_>| record.family == WILD || record.address == hostname.as_bytes();
    let record = found.iter().find(is_own).or(found.first())?;
    let mut written = Zeroizing::new(Vec::with_capacity(10 + KIND.len() + record.data.len()));
    written.extend(WILD.to_be_bytes());
    for part in [&[], &[], KIND, record.data] {
        written.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
        written.extend(part);
    }
    let cookie = SecretValue::new(record.data).ok()?;
    Some(Made { cookie, file: SecretValue::new(written.as_slice()).ok()? })
}

/// All whole records.
fn records(mut rest: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let family = number(&mut rest)?;
        let mut part = || {
            let length = usize::from(number(&mut rest)?);
            let (part, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(part)
        };
        Some(Record { family, address: part()?, display: part()?, kind: part()?, data: part()? })
    })
}

fn number(rest: &mut &[u8]) -> Option<u16> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u16::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(family: u16, parts: [&[u8]; 4]) -> Vec<u8> {
        let mut bytes = family.to_be_bytes().to_vec();
        for part in parts {
            bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    #[test]
    fn the_cookie_of_the_display_becomes_one_for_any() {
        let file = [
            record(0, [&[10, 0, 0, 1], b"7", KIND, b"of the network"]),
            record(LOCAL, [b"old-name", b"7", KIND, b"of another name"]),
            record(LOCAL, [b"box", b"8", KIND, b"of another display"]),
            record(LOCAL, [b"box", b"7", b"XDM-AUTHORIZATION-1", b"of another kind"]),
            record(LOCAL, [b"box", b"7", KIND, b"the one"]),
        ]
        .concat();
        let made =
            |display, hostname| for_machine(&file, display, hostname).map(|made| made.file.expose().to_vec());
        assert_eq!(made("7", "box").unwrap(), record(WILD, [b"", b"", KIND, b"the one"]));
        assert_eq!(made("7", "renamed").unwrap(), record(WILD, [b"", b"", KIND, b"of another name"]));
        assert_eq!(made("9", "box"), None);
        let wild = record(WILD, [b"", b"", KIND, b"wild"]);
        assert_eq!(for_machine(&wild, "3", "box").unwrap().file.expose(), wild);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = for_machine(&bytes, "0", "box");
        }
    }
}
