//! `codchi`, the command line: a thin shell over [`codchi_api::Api`].
//!
//! Decides nothing and keeps nothing: arguments become commands of the table, results become lines or JSON, failures become words
//! and exit codes. Reading the environment and choosing the engine is `codchi-host`'s.

mod address;
mod app;
mod asking;
mod commands;
mod exit;
mod follow;
mod grammar;
mod hidden;
mod keys;
mod relay;
mod show;
mod signals;
mod terminal;

use std::{ffi::OsString, process::ExitCode};

use codchi_controller::{
    failure::{Failure, FailureCode},
    operation::Door,
};
use codchi_host::Environment;

use crate::{
    app::App,
    commands::{
        access, capabilities, completion, create, debug, delete, diagnostics, doctor, duplicate, exec,
        export, generations, import, logs, modules, power, rebuild, rename, secrets, status,
    },
    exit::{Exit, Stop, failure},
    grammar::{Command, Misunderstood},
    show::screen::Screen,
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let environment = Environment::of_process();
    let screen = Screen::of_process(&environment);
    let ended = match grammar::parse(&arguments) {
        Ok(command) => run(command, environment, screen),
        Err(Misunderstood::Ours(stop)) => Ended { screen, result: Err(stop) },
        Err(Misunderstood::Clap(error)) => {
            // Help and version are asked for and go to stdout, errors to stderr; whether anybody reads them is not our concern.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(Exit::USAGE, Exit).into();
        }
    };
    ended.report().into()
}

/// How a command ended, and where that is told.
struct Ended {
    screen: Screen,
    result: Result<Exit, Stop>,
}

impl Ended {
    /// Tells why, where there is something to tell.
    fn report(self) -> Exit {
        let stderr = &self.screen.stderr;
        let tell = |why: &Failure| stderr.lines(show::failure::lines(why, stderr.paint));
        let exit = match self.result {
            Ok(exit) => exit,
            Err(stop) => {
                stop.failure.iter().for_each(tell);
                stop.exit
            }
        };
        match self.screen.stdout.take_error() {
            Some(error) => {
                let mut why = failure(FailureCode::Failed, "can't write the output", None);
                why.causes.push(error.to_string());
                tell(&why);
                if exit == Exit::DONE { Exit::FAILED } else { exit }
            }
            None => exit,
        }
    }
}

/// Runs a command; those that need nothing of this computer get nothing of it.
fn run(command: Command, environment: Environment, screen: Screen) -> Ended {
    let result = match command {
        Command::Completion(args) => {
            completion::run(&screen.stdout, &args, grammar::grammar());
            Ok(Exit::DONE)
        }
        Command::Debug(command) => debug::run(&screen.stdout, &command),
        command => return run_with_api(command, environment, screen),
    };
    Ended { screen, result }
}

fn run_with_api(command: Command, environment: Environment, screen: Screen) -> Ended {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let mut why = failure(FailureCode::Failed, "can't begin to work", None);
            why.causes.push(error.to_string());
            return Ended { screen, result: Err(why.into()) };
        }
    };
    let ended = runtime.block_on(async {
        match codchi_host::open_in(&environment, Door::CommandLine) {
            Ok(api) => {
                let app = App { api, screen, environment };
                let result = dispatch(&app, command).await;
                Ended { screen: app.screen, result }
            }
            Err(error) => Ended { screen, result: Err(error.into()) },
        }
    });
    // Not waited for: a read from the terminal ends only when somebody types.
    runtime.shutdown_background();
    ended
}

async fn dispatch(app: &App, command: Command) -> Result<Exit, Stop> {
    match command {
        Command::Status(args) => status::run(app, &args).await,
        Command::Init(args) => create::run(app, args).await,
        Command::Add(args) => modules::add(app, args).await,
        Command::Module(command) => modules::module(app, command).await,
        Command::Modules(args) => modules::offered(app, args).await,
        Command::Rebuild(args) => rebuild::run(app, args).await,
        Command::Start(args) => power::start(app, args).await,
        Command::Stop(args) => power::stop(app, args).await,
        Command::Restart(args) => power::restart(app, args).await,
        Command::Exec(args) => exec::run(app, args).await,
        Command::Secrets(command) => secrets::run(app, command).await,
        Command::Login(args) => access::login(app, args).await,
        Command::Logout(args) => access::logout(app, args).await,
        Command::Access(args) => access::show(app, &args).await,
        Command::Delete(args) => delete::run(app, args).await,
        Command::Capabilities(args) => capabilities::run(app, args).await,
        Command::Duplicate(args) => duplicate::run(app, args).await,
        Command::Rename(args) => rename::run(app, args).await,
        Command::Export(args) => export::run(app, args).await,
        Command::Import(args) => import::run(app, args).await,
        Command::Generations(args) => generations::run(app, args).await,
        Command::Logs(args) => logs::run(app, args).await,
        Command::Diagnostics(args) => diagnostics::run(app, args).await,
        Command::Doctor(args) => doctor::run(app, args).await,
        Command::Completion(_) | Command::Debug(_) => Ok(Exit::DONE),
    }
}
