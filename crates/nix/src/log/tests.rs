use std::{collections::BTreeMap, path::Path, sync::Mutex};

use codchi_controller::activity::{Activity, ActivityKind, ActivityState, ActivityTree, Unobserved};
use proptest::prelude::*;

use super::*;

/// Keeps what it is told.
#[derive(Default)]
struct Kept {
    tree: Mutex<ActivityTree>,
    told: Mutex<Vec<Activity>>,
    log: Mutex<Vec<LogLine>>,
}

impl Observer for Kept {
    fn activity(&self, activity: &Activity) {
        self.tree.lock().unwrap().upsert(activity.clone());
        self.told.lock().unwrap().push(activity.clone());
    }
    fn log(&self, line: LogLine) {
        self.log.lock().unwrap().push(line);
    }
}

impl Kept {
    fn node(&self, name: &str) -> Activity {
        self.tree.lock().unwrap().iter().find(|node| node.name == name).unwrap().clone()
    }
    fn states(&self) -> Vec<(String, ActivityState)> {
        self.tree.lock().unwrap().iter().map(|node| (node.name.clone(), node.state)).collect()
    }
    fn lines(&self) -> Vec<LogLine> {
        self.log.lock().unwrap().clone()
    }
}

fn read(bytes: &[u8], success: Option<bool>) -> (Kept, Report) {
    let kept = Kept::default();
    let ids = ActivityIds::starting_at(1);
    let mut reader = LogReader::new(&kept, &ids, || OffsetDateTime::UNIX_EPOCH);
    reader.feed(bytes);
    let report = reader.finish(success);
    (kept, report)
}

fn recorded(name: &str) -> Vec<u8> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix-log");
    std::fs::read(data.join(name)).unwrap()
}

/// A builder may say what it likes of its phases.
#[test]
fn phases_without_end_are_not_told_one_by_one() {
    let build = "/nix/store/65iqymdh20qpi7d40fb2fykhlah9a5yi-long.drv";
    let mut log = format!(
        r#"@nix {{"action":"start","fields":["{build}","",1,1],"id":1,"level":3,"parent":0,"text":"","type":105}}"#
    );
    log.push('\n');
    for turn in 0..10_000 {
        let phase = format!("{turn}{}", "é".repeat(3000));
        log.push_str(&format!(
            "@nix {{\"action\":\"result\",\"fields\":[\"{phase}\"],\"id\":1,\"type\":104}}\n"
        ));
    }
    log.push_str("@nix {\"action\":\"stop\",\"id\":1}\n");
    let (kept, _) = read(log.as_bytes(), Some(true));
    let told = kept.told.lock().unwrap();
    assert!(told.len() < 200, "{}", told.len());
    assert!(told.iter().all(|activity| activity.phase.as_ref().is_none_or(|phase| phase.len() <= 200)));
    let last = told.last().unwrap();
    assert!(
        last.state == ActivityState::Done && last.phase.as_ref().unwrap().starts_with("9999é"),
        "{last:?}"
    );
}

/// Every recording comes to the same summary whatever the version.
#[test]
fn recordings_are_understood() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nix-log");
    for version in ["2.26.3", "2.34.8"] {
        let mut all = BTreeMap::new();
        for entry in std::fs::read_dir(data.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let (_, report) = read(&std::fs::read(&path).unwrap(), None);
            all.insert(path.file_stem().unwrap().to_string_lossy().into_owned(), report.summary());
        }
        insta::assert_json_snapshot!(format!("summaries of {version}"), all);
    }
}

#[test]
fn planned_derivations_become_the_running_ones() {
    for version in ["2.26.3", "2.34.8"] {
        let (kept, _) = read(&recorded(&format!("{version}/good.log")), Some(true));
        let told = kept.told.lock().unwrap();
        let of = |name: &str| -> Vec<_> {
            told.iter().filter(|a| a.name == name).map(|a| (a.id, a.state, a.phase.clone())).collect()
        };
        let node = of("ok-a-1.0");
        let id = node[0].0;
        let phase = Some("buildPhase".to_owned());
        assert_eq!(
            node,
            [
                (id, ActivityState::Planned, None),
                (id, ActivityState::Running, None),
                (id, ActivityState::Running, phase.clone()),
                (id, ActivityState::Done, phase),
            ]
        );
        drop(told);
        let lines: Vec<_> = kept.lines().into_iter().filter(|line| line.activity == Some(id)).collect();
        assert_eq!(
            lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
            ["building a 7", "done a"]
        );
        assert!(lines.iter().all(|line| line.level == LogLevel::Output));
    }
}

