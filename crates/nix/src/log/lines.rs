//! A stream of bytes cut into lines of bounded length.

use memchr::memchr;

/// The longest line that is kept, in bytes: an event may carry a long line of somebody else, which is cut later. The rest of a longer
/// one is dropped and the line is marked.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;
/// A buffer larger than this isn't kept for the next line.
const KEPT: usize = 256 * 1024;

/// Cuts a stream into lines.
#[derive(Default)]
pub(super) struct Lines {
    /// The beginning of a line whose end hasn't come yet.
    partial: Vec<u8>,
    /// Whether bytes of it were dropped.
    cut: bool,
}

impl Lines {
    /// Hands every line that ends in `chunk` to `line`, without its end; the flag says whether it was cut.
    pub(super) fn feed(&mut self, mut chunk: &[u8], mut line: impl FnMut(&[u8], bool)) {
        while let Some(end) = memchr(b'\n', chunk) {
            let (head, rest) = chunk.split_at(end);
            chunk = rest.get(1..).unwrap_or_default();
            if self.partial.is_empty() && head.len() <= LONGEST {
                line(head, false);
            } else {
                self.keep(head);
                line(&self.partial, self.cut);
                self.partial.clear();
                self.partial.shrink_to(KEPT);
                self.cut = false;
            }
        }
        self.keep(chunk);
    }

    /// Hands over a last line without an end.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&[u8], bool)) {
        if !self.partial.is_empty() {
            line(&self.partial, self.cut);
            self.partial = Vec::new();
            self.cut = false;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.partial.len();
        self.cut |= bytes.len() > room;
        self.partial.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut all = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.feed(chunk, |line, cut| all.push((line.to_vec(), cut)));
        }
        lines.finish(|line, cut| all.push((line.to_vec(), cut)));
        all
    }

    #[test]
    fn cuts_long_lines_and_goes_on() {
        let long = vec![b'x'; LONGEST + 10];
        let all = collect(&[b"a\n", &long, b"yyy\nb\n", &long[..LONGEST], b"\n"]);
        let lengths: Vec<_> = all.iter().map(|(line, cut)| (line.len(), *cut)).collect();
        assert_eq!(lengths, [(1, false), (LONGEST, true), (1, false), (LONGEST, false)]);
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(text in "[a\n]{0,40}", cuts in prop::collection::vec(0usize..40, 0..4)) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &text.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(collect(&chunks), collect(&[text.as_bytes()]));
        }
    }
}
