//! Reading a part of a long log without reading all of it: where each line begins, kept in memory while the log is looked at.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use serde::Deserialize;

use crate::activity::{ActivityId, LogLine};

/// Marks a line that belongs to no activity. Identities of activities never get there.
const NO_ACTIVITY: ActivityId = ActivityId::MAX;

/// Where the lines of one log are. 12 bytes a line.
pub(crate) struct LogIndex {
    path: PathBuf,
    /// Where each line begins, and where the next will.
    offsets: Vec<u64>,
    activities: Vec<ActivityId>,
}

#[derive(Deserialize)]
struct Whose {
    activity: Option<ActivityId>,
}

impl LogIndex {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, offsets: vec![0], activities: Vec::new() }
    }

    /// The number of whole lines seen so far.
    pub(crate) fn len(&self) -> u64 {
        self.activities.len() as u64
    }

    /// Reads what was appended since the last time. A line without its end is left for the next time.
    pub(crate) fn update(&mut self) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let mut at = self.offsets.last().copied().unwrap_or(0);
        file.seek(SeekFrom::Start(at))?;
        let mut reader = BufReader::with_capacity(256 << 10, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let n = reader.read_until(b'\n', &mut line)?;
            if n == 0 || line.last() != Some(&b'\n') {
                return Ok(());
            }
            at += n as u64;
            self.offsets.push(at);
            let whose = serde_json::from_slice::<Whose>(&line).ok().and_then(|whose| whose.activity);
            self.activities.push(whose.unwrap_or(NO_ACTIVITY));
        }
    }

    /// How many lines `activity` printed, or there are in all.
    pub(crate) fn count(&self, activity: Option<ActivityId>) -> u64 {
        match activity {
            None => self.len(),
            Some(activity) => self.activities.iter().filter(|&&a| a == activity).count() as u64,
        }
    }

    /// At most `limit` lines from line `from` on, counted among those of `activity`.
    pub(crate) fn lines(
        &self,
        activity: Option<ActivityId>,
        from: u64,
        limit: usize,
    ) -> io::Result<Vec<LogLine>> {
        let mut file = File::open(&self.path)?;
        let wanted: Vec<usize> =
            self.numbers(activity).skip(usize::try_from(from).unwrap_or(usize::MAX)).take(limit).collect();
        let (Some(&first), Some(&last)) = (wanted.first(), wanted.last()) else { return Ok(Vec::new()) };
        if last - first < wanted.len() * 8 {
            // Dense: one read for all.
            let bytes = read_range(&mut file, self.offsets[first], self.offsets[last + 1])?;
            let base = self.offsets[first];
            let line = |n: &usize| {
                let slice =
                    bytes.get((self.offsets[*n] - base) as usize..(self.offsets[n + 1] - base) as usize)?;
                serde_json::from_slice(slice).ok()
            };
            return Ok(wanted.iter().filter_map(line).collect());
        }
        let mut lines = Vec::with_capacity(wanted.len());
        for n in wanted {
            lines.extend(
                serde_json::from_slice::<LogLine>(&read_range(
                    &mut file,
                    self.offsets[n],
                    self.offsets[n + 1],
                )?)
                .ok(),
            );
        }
        Ok(lines)
    }

    /// The numbers of the lines (counted among those of `activity`) that contain `text`, regardless of case.
    pub(crate) fn search(
        &self,
        activity: Option<ActivityId>,
        text: &str,
        limit: usize,
    ) -> io::Result<Vec<u64>> {
        let needle = text.to_lowercase();
        let mut reader = BufReader::with_capacity(256 << 10, File::open(&self.path)?);
        let (mut matches, mut number, mut line) = (Vec::new(), 0, String::new());
        for &whose in &self.activities {
            line.clear();
            reader.read_line(&mut line)?;
            if activity.is_some_and(|activity| activity != whose) {
                continue;
            }
            let found = serde_json::from_str::<LogLine>(&line)
                .is_ok_and(|line| line.text.to_lowercase().contains(&needle));
            if found {
                matches.push(number);
                if matches.len() == limit {
                    break;
                }
            }
            number += 1;
        }
        Ok(matches)
    }

    fn numbers(&self, activity: Option<ActivityId>) -> impl Iterator<Item = usize> + '_ {
        self.activities
            .iter()
            .enumerate()
            .filter(move |(_, whose)| activity.is_none_or(|activity| activity == **whose))
            .map(|(n, _)| n)
    }
}

fn read_range(file: &mut File, from: u64, to: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity((to - from) as usize);
    file.take(to - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::activity::LogLevel;

    #[test]
    fn pages_filters_and_searches_a_growing_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.jsonl");
        let mut index = LogIndex::new(path.clone());
        index.update().unwrap();
        assert_eq!(index.len(), 0);

        let mut file = File::create(&path).unwrap();
        for n in 0..100u32 {
            let line = LogLine {
                activity: Some(n % 2),
                level: LogLevel::Output,
                text: format!("line {n} Ünï\u{1b}[0m"),
            };
            serde_json::to_writer(&mut file, &line).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.write_all(b"{\"level\":\"output\",\"te").unwrap();
        index.update().unwrap();
        assert_eq!(index.len(), 100, "a half line waits for its end");
        assert_eq!(index.count(Some(1)), 50);
        let texts = |lines: Vec<LogLine>| lines.into_iter().map(|l| l.text).collect::<Vec<_>>();
        assert_eq!(
            texts(index.lines(None, 98, 10).unwrap()),
            ["line 98 Ünï\u{1b}[0m", "line 99 Ünï\u{1b}[0m"]
        );
        assert_eq!(texts(index.lines(Some(1), 49, 10).unwrap()), ["line 99 Ünï\u{1b}[0m"]);
        assert_eq!(index.search(None, "LINE 7 ü", 10).unwrap(), [7]);
        assert_eq!(index.search(Some(1), "line 7 ", 10).unwrap(), [3]);
        assert!(index.lines(None, 1000, 10).unwrap().is_empty());

        file.write_all(b"xt\":\"end\"}\n").unwrap();
        index.update().unwrap();
        assert_eq!(texts(index.lines(None, 100, 1).unwrap()), ["end"]);
    }
}