#[test]
fn a_failure_leaves_its_dependents_stopped() {
    for version in ["2.26.3", "2.34.8"] {
        let (kept, report) = read(&recorded(&format!("{version}/dep.log")), Some(false));
        let mut states = kept.states();
        states.retain(|(name, _)| name != "dep");
        states.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("bad-2.3", ActivityState::Failed),
            ("ok-fine-1.0", ActivityState::Done),
            ("ok-mid-1.0", ActivityState::Stopped),
            ("ok-top-1.0", ActivityState::Stopped),
        ];
        assert_eq!(states, expected.map(|(name, state)| (name.to_owned(), state)), "{version}");
        let failed = &report.failed[0];
        assert_eq!(failed.name, "bad-2.3");
        assert_eq!(failed.last_lines, ["step one 7", "main.c:12:5: error: expected ;"]);
        assert_eq!(failed.cause().text, "main.c:12:5: error: expected ;");
        // Never seen as done, not even for a moment.
        let told = kept.told.lock().unwrap();
        assert!(!told.iter().any(|a| a.name == "bad-2.3" && a.state == ActivityState::Done));
    }
}

#[test]
fn colours_stay_and_everything_else_is_made_safe() {
    let (kept, _) = read(&recorded("2.26.3/noise.log"), Some(true));
    let id = kept.node("noise-1").id;
    let lines: Vec<_> = kept.lines().into_iter().filter(|l| l.activity == Some(id)).map(|l| l.text).collect();
    assert_eq!(
        lines,
        ["\u{1b}[31mred\u{1b}[0m plain  ", "bad \u{fffd}\u{fffd} utf8", "100%", "tab     here 7"]
    );
}

#[test]
fn a_retried_download_is_a_warning_and_the_url_has_no_secrets() {
    let (kept, _) = read(&recorded("2.26.3/net.log"), Some(false));
    let retries = kept.lines().into_iter().filter(|line| line.text.contains("retrying"));
    assert_eq!(retries.map(|line| line.level).collect::<Vec<_>>(), [LogLevel::Warning; 4]);
    let fetch = kept.node("https://example.invalid/x.tar.gz");
    assert_eq!(fetch.kind, ActivityKind::Fetch);
    let tree = kept.tree.lock().unwrap();
    let parent = tree.get(fetch.parent.unwrap()).unwrap();
    assert_eq!(
        (parent.name.as_str(), parent.kind),
        ("net", ActivityKind::Build),
        "a download of a build belongs to it"
    );
}

#[test]
fn downloads_count_the_bytes_of_the_path() {
    let path = format!("/nix/store/{}-glibc-2.40", "a".repeat(32));
    let log = format!(
        r#"@nix {{"action":"msg","level":3,"msg":"this path will be fetched (1.00 MiB download, 5.00 MiB unpacked):"}}
@nix {{"action":"msg","level":3,"msg":"  {path}"}}
@nix {{"action":"start","fields":["{path}","https://cache.nixos.org"],"id":1,"level":4,"parent":0,"text":"","type":108}}
@nix {{"action":"start","fields":["{path}","https://cache.nixos.org","daemon"],"id":2,"level":3,"parent":1,"text":"","type":100}}
@nix {{"action":"start","fields":["https://me:pw@cache.nixos.org/nar/x.nar.xz?sig=1"],"id":3,"level":4,"parent":2,"text":"","type":101}}
@nix {{"action":"result","fields":[100,1048576,0,0],"id":3,"type":105}}
@nix {{"action":"result","fields":[1000000,5000000,0,0],"id":2,"type":105}}
@nix {{"action":"result","fields":[1000001,5000000,0,0],"id":2,"type":105}}
@nix {{"action":"result","fields":[5000000,5000000,0,0],"id":2,"type":105}}
@nix {{"action":"stop","id":3}}
@nix {{"action":"stop","id":2}}
@nix {{"action":"stop","id":1}}
"#
    );
    let (kept, report) = read(log.as_bytes(), Some(true));
    let node = kept.node("glibc-2.40");
    assert_eq!((node.kind, node.state), (ActivityKind::Substitute, ActivityState::Done));
    assert_eq!((node.bytes, node.bytes_expected), (5_000_000, 5_000_000));
    let told: Vec<_> = kept.told.lock().unwrap().iter().map(|a| a.bytes).collect();
    assert_eq!(told, [0, 0, 1_000_000, 5_000_000, 5_000_000], "small steps aren't told");
    assert_eq!(kept.tree.lock().unwrap().iter().count(), 1);
    assert_eq!(report.planned, 0, "only builds are planned builds");
}

