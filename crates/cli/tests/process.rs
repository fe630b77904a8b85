//! The `codchi` process where no engine is needed: help, refusals, exit codes, streams.

#![allow(clippy::unwrap_used)]

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// A place without engine and home.
struct Nowhere(tempfile::TempDir);

impl Nowhere {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let at = |name: &str| self.0.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_codchi"));
        command
            .args(arguments)
            .env_clear()
            .env("CODCHI_CONFIG_DIR", at("config"))
            .env("CODCHI_DATA_DIR", at("data"))
            .env("CODCHI_IMAGE_DIR", at("images"))
            .env("CODCHI_DRIVER", "lxd")
            .env("LXD_DIR", at("lxd"))
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let output = self.command(arguments).output().unwrap();
        let place = self.0.path().display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&place, "[HERE]");
        Done { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(self.0.path(), &mut files);
        files
    }
}

fn collect(directory: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path.display().to_string()) }
    }
}

#[derive(Debug)]
struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Done {
    /// Both streams and the code, for snapshots.
    fn transcript(&self) -> String {
        format!("{}{}=> {}", self.stdout, self.stderr, self.code)
    }
}

#[test]
fn help() {
    let here = Nowhere::new();
    insta::assert_snapshot!("help", here.run(&["--help"]).stdout);
    let mut open: Vec<Vec<String>> = subcommands(&here.run(&["--help"]).stdout, &[]);
    assert!(open.len() > 10, "{open:?}");
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let done = here.run(&arguments);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{command:?}");
        open.extend(subcommands(&done.stdout, &command));
        insta::assert_snapshot!(format!("help_{}", command.join("_")), done.stdout);
    }
}

/// The commands that a help lists below this one.
fn subcommands(help: &str, command: &[String]) -> Vec<Vec<String>> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter_map(|line| {
        let name = line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next()?;
        (name != "help").then(|| [command, &[name.to_owned()]].concat())
    });
    names.collect()
}

