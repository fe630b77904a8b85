//! How much an operation's log and its activities may take on the disk: a derivation may print, and tell of phases, without end.

/// The most that is written of a log, in bytes.
const MOST: u64 = 512 << 20;
/// The most that is written of activities, but for how each ended.
const MOST_ACTIVITIES: u64 = 128 << 20;

/// What is left of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRoom {
    left: Option<u64>,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is written.
    Kept,
    /// It is the first that isn't.
    First,
    /// It isn't, as others before.
    Dropped,
}

impl Default for LogRoom {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl LogRoom {
    /// Room for activities.
    pub(super) const fn for_activities() -> Self {
        Self::of(MOST_ACTIVITIES)
    }

    /// Room for so many bytes.
    pub(super) const fn of(bytes: u64) -> Self {
        Self { left: Some(bytes) }
    }

    /// Takes room for a line of this many bytes. When there isn't enough, nothing is written from then on, however short it is.
    pub(super) fn take(&mut self, bytes: usize) -> Fate {
        let Some(left) = self.left else { return Fate::Dropped };
        self.left = left.checked_sub(bytes as u64);
        if self.left.is_some() { Fate::Kept } else { Fate::First }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_what_did_not_fit() {
        let mut room = LogRoom::of(10);
        let fates = [4, 6, 1, 0].map(|bytes| room.take(bytes));
        assert_eq!(fates, [Fate::Kept, Fate::Kept, Fate::First, Fate::Dropped]);
    }
}