#[test]
fn a_log_that_breaks_off_is_interrupted() {
    let whole = recorded("2.26.3/good.log");
    let text = String::from_utf8(whole.clone()).unwrap();
    let cut = text.find("done a").unwrap();
    for broken in [&whole[..cut], &whole[..whole.len() - 10]] {
        let (kept, report) = read(broken, None);
        assert_eq!(report.status(), Status::Interrupted);
        assert!(
            !kept.states().iter().any(|(_, s)| matches!(s, ActivityState::Running | ActivityState::Planned))
        );
    }
    assert_eq!(read(&whole, None).1.status(), Status::Ok);
    assert_eq!(read(b"", None).1.status(), Status::Ok);
    let user = br#"@nix {"action":"msg","level":0,"msg":"error: interrupted by the user","raw_msg":"interrupted by the user"}"#;
    assert_eq!(read(user, None).1.status(), Status::Interrupted);
}

#[test]
fn errors_are_found_in_every_form() {
    let event =
        |msg: &str| format!("@nix {}\n", serde_json::json!({"action": "msg", "level": 0, "msg": msg}));
    for (log, status, cause) in [
        (event("error: attribute 'x' missing"), Status::EvalError, "attribute 'x' missing"),
        (
            event(
                "\u{1b}[31;1merror:\u{1b}[0m\n       … while calling the 'import' builtin\n         at /nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/a.nix:1:2:\n            1| x\n\n       error: infinite recursion encountered\n       at /nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/b.nix:3:4:\n            3| y",
            ),
            Status::EvalError,
            "infinite recursion encountered at b.nix:3:4",
        ),
        (
            event(
                "error: builder for '/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-x-1.drv' failed with exit code 2",
            ),
            Status::Failed,
            "x-1: it ended with exit code 2 and printed nothing",
        ),
        (
            "error: interrupted by the user\n".to_owned(),
            Status::Interrupted,
            "it was interrupted before it was done",
        ),
        (
            "warning: x\nerror: undefined variable 'y'\n".to_owned(),
            Status::EvalError,
            "undefined variable 'y'",
        ),
    ] {
        let (_, report) = read(log.as_bytes(), None);
        assert_eq!((report.status(), report.cause().unwrap().text.as_str()), (status, cause));
    }
    assert!(read(b"error: a git that went on\n", Some(true)).1.messages.is_empty());
}

#[test]
fn survives_garbage() {
    let garbage: &[&[u8]] = &[
        b"plain line\n",
        b"@nix \n@nix {\n@nix []\n@nix {\"action\":5}\n@nix {\"action\":\"new\"}\n",
        b"@nix {\"action\":\"result\",\"fields\":[{\"a\":1},null,true,-5,1.5,\"x\",7],\"id\":99,\"type\":101}\n",
        b"@nix {\"action\":\"result\",\"fields\":[\"bad \xff\xfe\"],\"id\":99,\"type\":101}\n",
        b"@nix {\"action\":\"stop\",\"id\":12345}\n@nix {\"action\":\"stop\",\"id\":12345}\n",
        b"@nix {\"action\":\"start\",\"id\":1,\"parent\":1,\"type\":105,\"fields\":[]}\n",
        b"@nix {\"action\":\"start\",\"id\":18446744073709551615,\"parent\":7,\"type\":999}\n",
        b"\xff\xfe\x1b]0;x\x07\n",
    ];
    let (kept, report) = read(&garbage.concat(), Some(true));
    let lines: Vec<_> = kept.lines().into_iter().map(|line| line.text).collect();
    assert_eq!(lines[0], "plain line");
    assert!(lines.contains(&"bad \u{fffd}\u{fffd}".to_owned()));
    assert_eq!(report.status(), Status::Ok);
}

