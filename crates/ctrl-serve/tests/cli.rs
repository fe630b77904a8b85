//! The subcommands as the host runs them by exec: exit codes and what is printed where.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};

fn ctrl_serve(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ctrl-serve"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may refuse its arguments before it reads.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn bad_usage_is_2_and_says_what_there_is() {
    let out = ctrl_serve(&["halt"], b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("unknown command \"halt\"\nusage: ctrl-serve health"));
    assert!(out.stdout.is_empty());
}

#[test]
fn outside_a_controller_it_is_not_ready() {
    let out = ctrl_serve(&["health"], b"");
    assert_eq!(out.status.code(), Some(1));
    let health: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(health["ready"], false);
    assert_eq!(health["daemon"]["state"], "starting");

    let out = ctrl_serve(&["wait-ready", "--timeout-ms", "10"], b"");
    assert_eq!(out.status.code(), Some(124));
    assert!(text(&out.stderr).contains("not ready after 10 ms"), "{}", text(&out.stderr));
}

#[test]
fn a_directory_is_put_from_standard_input() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("machines/m1");
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o600);
    tar.append_data(&mut header, "flake.nix", &b"{ }"[..]).unwrap();
    let archive = tar.into_inner().unwrap();
    let out = ctrl_serve(&["put", dir.to_str().unwrap()], &archive);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(std::fs::read_to_string(dir.join("flake.nix")).unwrap(), "{ }");

    let out = ctrl_serve(&["put", dir.to_str().unwrap()], &archive[..512]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("cut off"), "{}", text(&out.stderr));
    assert!(dir.join("flake.nix").exists());
}

#[test]
fn a_delivery_that_is_none_is_refused_without_repeating_it() {
    let document = br#"{"version":1,"env":[{"name":"A B","value":"Q0FOQVJZ"}],"files":[],"certificates":null,"trust_store":null}"#;
    let out = ctrl_serve(&["deliver", "--timeout-ms", "1"], document);
    assert_eq!(out.status.code(), Some(1));
    let said = text(&out.stderr);
    assert!(said.contains("\"A B\"") && !said.contains("Q0FOQVJZ"), "{said}");
}

#[test]
fn nothing_delivered_is_said_with_what_to_do() {
    let out = ctrl_serve(&["wait-delivered", "--timeout-ms", "10"], b"");
    assert_eq!(out.status.code(), Some(124));
    assert!(text(&out.stderr).contains("`codchi start "), "{}", text(&out.stderr));
}

#[test]
fn a_program_it_becomes_has_no_signal_blocked() {
    // /proc/self/exe of the new program is the program's: the mask is read there.
    let out = ctrl_serve(&["become", "grep", "SigBlk", "/proc/self/status"], b"");
    assert_eq!(text(&out.stdout).trim(), "SigBlk:\t0000000000000000");
}

#[test]
fn its_name_does_not_make_it_an_init() {
    // Only PID 1 is one: as `init` by name it must not touch this host.
    let root = tempfile::tempdir().unwrap();
    let init = root.path().join("init");
    symlink(env!("CARGO_BIN_EXE_ctrl-serve"), &init).unwrap();
    let out = Command::new(&init).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
}
