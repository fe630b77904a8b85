//! Commands: exact arguments, separate streams, exit codes, terminals, and nothing that hangs.

use std::time::{Duration, Instant};

use codchi_controller::driver::{Driver, DriverError, DriverKind, ExecSpec, InstanceName, Terminal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{Fixtures, exec, exec_with, noise, read, step};

pub(super) async fn run(driver: &dyn Driver, fixtures: &Fixtures) {
    let name = &step("a guest for commands", super::running(driver, &fixtures.machine("exec"))).await;
    arguments(driver, name).await;
    endings(driver, name).await;
    streams(driver, name).await;
    terminal(driver, name).await;
    lifetimes(driver, name).await;
    super::remove(driver, name).await;
}

async fn arguments(driver: &dyn Driver, name: &InstanceName) {
    step("arguments arrive byte for byte", async {
        let odd = [
            "a b",
            "\"",
            "'",
            "$x",
            "$(id)",
            "`id`",
            "\\",
            "\\n",
            "*",
            "a\nb",
            "\t",
            "ünï ☃ 🦀",
            "",
            "-n",
            "--",
            ";",
            "%s",
            "cmd",
            "env",
            " ",
            "\u{1b}[31m",
        ];
        let argv: Vec<&str> = ["printf", "%s\\0"].into_iter().chain(odd).collect();
        let output = read(driver, name, &argv).await;
        let arrived: Vec<&str> = output.strip_suffix('\0').unwrap().split('\0').collect();
        assert_eq!(arrived, odd);
    })
    .await;
    step("environment, directory, user", async {
        let run = |spec: ExecSpec| async { driver.exec(name, spec).await.unwrap().output().await.unwrap() };
        let value = "it's \"a\" $value=1\nü";
        let output = run(ExecSpec::new(["sh", "-c", "echo \"$NAME\""]).env("NAME", value)).await;
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{value}\n"));
        let spec = ExecSpec { cwd: Some("/home/someone".into()), ..ExecSpec::new(["pwd"]) };
        assert_eq!(run(spec).await.stdout, b"/home/someone\n");
        let user = |flag: &str| ExecSpec { user: Some((1234, 5678)), ..ExecSpec::new(["id", flag]) };
        assert_eq!(run(user("-u")).await.stdout, b"1234\n");
        assert_eq!(run(user("-g")).await.stdout, b"5678\n");
        assert_eq!(run(ExecSpec::new(["id", "-u"])).await.stdout, b"0\n");
    })
    .await;
}

async fn endings(driver: &dyn Driver, name: &InstanceName) {
    step("exit codes pass through", async {
        for code in [0, 1, 2, 42, 126, 127, 255] {
            let output = exec(driver, name, &["sh", "-c", &format!("exit {code}")]).await;
            assert_eq!(output.code, code);
        }
    })
    .await;
    step("a program that isn't there", async {
        let output = exec(driver, name, &["/no/such/program"]).await;
        assert_eq!(output.code, 127, "{}", String::from_utf8_lossy(&output.stderr));
    })
    .await;
    step("killed by a signal", async {
        for signal in [9, 15] {
            let mut exec = driver.exec(name, ExecSpec::new(["sleep", "1000"])).await.unwrap();
            exec.control.signal(signal).await.unwrap();
            assert_eq!(exec.output().await.unwrap().code, 128 + signal);
        }
        let mut exec = driver.exec(name, ExecSpec::new(["sleep", "1000"])).await.unwrap();
        exec.control.kill().await.unwrap();
        assert_eq!(exec.control.wait().await.unwrap(), 137);
        assert_eq!(exec.control.wait().await.unwrap(), 137, "asked again, it says the same");
    })
    .await;
}

async fn streams(driver: &dyn Driver, name: &InstanceName) {
    step("stdout and stderr stay apart", async {
        let output = exec(driver, name, &["sh", "-c", "echo out; echo err >&2; exit 3"]).await;
        assert_eq!((output.code, output.stdout, output.stderr), (3, b"out\n".to_vec(), b"err\n".to_vec()));
    })
    .await;
    step("without a stdin, programs read nothing", async {
        let output = exec(driver, name, &["cat"]).await;
        assert_eq!((output.code, output.stdout.len()), (0, 0));
    })
    .await;
    step("5 MB through stdin and stdout", async {
        let sent = noise(5_000_000);
        let output = exec_with(driver, name, ExecSpec::new(["cat"]), &sent).await;
        assert_eq!(output.code, 0);
        assert!(output.stdout == sent, "{} of {} bytes", output.stdout.len(), sent.len());
    })
    .await;
    step("a program that doesn't read its stdin", async {
        let output = exec_with(driver, name, ExecSpec::new(["true"]), &noise(2_000_000)).await;
        assert_eq!(output.code, 0);
    })
    .await;
    step("20 commands at once", async {
        let all = (0..20).map(|n| async move {
            let text = n.to_string();
            let output = exec_with(driver, name, ExecSpec::new(["cat"]), text.as_bytes()).await;
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        });
        futures::future::join_all(all).await;
    })
    .await;
}

async fn terminal(driver: &dyn Driver, name: &InstanceName) {
    step("a terminal, and its size", async {
        let script = "while :; do stty size; read line || exit 9; [ \"$line\" = q ] && exit 5; done";
        let mut spec = ExecSpec::new(["sh", "-c", script]).piped();
        spec.terminal = Some(Terminal { columns: 101, rows: 33 });
        let mut exec = driver.exec(name, spec).await.unwrap();
        let stdin = exec.stdin.as_mut().unwrap();
        read_until(&mut exec.stdout, "33 101\r\n").await;
        exec.control.resize(Terminal { columns: 77, rows: 22 }).await.unwrap();
        // The size travels beside the stream: ask until it has arrived.
        let mut seen = String::new();
        while !seen.contains("22 77\r\n") {
            stdin.write_all(b"\n").await.unwrap();
            stdin.flush().await.unwrap();
            seen = read_until(&mut exec.stdout, "\r\n").await + &read_until(&mut exec.stdout, "\r\n").await;
        }
        stdin.write_all(b"q\n").await.unwrap();
        stdin.flush().await.unwrap();
        let mut stderr = Vec::new();
        exec.stderr.read_to_end(&mut stderr).await.unwrap();
        assert_eq!(stderr, b"");
        exec.stdout.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(exec.control.wait().await.unwrap(), 5);
    })
    .await;
}

async fn lifetimes(driver: &dyn Driver, name: &InstanceName) {
    step("a dropped command goes on", async {
        let exec =
            driver.exec(name, ExecSpec::new(["sh", "-c", "read line; echo done >/detached"]).piped()).await;
        drop(exec.unwrap());
        while super::exec(driver, name, &["cat", "/detached"]).await.stdout != b"done\n" {
            tokio::task::yield_now().await;
        }
    })
    .await;
    step("a background process that keeps the output doesn't keep us", async {
        let begin = Instant::now();
        let mut exec = driver.exec(name, ExecSpec::new(["sh", "-c", "sleep 60 & echo hi"])).await.unwrap();
        let mut stdout = Vec::new();
        exec.stdout.read_to_end(&mut stdout).await.unwrap();
        assert_eq!(stdout, b"hi\n");
        match exec.control.wait().await {
            Ok(code) => assert_eq!(code, 0),
            // LXD 5.0 keeps the exit code to itself until the stream is closed.
            Err(DriverError::Engine { message, .. }) if driver.kind() == DriverKind::Lxd => {
                assert!(message.contains("background process"), "{message}");
            }
            Err(error) => panic!("{error:?}"),
        }
        assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    })
    .await;
}

async fn read_until(stream: &mut (dyn AsyncRead + Send + Unpin), end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}