#[test]
fn long_lines_are_cut_and_marked() {
    let long = "x".repeat(10 * 1024 * 1024);
    let log = format!(
        "@nix {{\"action\":\"result\",\"fields\":[\"{long}\"],\"id\":1,\"type\":101}}\n{long}\nend\n"
    );
    let (kept, report) = read(log.as_bytes(), Some(true));
    let lines = kept.lines();
    assert_eq!(lines.len(), 3);
    for line in &lines[..2] {
        assert!(line.text.len() < 70 * 1024 && line.text.ends_with(CUT), "{}", line.text.len());
    }
    assert_eq!(lines[2].text, "end");
    assert_eq!(report.log_lines, 1);
}

#[test]
fn memory_is_bounded_by_the_tree() {
    let ids = ActivityIds::starting_at(1);
    let mut reader = LogReader::new(&Unobserved, &ids, || OffsetDateTime::UNIX_EPOCH);
    let path = format!("/nix/store/{}-x.drv", "a".repeat(32));
    reader.feed(
        format!("@nix {{\"action\":\"start\",\"fields\":[\"{path}\"],\"id\":1,\"type\":105}}\n").as_bytes(),
    );
    for i in 0..100_000 {
        reader.feed(
            format!("@nix {{\"action\":\"result\",\"fields\":[\"line {i}\"],\"id\":1,\"type\":101}}\n")
                .as_bytes(),
        );
    }
    let report = reader.finish(Some(false));
    assert_eq!(report.log_lines, 100_000);
    assert!(report.output.is_empty() && report.messages.is_empty());
}

proptest! {
    #[test]
    fn chunks_make_no_difference(cuts in prop::collection::vec(0usize..4000, 0..20)) {
        let whole = recorded("2.26.3/bad.log");
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(whole.len())).chain([0, whole.len()]).collect();
        cuts.sort_unstable();
        let kept = Kept::default();
        let ids = ActivityIds::starting_at(1);
        let mut reader = LogReader::new(&kept, &ids, || OffsetDateTime::UNIX_EPOCH);
        for pair in cuts.windows(2) {
            reader.feed(&whole[pair[0]..pair[1]]);
        }
        let report = reader.finish(None);
        let (all, expected) = read(&whole, None);
        prop_assert_eq!(report.summary(), expected.summary());
        prop_assert_eq!(kept.lines(), all.lines());
        prop_assert_eq!(kept.told.into_inner().unwrap(), all.told.into_inner().unwrap());
    }

    #[test]
    fn never_panics_and_nothing_stays_running(
        lines in prop::collection::vec(
            prop_oneof![
                "(?s).{0,40}",
                (prop::sample::select(vec!["start", "stop", "result", "msg", "setPhase"]), 0u64..4, 99u64..113, 0u64..4, "[a-z/\\-.]{0,9}")
                    .prop_map(|(action, id, kind, parent, text)| format!(
                        "@nix {{\"action\":\"{action}\",\"id\":{id},\"type\":{kind},\"parent\":{parent},\"level\":{parent},\"fields\":[\"{text}\",{id},1,{kind}],\"msg\":\"{text}\",\"text\":\"{text}\"}}"
                    )),
            ],
            0..40,
        )
    ) {
        let (kept, _) = read(lines.join("\n").as_bytes(), None);
        for (_, state) in kept.states() {
            prop_assert!(!matches!(state, ActivityState::Running | ActivityState::Planned));
        }
        for line in kept.lines() {
            let unsafe_one = line.text.chars().find(|c| c.is_control() && *c != '\u{1b}');
            prop_assert_eq!(unsafe_one, None);
        }
    }
}
