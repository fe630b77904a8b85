//! Variables as text, in the one quoting that shells and systemd's `EnvironmentFile=` read alike: double quotes, with a backslash
//! before `\`, `"`, `$` and `` ` ``. Everything else stands for itself there, line ends too.

use zeroize::Zeroizing;

/// What a backslash must stand before: systemd's SHELL_NEED_ESCAPE (src/basic/escape.h), and what POSIX lists for double quotes.
const SPECIAL: &[u8] = b"\\\"$`";

/// Appends `NAME="value"` and a line end.
pub(crate) fn assignment(out: &mut Zeroizing<Vec<u8>>, name: &str, value: &[u8]) {
    let escapes = value.iter().filter(|b| SPECIAL.contains(b)).count();
    reserve(out, name.len() + value.len() + escapes + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for byte in value {
        if SPECIAL.contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.extend_from_slice(b"\"\n");
}

/// Whether systemd takes a value from an `EnvironmentFile=`: UTF-8 without Unicode's noncharacters (unichar_is_valid in its
/// src/basic/utf8.c).
pub(crate) fn is_for_systemd(value: &[u8]) -> bool {
    let reserved = |c: char| matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    std::str::from_utf8(value).is_ok_and(|text| !text.contains(reserved))
}

/// Makes room without leaving a copy behind: a vector that grows by itself gives its old memory back as it is.
pub(crate) fn reserve(out: &mut Zeroizing<Vec<u8>>, more: usize) {
    if out.capacity() - out.len() < more {
        let mut larger = Zeroizing::new(Vec::with_capacity((out.len() + more).next_power_of_two()));
        larger.extend_from_slice(out);
        *out = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::process::{Command, Stdio};

    /// What a shell makes of them.
    fn read_by(shell: &[&str], values: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::new());
        for (i, value) in values.iter().enumerate() {
            assignment(&mut text, &format!("V{i}"), value);
        }
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("env");
        std::fs::write(&file, &*text).unwrap();
        let print = r#"set -a; . "$1" || exit 9; exec env -0"#;
        let out = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", print, "_"])
            .arg(&file)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(out.status.success(), "{shell:?}: {}", out.status);
        let all: std::collections::HashMap<OsString, Vec<u8>> = out
            .stdout
            .split(|b| *b == 0)
            .filter_map(|line| {
                let at = line.iter().position(|b| *b == b'=')?;
                Some((OsString::from_vec(line[..at].into()), line[at + 1..].to_vec()))
            })
            .collect();
        (0..values.len()).map(|i| all[&OsString::from(format!("V{i}"))].clone()).collect()
    }

    fn corpus() -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = [
            &b""[..],
            b" ",
            b"\n",
            b"\n\n",
            b"\\",
            b"\\\n",
            b"a\\\nb",
            b"\r\n",
            b"a\r",
            b"\"",
            b"'",
            b"$(touch /tmp/x)",
            b"`id`",
            b"${HOME}",
            b"$",
            b"!!",
            b"#",
            b"a=b",
            b"X=\"1\"\nY=2\n",
            b"\\n\\t\\0",
            b"~",
            b"* ?",
            b"%h %%",
            b"\x01\x7f\x1b[31m",
            "\u{fc}\u{202e}\u{1f980}\u{feff}".as_bytes(),
            b"\xff\xfe",
            b"\xc3",
            b"\xc3\"",
            b"\xf0\x9f\\",
            b"\xe2\x82$x",
        ]
        .iter()
        .map(|v| v.to_vec())
        .collect();
        all.push((1..=255).collect());
        all.push(b"\"".repeat(5000));
        all
    }

    #[test]
    fn shells_read_hostile_values_as_they_are() {
        let values = corpus();
        for shell in [&["bash", "--norc"][..], &["bash", "--posix"], &["sh"]] {
            assert_eq!(read_by(shell, &values), values, "{shell:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]
        #[test]
        fn bash_reads_any_bytes_as_they_are(values in prop::collection::vec(prop::collection::vec(1_u8..=255, 0..80), 1..60)) {
            prop_assert_eq!(read_by(&["bash"], &values), values);
        }
    }

    #[test]
    fn what_systemd_takes() {
        for good in ["", "ä🦀\u{feff}\u{fffd}\u{e000}", "\x01\x7f\r\n"] {
            assert!(is_for_systemd(good.as_bytes()), "{good:?}");
        }
        for bad in ["\u{fdd0}", "a\u{fdef}", "\u{fffe}", "\u{ffff}", "\u{1fffe}", "\u{10ffff}"] {
            assert!(!is_for_systemd(bad.as_bytes()), "{bad:?}");
        }
        assert!(!is_for_systemd(b"\xff") && !is_for_systemd(b"\xed\xa0\x80"));
    }

    #[test]
    fn one_line_a_variable() {
        let mut text = Zeroizing::new(Vec::new());
        assignment(&mut text, "A", b"1");
        assignment(&mut text, "B", b"a\"$`\\");
        assert_eq!(std::ffi::OsStr::from_bytes(&text), "A=\"1\"\nB=\"a\\\"\\$\\`\\\\\"\n");
    }
}
