use proptest::prelude::*;

use super::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn builds() {
    let failed = "builder for '/nix/store/x.drv' failed with exit code 1";
    for (message, said, cause) in [
        (
            failed,
            "a\ncp: write error: No space left on device\nmake: *** [all] Error 1",
            "no space is left on the disk (cp: write error: No space left on device)",
        ),
        (
            failed,
            "c++: fatal error: Killed signal terminated program cc1plus\nmake: Error 1",
            "there was not enough memory (c++: fatal error: Killed signal terminated program cc1plus)",
        ),
        (failed, "", "it ended with exit code 1 and printed nothing"),
        (failed, "compiling\nfoo.c:3: error: nope\nok", "foo.c:3: error: nope"),
        (failed, "one\ntwo", "two"),
        (
            "builder for 'x' failed due to signal 9 (Killed)",
            "linking",
            "it was killed, perhaps for want of memory; it said: linking",
        ),
        ("builder for 'x' failed due to signal 6 (Aborted)", "", "it was ended by signal 6"),
        (
            "building of '/nix/store/x.drv' timed out after 3600 seconds",
            "",
            "it was stopped after 3600 seconds",
        ),
        (
            "building of '/nix/store/x.drv' timed out after 60 seconds of silence",
            "",
            "it was stopped after 60 seconds of silence",
        ),
        (
            "error: setting up a private mount namespace: Operation not permitted",
            "",
            "the build sandbox can't be set up in the controller",
        ),
        (
            "Cannot build '/nix/store/x.drv'.\nReason: required system or feature not available\nRequired system: 'x86_64-linux' with features {kvm, big-parallel}\nCurrent system: 'x86_64-linux' with features {big-parallel}",
            "",
            "it needs the system feature kvm, which the controller doesn't have",
        ),
        ("writing to file: Disk quota exceeded", "", "no space is left on the disk"),
    ] {
        assert_eq!(build(message, &lines(said)).text, cause);
    }
}

#[test]
fn evaluations() {
    for (message, place, cause) in [
        (
            "infinite recursion encountered",
            Some("flake.nix:1:2"),
            "infinite recursion encountered at flake.nix:1:2",
        ),
        ("\nFailed assertions:\n- set a\n- set b", Some("lib/x.nix:1:1"), "failed assertion: set a set b"),
        (
            "The option `a.b' does not exist. Definition values:\n- In `/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-source/m.nix': true",
            None,
            "The option `a.b' does not exist (defined in m.nix)",
        ),
        (
            "The option `a' has conflicting definition values:\n- In `nixosModules.x (/nix/store/y)': 1",
            None,
            "The option `a' has conflicting definition values: In `nixosModules.x (/nix/store/y)': 1",
        ),
        (
            "unable to download 'https://me:pw@cache.example.org/x': HTTP error 404",
            None,
            "it doesn't exist, or it is private and not visible without credentials (cache.example.org)",
        ),
        ("", None, "Nix gave no reason"),
    ] {
        assert_eq!(evaluation(message, place).text, cause);
    }
}

#[test]
fn fetches() {
    for (message, said, kind, start) in [
        (
            "x",
            "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
            Kind::Certificate,
            "the server's certificate is not trusted",
        ),
        (
            "x",
            "fatal: could not read Username for 'https://h': terminal prompts disabled",
            Kind::Denied,
            "the server asks for credentials",
        ),
        ("x", "git@h: Permission denied (publickey).", Kind::Denied, "the server asks for credentials"),
        ("x", "Host key verification failed.", Kind::HostKey, "the SSH server's host key"),
        (
            "x",
            "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
            Kind::Missing,
            "it doesn't exist, or it is private",
        ),
        (
            "unable to download 'https://api.github.com/x': HTTP error 403\nresponse body: rate limit exceeded",
            "",
            Kind::Network,
            "the server answers no more requests",
        ),
        (
            "unable to download 'https://h/x': HTTP error 401",
            "",
            Kind::Denied,
            "the server asks for credentials",
        ),
        (
            "x",
            "fatal: unable to access: Failed to connect to h port 443: Connection refused",
            Kind::Network,
            "the server can't be reached",
        ),
        (
            "x",
            "fatal: couldn't find remote ref refs/heads/nope",
            Kind::Missing,
            "the repository has no such branch",
        ),
        ("x", "fatal: something new", Kind::Other, "something new"),
        ("path '/x' does not exist", "", Kind::Missing, "the controller has no such directory"),
    ] {
        let cause = fetch(message, &lines(said));
        assert_eq!(cause.kind, kind, "{said} {message}");
        assert!(cause.text.starts_with(start), "{}", cause.text);
    }
}

proptest! {
    #[test]
    fn a_cause_is_one_safe_line(message in "(?s).{0,400}", said in prop::collection::vec(".{0,80}", 0..4)) {
        for cause in [build(&message, &said), evaluation(&message, said.first().map(String::as_str)), fetch(&message, &said)] {
            prop_assert!(!cause.text.chars().any(char::is_control));
            prop_assert!(cause.text.chars().count() <= LONGEST);
        }
    }
}
