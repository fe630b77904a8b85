//! Values that are larger than an entry of the keyring may be, as several entries.
//!
//! The first entry says how many there are and what all of them together must be, and is written last. A value that was half-written
//! is therefore the one before, or found to be damaged; it is never a mixture.

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What the first of several entries begins with: `pieces:COUNT:SHA256:`. The value itself never begins with it.
pub(super) const MANY: &str = "pieces:";

/// The most entries that are believed in.
const MOST: usize = 1 << 10;

/// Entries of a keyring, by name.
pub(super) trait Entries {
    /// What can go wrong.
    type Error;
    /// The content of an entry, if there is one.
    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error>;
    /// Makes or replaces an entry.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Self::Error>;
    /// Removes an entry. One that isn't there is fine.
    fn remove(&self, name: &str) -> Result<(), Self::Error>;
}

/// What is wrong with a value's entries.
#[derive(Debug)]
pub(super) enum PiecesError<E> {
    /// They don't belong together.
    Damaged,
    /// One of them.
    Entry(E),
}

impl<E> From<E> for PiecesError<E> {
    fn from(error: E) -> Self {
        Self::Entry(error)
    }
}

/// The value of this name.
pub(super) fn read<S: Entries>(
    entries: &S,
    name: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, PiecesError<S::Error>> {
    let Some(first) = entries.read(name)? else { return Ok(None) };
    let Some(rest) = first.strip_prefix(MANY.as_bytes()) else { return Ok(Some(first)) };
    let (count, digest, begin) = header(rest).ok_or(PiecesError::Damaged)?;
    let mut value = Zeroizing::new(begin.to_vec());
    for number in 2..=count {
        let piece = entries.read(&piece(number, name))?.ok_or(PiecesError::Damaged)?;
        // Not `extend`: what the vector leaves behind when it grows isn't zeroed.
        value = Zeroizing::new([value.as_slice(), &piece].concat());
    }
    if hex(&value) == digest { Ok(Some(value)) } else { Err(PiecesError::Damaged) }
}

/// Makes `value` the value of this name, in entries of at most `limit` bytes.
pub(super) fn write<S: Entries>(
    entries: &S,
    name: &str,
    value: &[u8],
    limit: Option<usize>,
) -> Result<(), PiecesError<S::Error>> {
    let Some(limit) = limit else { return Ok(entries.write(name, value)?) };
    let last = last(entries, name)?;
    if value.len() <= limit {
        remove_down(entries, name, last, 1)?;
        return Ok(entries.write(name, value)?);
    }
    // As long as it can become, so that the first piece fits whatever the number is.
    let space = limit.saturating_sub(head(MOST, value).len()).max(1);
    let parts: Vec<&[u8]> = value.chunks(space).collect();
    for (number, part) in (1..).zip(&parts).skip(1) {
        entries.write(&piece(number, name), part)?;
    }
    remove_down(entries, name, last, parts.len())?;
    let first = [head(parts.len(), value).as_bytes(), parts.first().copied().unwrap_or_default()].concat();
    Ok(entries.write(name, &Zeroizing::new(first))?)
}

/// Forgets the value of this name.
pub(super) fn remove<S: Entries>(
    entries: &S,
    name: &str,
    limit: Option<usize>,
) -> Result<(), PiecesError<S::Error>> {
    if limit.is_some() {
        remove_down(entries, name, last(entries, name)?, 1)?;
    }
    Ok(entries.remove(name)?)
}

/// The number of the last piece that is there, whether or not the first entry knows of it.
fn last<S: Entries>(entries: &S, name: &str) -> Result<usize, S::Error> {
    let mut last = 1;
    while entries.read(&piece(last + 1, name))?.is_some() {
        last += 1;
    }
    Ok(last)
}

/// Removes the pieces after `keep`, the last one first: an interruption leaves no gap, behind which [`last`] would not look.
fn remove_down<S: Entries>(entries: &S, name: &str, last: usize, keep: usize) -> Result<(), S::Error> {
    ((keep + 1)..=last).rev().try_for_each(|number| entries.remove(&piece(number, name)))
}

/// What a piece but the first is called. No secret's own name begins like that.
fn piece(number: usize, name: &str) -> String {
    format!("piece/{number}/{name}")
}

fn head(count: usize, value: &[u8]) -> String {
    format!("{MANY}{count}:{}:", hex(value))
}

/// The count, the digest, and the beginning of the value.
fn header(rest: &[u8]) -> Option<(usize, &str, &[u8])> {
    let mut parts = rest.splitn(3, |&byte| byte == b':');
    let mut next = || parts.next();
    let (count, digest, begin) = (next()?, next()?, next()?);
    let count = std::str::from_utf8(count).ok()?.parse().ok().filter(|count| (2..=MOST).contains(count))?;
    Some((count, std::str::from_utf8(digest).ok()?, begin))
}

fn hex(value: &[u8]) -> String {
    Sha256::digest(value).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap};

    use proptest::prelude::*;

    use super::*;

    /// A keyring that ends after some writes and removals, as a killed process does.
    struct Pretended {
        entries: RefCell<BTreeMap<String, Vec<u8>>>,
        left: RefCell<usize>,
        limit: usize,
    }

    impl Pretended {
        fn new(limit: usize) -> Self {
            Self { entries: RefCell::default(), left: RefCell::new(usize::MAX), limit }
        }

        fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Result<(), &'static str> {
            let mut left = self.left.borrow_mut();
            *left = left.checked_sub(1).ok_or("killed")?;
            change(&mut self.entries.borrow_mut());
            Ok(())
        }

        fn set(&self, value: &[u8]) -> Result<(), PiecesError<&'static str>> {
            write(self, "machine/web/x", value, Some(self.limit))
        }

        fn get(&self) -> Result<Option<Vec<u8>>, PiecesError<&'static str>> {
            Ok(read(self, "machine/web/x")?.map(|value| value.to_vec()))
        }
    }

    impl Entries for Pretended {
        type Error = &'static str;
        fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, &'static str> {
            Ok(self.entries.borrow().get(name).cloned().map(Zeroizing::new))
        }
        fn write(&self, name: &str, bytes: &[u8]) -> Result<(), &'static str> {
            assert!(bytes.len() <= self.limit, "{} bytes in an entry of {}", bytes.len(), self.limit);
            self.change(|entries| drop(entries.insert(name.into(), bytes.into())))
        }
        fn remove(&self, name: &str) -> Result<(), &'static str> {
            self.change(|entries| drop(entries.remove(name)))
        }
    }

    #[test]
    fn a_shorter_value_leaves_nothing_of_the_longer_one() {
        let keyring = Pretended::new(100);
        for (value, entries) in [(400, 27), (60, 1), (100, 1), (101, 8), (1, 1)] {
            let value = vec![b'v'; value];
            keyring.set(&value).unwrap();
            assert_eq!(keyring.get().unwrap().unwrap(), value);
            assert!(keyring.entries.borrow().len() <= entries, "{:?}", keyring.entries.borrow().keys());
        }
        keyring.set(&[7; 1000]).unwrap();
        remove(&keyring, "machine/web/x", Some(100)).unwrap();
        assert!(keyring.entries.borrow().is_empty());
        assert!(keyring.get().unwrap().is_none());
    }

    #[test]
    fn the_largest_value_fits_into_credentials_of_windows() {
        let keyring = Pretended::new(5 * 512);
        let value = vec![0xa5; 90 << 10];
        keyring.set(&value).unwrap();
        assert_eq!(keyring.get().unwrap().unwrap(), value);
        assert!(keyring.entries.borrow().len() < 40);
    }

    #[test]
    fn pieces_that_do_not_belong_together_are_damaged() {
        let keyring = Pretended::new(100);
        keyring.set(&[b'v'; 400]).unwrap();
        keyring.entries.borrow_mut().insert("piece/3/machine/web/x".into(), vec![b'w'; 20]);
        assert!(matches!(keyring.get(), Err(PiecesError::Damaged)));
        keyring.entries.borrow_mut().remove("piece/3/machine/web/x");
        assert!(matches!(keyring.get(), Err(PiecesError::Damaged)));
        for header in ["pieces:", "pieces:1:x:", "pieces:99999999999:x:", "pieces:2:x"] {
            keyring.entries.borrow_mut().insert("machine/web/x".into(), header.into());
            assert!(matches!(keyring.get(), Err(PiecesError::Damaged)), "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_kill_leaves_the_old_value_the_new_one_or_a_damage_that_is_seen(
            old in 1..600_usize, new in 1..600_usize, after in 0..60_usize,
        ) {
            let keyring = Pretended::new(100);
            let (old, new) = (vec![b'o'; old], vec![b'n'; new]);
            keyring.set(&old).unwrap();
            *keyring.left.borrow_mut() = after;
            let written = keyring.set(&new);
            match keyring.get() {
                Ok(Some(value)) if value == new => {}
                Ok(Some(value)) => prop_assert!(value == old && written.is_err()),
                Ok(None) => prop_assert!(false, "the value is gone"),
                Err(_) => prop_assert!(written.is_err()),
            }
            // The next attempt repairs it, and nothing is left of the first.
            *keyring.left.borrow_mut() = usize::MAX;
            keyring.set(&new).unwrap();
            prop_assert_eq!(keyring.get().unwrap().unwrap(), new);
            remove(&keyring, "machine/web/x", Some(100)).unwrap();
            prop_assert!(keyring.entries.borrow().is_empty());
        }
    }
}