#[test]
fn what_is_no_name_is_refused_and_nothing_is_made() {
    let here = Nowhere::new();
    let long = "a".repeat(300);
    for name in [
        "",
        "../x",
        "-x",
        "-hello",
        "--hello",
        "grün",
        "a b",
        "x-",
        "con",
        "controller",
        "a/b",
        "a\nb",
        &long,
    ] {
        for command in ["init", "start", "stop", "restart", "rebuild", "delete", "exec", "logs"] {
            let done =
                here.run(&[command, name, "github:acme/hello"][..if command == "init" { 3 } else { 2 }]);
            assert_eq!(done.code, 2, "{command} {name:?}: {done:?}");
            assert_eq!(done.stdout, "", "{command} {name:?}");
            let first = done.stderr.lines().next().unwrap_or_default();
            assert!(first.starts_with("error: ") && first.contains("name"), "{command} {name:?}: {first}");
        }
    }
    let logs = here.files().into_iter().filter(|file| !file.ends_with("codchi.log"));
    assert_eq!(logs.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn what_is_no_address_is_refused_and_nothing_is_made() {
    let here = Nowhere::new();
    for url in [
        "",
        "garbage",
        "ext::sh -c touch${IFS}x",
        "--upload-pack=x",
        "https://a.org/x\nhttps://b.org/y",
        "https://user:s3cret@a.org/x",
        "javascript:alert(1)",
    ] {
        for arguments in [["init", "hello", "--", url].as_slice(), &["modules", "--", url]] {
            let done = here.run(arguments);
            assert_eq!(done.code, 2, "{arguments:?}: {done:?}");
            assert!(done.stderr.starts_with("error: "), "{arguments:?}: {done:?}");
            assert!(!done.transcript().contains("s3cret"), "{arguments:?}: {done:?}");
        }
    }
    for file in here.files() {
        assert!(file.ends_with("codchi.log"), "{file} was made");
        assert!(!std::fs::read_to_string(&file).unwrap().contains("s3cret"), "{file}");
    }
}

#[test]
fn refusals_read_well() {
    let here = Nowhere::new();
    for (name, arguments) in [
        ("init_without_url", ["init", "hello"].as_slice()),
        ("init_with_url_and_empty", &["init", "hello", "github:acme/hello", "--empty"]),
        ("init_with_branch_and_tag", &["init", "hello", "github:acme/hello", "--branch=a", "--tag=b"]),
        ("init_without_engine", &["init", "hello", "github:acme/hello"]),
        ("name_with_a_dash", &["start", "-hello"]),
        ("unknown_option", &["rebuild", "--dry-runs", "hello"]),
        ("unknown_command", &["creat", "hello"]),
        ("delete_what_is_not_there", &["delete", "hello"]),
        ("exec_what_is_not_there", &["exec", "hello", "--", "ls"]),
        ("module_list_what_is_not_there", &["module", "list", "hello"]),
        ("logs_of_what_is_not_there", &["logs", "hello"]),
        ("logs_of_no_identity", &["logs", "hello", "--operation", "seven"]),
        ("status_without_engine", &["status"]),
        ("status_json_without_engine", &["status", "--json"]),
    ] {
        insta::assert_snapshot!(name, here.run(arguments).transcript());
    }
}

#[test]
fn doctor_says_what_is_missing_whatever_this_computer_is() {
    let here = Nowhere::new();
    let shown = here.run(&["doctor"]);
    assert_eq!(shown.code, 4, "{shown:?}");
    let begins = "Engine\nfail  Container engine  LXD doesn't answer at [HERE]/lxd/unix.socket: No such file";
    assert!(shown.stdout.starts_with(begins), "{}", shown.stdout);
    assert!(
        shown.stdout.contains("\n?     Storage pool\n      The engine can't be asked.\n"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("\nThis computer is not ready"), "{}", shown.stdout);

    let done = here.run(&["doctor", "--json"]);
    let diagnosis: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((done.code, &diagnosis["ok"]), (4, &false.into()));
    for check in diagnosis["checks"].as_array().unwrap() {
        for key in ["id", "group", "state", "reason", "title", "explanation", "evidence"] {
            assert!(check[key].is_string(), "{key}: {check:#}");
        }
        let fix = &check["fix"];
        let is_fix =
            fix["id"].is_string() && fix["elevates"].is_boolean() && fix["commands"][0][0].is_string();
        assert!(fix.is_null() || is_fix, "{check:#}");
    }
    let unknown = here.run(&["doctor", "--fix", "nonsense", "--yes"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("no check is called 'nonsense'"), "{unknown:?}");
}

#[test]
fn exit_codes_tell_what_kind_of_refusal_it_is() {
    let here = Nowhere::new();
    for (arguments, code) in [
        (["status"].as_slice(), 0),
        (&["--version"], 0),
        (&["nonsense"], 2),
        (&["start"], 2),
        (&["start", "hello"], 3),
        (&["delete", "hello", "--yes"], 3),
        (&["doctor", "--json"], 4),
        (&["modules", "github:acme/hello"], 4),
    ] {
        assert_eq!(here.run(arguments).code, code, "{arguments:?}");
    }
}

#[test]
fn a_driver_that_does_not_exist_is_named() {
    let here = Nowhere::new();
    let output = here.command(&["status"]).env("CODCHI_DRIVER", "docker").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"
    error: CODCHI_DRIVER is "docker", which is no driver
    hint: use `lxd` or `incus`, or leave it unset to have the engine found
    "#);
}

#[test]
fn completions_are_made_for_every_shell() {
    let here = Nowhere::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = here.run(&["completion", shell]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{shell}");
        assert!(done.stdout.contains("rebuild") && done.stdout.contains("dry-run"), "{shell}");
    }
    assert!(here.files().is_empty(), "nothing was touched");
}

#[test]
fn the_parsers_can_be_asked() {
    let here = Nowhere::new();
    let json = |done: &Done| serde_json::from_str::<serde_json::Value>(&done.stdout).unwrap();
    let url = here.run(&["debug", "parse", "url", "github:acme/hello?ref=main#web"]);
    insta::assert_snapshot!(url.transcript(), @r#"
    {"ok":true,"kind":"github","host":"github.com","owner":"acme","repo":"hello","path":null,"ref":"main","rev":null,"dir":null,"attr":"web","nix":"github:acme/hello/main","token":false}
    => 0
    "#);
    let refused = json(&here.run(&["debug", "parse", "url", "--upload-pack=x"]));
    assert_eq!(refused["ok"], false);
    assert!(refused["code"].is_string() && refused["message"].is_string());

    let mut child = here
        .command(&["debug", "parse", "nix-log"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: no\"}\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<_> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["planned", "built", "failed", "log_lines", "status", "cause"]);
}

#[test]
fn what_is_given_is_looked_at_before_anything_is_prepared() {
    let here = Nowhere::new();
    std::fs::write(here.0.path().join("secrets"), "hunter2").unwrap();
    for from in ["secrets", "missing", "-"] {
        let done = here.run(&["init", "hello", "github:acme/hello", "--secrets-from", from]);
        assert_eq!(done.code, 2, "{from}: {done:?}");
        assert!(done.stderr.contains(from) && !done.stderr.contains("hunter2"), "{done:?}");
    }
}

#[test]
fn a_token_that_is_too_long_is_refused_and_not_cut() {
    let here = Nowhere::new();
    let token = here.0.path().join("token");
    std::fs::write(&token, [b'x'; (64 << 10) + 1]).unwrap();
    let login =
        here.command(&["login", "git.example.org"]).stdin(std::fs::File::open(token).unwrap()).output();
    let output = login.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("65537 bytes"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_error() {
    let here = Nowhere::new();
    let mut child =
        here.command(&["completion", "zsh"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let here = Nowhere::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = here.command(&["status", "--json"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: can't write the output"));
}
