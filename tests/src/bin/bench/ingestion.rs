//! Nix' log: parsed, made a tree, its secrets masked, and written, as an operation does it.

use std::{
    io::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

use codchi_controller::{
    activity::{Activity, ActivityTree, LogLine, Observer},
    secret::{self, SecretValue},
};
use codchi_nix::log::{ActivityIds, LogReader};
use time::OffsetDateTime;

use crate::ratio::{Row, time};

/// How many lines are fed.
const LINES: usize = 1_000_000;

/// Keeps the tree and writes what it is told to a file, one JSON object a line.
struct Written {
    tree: std::sync::Mutex<ActivityTree>,
    file: std::sync::Mutex<std::io::BufWriter<std::fs::File>>,
    lines: AtomicU64,
}

impl Observer for Written {
    fn activity(&self, activity: &Activity) {
        self.tree.lock().unwrap().upsert(activity.clone());
        let mut file = self.file.lock().unwrap();
        serde_json::to_writer(&mut *file, activity).unwrap();
        file.write_all(b"\n").unwrap();
    }
    fn log(&self, mut line: LogLine) {
        secret::known().string(&mut line.text);
        self.lines.fetch_add(1, Ordering::Relaxed);
        let mut file = self.file.lock().unwrap();
        serde_json::to_writer(&mut *file, &line).unwrap();
        file.write_all(b"\n").unwrap();
    }
}

pub(crate) fn measure() -> Row {
    for value in
        ["a token of thirty-two characters", "-----BEGIN KEY-----\nc2VjcmV0IGtleQ\n-----END KEY-----\n"]
    {
        secret::hide(&SecretValue::new(value).unwrap());
    }
    let log = log();
    let file = std::io::BufWriter::new(tempfile::tempfile().unwrap());
    let written = Written { tree: Default::default(), file: file.into(), lines: AtomicU64::new(0) };
    let ids = ActivityIds::starting_at(1);
    let took = time(|| {
        let mut reader = LogReader::new(&written, &ids, OffsetDateTime::now_utc);
        for chunk in log.chunks(64 << 10) {
            reader.feed(chunk);
        }
        reader.finish(Some(true));
        written.file.lock().unwrap().flush().unwrap();
    });
    assert!(written.lines.load(Ordering::Relaxed) as usize >= LINES / 2, "the lines were read");
    let rate = LINES as f64 / took.as_secs_f64();
    let detail = format!(
        "{LINES} lines of 200 derivations in {:.2} s, parsed, kept as a tree, masked and written",
        took.as_secs_f64()
    );
    println!("ingestion: {detail}");
    Row {
        name: "log ingestion", target: "≥ 300,000 lines/s", measured: format!("{rate:.0} lines/s"), detail
    }
}

/// What Nix prints when it builds 200 derivations that say much.
fn log() -> Vec<u8> {
    let mut log = Vec::with_capacity(LINES * 120);
    let per_build = LINES / 200;
    for build in 0..200 {
        let id = 1000 + build;
        writeln!(log, r#"@nix {{"action":"start","id":{id},"level":3,"parent":0,"text":"building '/nix/store/00000000000000000000000000000000-package-{build}.drv'","type":105,"fields":["/nix/store/00000000000000000000000000000000-package-{build}.drv","",1,1]}}"#).unwrap();
        for line in 0..per_build - 2 {
            writeln!(log, r#"@nix {{"action":"result","id":{id},"type":101,"fields":["[{line}/{per_build}] Compiling src/module_{line}.cc with \u001b[32mflags\u001b[0m -O2 -Wall"]}}"#).unwrap();
        }
        writeln!(log, r#"@nix {{"action":"stop","id":{id}}}"#).unwrap();
    }
    log
}
