//! From the address of a repository to commands in a running machine.

use codchi_tests::scene::Scene;
use serde_json::json;
use sha2::{Digest, Sha256};

pub fn a_repository_becomes_a_running_machine(scene: &mut Scene) {
    let repo = scene.example("hello");
    let outcome = scene.codchi.ok(&["init", "hello", &repo.url()]);
    outcome.says("hello is running");

    let machine = scene.codchi.machine("hello");
    assert_eq!(machine["status"], "running", "{machine}");
    assert_eq!(machine["config"], "up_to_date", "{machine}");
    assert_eq!(machine["generation"], 1, "{machine}");
    assert_eq!(machine["operation"], json!(null), "{machine}");
    let module = &machine["modules"][0];
    assert_eq!((&module["name"], &module["attr"]), (&json!("hello"), &json!("nixosModules.hello")));
    assert_eq!(module["rev"], json!(repo.head()));

    assert!(scene.codchi.exec("hello", &["hello"]).contains("Hello from the module"));
    assert_eq!(scene.codchi.exec("hello", &["systemctl", "is-system-running"]), "running");
    assert_eq!(scene.codchi.exec("hello", &["id", "-un"]), "codchi");
    assert_eq!(scene.codchi.exec("hello", &["id", "-u"]), "1000");
    assert_eq!(scene.codchi.exec("hello", &["hostname"]), "hello");
    assert_eq!(scene.codchi.exec("hello", &["pwd"]), "/home/codchi");
    scene.is_in_order();

    let refused = scene.codchi.fails(2, &["init", "hello", &repo.url()]);
    refused.says("already a machine 'hello'");
}

pub fn arguments_reach_the_machine_exactly(scene: &mut Scene) {
    scene.hello();
    let print = r#"printf "%s|" "$@""#;
    let exact = |args: &[&str]| {
        let said = scene.codchi.exec("hello", &[&["sh", "-c", print, "_"], args].concat());
        assert_eq!(said, args.iter().map(|arg| format!("{arg}|")).collect::<String>(), "{args:?}");
    };
    exact(&["a b", "\"", "$x"]);
    exact(&["", " ", "\t", "*", "~", "$(id)", "`id`", "\\", "\\n", "'", "a\nb", "&&", "|", ";", "!", "#"]);
    exact(&["-c", "--", "-l", "--login", "--help", "-"]);
    exact(&["ä", "漢字", "🦀", "\u{202e}x"]);
    exact(&[&"x".repeat(100_000)]);
    // The command itself too, and one that looks like an option.
    assert_eq!(scene.codchi.exec("hello", &["printf", "%s", "$HOME"]), "$HOME");
    let unknown = scene.codchi.run(&["exec", "hello", "--", "no such command; echo hi"]);
    assert_eq!(unknown.code, 127, "{unknown}");
    assert!(!unknown.stdout.contains("hi"), "{unknown}");
}

pub fn exit_codes_and_streams_pass_through(scene: &mut Scene) {
    scene.hello();
    for code in [0, 1, 2, 5, 42, 130, 255] {
        let outcome = scene.codchi.run(&["exec", "hello", "--", "sh", "-c", &format!("exit {code}")]);
        assert_eq!(outcome.code, code, "{outcome}");
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "{outcome}");
    }
    let killed = scene.codchi.run(&["exec", "hello", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.code, 137, "{killed}");

    let both = scene.codchi.ok(&["exec", "hello", "--", "sh", "-c", "echo out; echo err >&2"]);
    assert_eq!((both.stdout.as_str(), both.stderr.as_str()), ("out\n", "err\n"));

    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let counted = scene.codchi.run_with(&["exec", "hello", "--", "sh", "-c", "sha256sum; echo end"], &bytes);
    let sum = sha256(&bytes);
    assert_eq!(counted.stdout, format!("{sum}  -\nend\n"), "{counted}");

    let unread = scene.codchi.run_with(&["exec", "hello", "--", "true"], &bytes);
    assert_eq!(unread.code, 0, "{unread}");

    // A login environment, whatever this process' one is.
    let odd =
        scene.codchi.clone().env("LC_ALL", "tr_TR.UTF-8").env("TZ", "Asia/Kathmandu").env("PATH_X", "/x");
    assert_eq!(odd.exec("hello", &["sh", "-c", "echo ${TZ-unset} ${PATH_X-unset}"]), "unset unset");

    scene.codchi.fails(3, &["exec", "nobody", "--", "true"]).says("no machine 'nobody'");
}

pub fn the_examples_do_what_their_readmes_say(scene: &mut Scene) {
    let web = scene.example("web");
    let made = scene.codchi.ok(&["init", "web", &web.url()]);
    assert!(!made.stderr.contains("error"), "{made}");
    let page = scene
        .codchi
        .exec("web", &["curl", "--silent", "--retry-connrefused", "--retry", "20", "http://localhost:8080/"]);
    assert!(page.contains("Hello, world!"), "{page}");

    let tools = scene.example("toolchain");
    scene.codchi.ok(&["init", "tools", &tools.url(), "project"]);
    // The script of the first start runs beside the machine; this waits for it.
    scene.codchi.exec("tools", &["sudo", "systemctl", "start", "codchi-init"]);
    let checked = scene.codchi.exec("tools", &["make", "-C", "/home/codchi/project", "check"]);
    assert!(!checked.is_empty());
    scene.codchi.ok(&["delete", "web", "--yes"]);
    scene.codchi.ok(&["delete", "tools", "--yes"]);
    scene.is_in_order();
}

pub fn an_empty_machine_is_a_machine(scene: &mut Scene) {
    scene.codchi.ok(&["init", "bare", "--empty", "--no-start"]);
    let machine = scene.codchi.machine("bare");
    assert_eq!((&machine["status"], &machine["modules"]), (&json!("stopped"), &json!([])), "{machine}");
    scene.codchi.fails(1, &["exec", "bare", "--", "true"]).says("codchi start bare");
    scene.codchi.ok(&["start", "bare"]);
    assert_eq!(scene.codchi.exec("bare", &["systemctl", "is-system-running"]), "running");
    let hello = scene.example("hello");
    scene.codchi.ok(&["add", "bare", &hello.url()]);
    assert!(scene.codchi.exec("bare", &["hello"]).contains("Hello"));
    scene.codchi.ok(&["delete", "bare", "--yes"]);
    scene.is_in_order();
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
