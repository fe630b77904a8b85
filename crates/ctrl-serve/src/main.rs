//! `ctrl-serve`: the static binary inside Codchi's containers.
//!
//! As PID 1 of the controller it prepares `/nix`, runs and supervises `nix-daemon`, and reports health; as
//! PID 1 of a code machine it prepares the root and hands over to the NixOS system in the shared store. The
//! remaining subcommands are what the host runs inside the two by exec.
//!
//! Deliberately not here: anything about modules, flakes or operations (the host decides, this binary obeys),
//! and any network protocol of our own: the host talks to it through the container engine's exec only.

mod access;
mod bundle;
mod confine;
mod controller;
mod daemon;
mod deliver;
mod handshake;
mod health;
mod host;
mod machine;
mod memory;
mod mounts;
mod nesting;
mod network;
mod one_at_a_time;
mod own_files;
mod prepare;
mod profile;
mod put;
mod roots;
mod signals;
mod supervise;
mod usage;
mod wait;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use usage::{Invocation, USAGE};

/// Exit code for a wait that reached its deadline, as coreutils' `timeout` has it.
const EXIT_TIMEOUT: u8 = 124;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let is_init = nix::unistd::getpid().as_raw() == 1;
    match usage::parse(&args, is_init) {
        Ok(Invocation::Init) if Path::new(machine::MARKER).exists() => machine::boot(),
        Ok(Invocation::Init) => controller::run(),
        Ok(Invocation::Daemon) => fail(1, &daemon::become_daemon()),
        Ok(Invocation::Become { argv }) => fail(1, &signals::become_program(&argv)),
        Ok(Invocation::Health) => {
            let health = health::read_or_down(Path::new(health::FILE));
            say(&health.to_json());
            ExitCode::from(u8::from(!health.ready))
        }
        Ok(Invocation::WaitReady { timeout }) => match wait::until_ready(timeout) {
            Ok(health) => {
                say(&health.to_json());
                ExitCode::SUCCESS
            }
            Err(e) => fail(if e.is_timeout() { EXIT_TIMEOUT } else { 1 }, &e),
        },
        Ok(Invocation::WaitUp { timeout }) => match wait::until_up(timeout) {
            Ok(state) => {
                say(&state);
                ExitCode::SUCCESS
            }
            Err(e) => fail(if e.is_timeout() { EXIT_TIMEOUT } else { 1 }, &e),
        },
        Ok(Invocation::Deliver { timeout, await_accounts }) => {
            memory::protect();
            match deliver::deliver(&mut std::io::stdin().lock(), timeout, await_accounts) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => fail(if e.is_timeout() { EXIT_TIMEOUT } else { 1 }, &e),
            }
        }
        Ok(Invocation::WaitDelivered { timeout }) => {
            match wait::until_delivered(&Path::new(deliver::RUNTIME).join(deliver::MARKER), timeout) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => fail(if e.is_timeout() { EXIT_TIMEOUT } else { 1 }, &e),
            }
        }
        Ok(Invocation::Pack) => match own_files::pack_machine(&mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Unpack) => match own_files::unpack(Path::new("/"), &mut std::io::stdin().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::ForgetIdentity) => match own_files::forget_identity(Path::new("/")) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Put { dir }) => match put::put(&mut std::io::stdin().lock(), &dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::AddGeneration { dir, system }) => {
            match profile::Profile::open(&dir).and_then(|profile| profile.add(&system)) {
                Ok(number) => {
                    say(&number.to_string());
                    ExitCode::SUCCESS
                }
                Err(e) => fail(1, &e),
            }
        }
        Ok(Invocation::SwitchGeneration { dir, number }) => {
            match profile::Profile::open(&dir).and_then(|profile| profile.switch(number)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => fail(1, &e),
            }
        }
        Ok(Invocation::WithAccess { name, argv }) => {
            memory::protect();
            match access::run(&mut std::io::stdin().lock(), &name, &argv) {
                Ok(code) => ExitCode::from(code),
                Err(e) => fail(1, &e),
            }
        }
        Ok(Invocation::AgentBridge { name }) => match access::bridge(&name) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::GitCredential { file, action }) => {
            match access::answer(&file, &action, &mut std::io::stdin().lock()) {
                Ok(answer) => {
                    let _ = std::io::stdout().lock().write_all(answer.as_bytes());
                    ExitCode::SUCCESS
                }
                Err(e) => fail(1, &format!("cannot read {}: {e}", file.display())),
            }
        }
        Ok(Invocation::GitSsh { file, program, asked }) => match access::allowed(&file, &program, &asked) {
            Ok(argv) => fail(1, &signals::become_program(&argv)),
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Family { argv }) => match access::lead(&argv) {
            Ok(code) => ExitCode::from(code),
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Confine { view, argv }) => fail(1, &confine::become_confined(&view, &argv)),
        Ok(Invocation::SealProc) => match nesting::seal() {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Roots) => {
            let places = roots::Places::here();
            let kept = places.seen().and_then(|seen| {
                places.sync(&seen)?.into_iter().for_each(say);
                Ok(())
            });
            match kept {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => fail(1, &format!("cannot keep what machines keep: {e}")),
            }
        }
        Ok(Invocation::Host) => match host::take(&mut std::io::stdin().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => fail(1, &e),
        },
        Ok(Invocation::Version) => {
            say(concat!("ctrl-serve ", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Ok(Invocation::Help) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Err(e) => fail(2, &format!("{e}\n{USAGE}")),
    }
}

/// Prints one line to standard output; a closed pipe is not an error worth a panic.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints `ctrl-serve: WHAT` to standard error and gives the exit code.
fn fail(code: u8, what: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "ctrl-serve: {what}");
    ExitCode::from(code)
}
