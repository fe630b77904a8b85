//! Developer commands: `cargo xtask COMMAND`. What a person, a test or CI needs around the product; nothing of
//! the product itself is here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod bench;
mod gate;
mod image;
mod packages;
mod process;
mod run;
mod tools;
mod ui;
mod workspace;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of Codchi", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install the Debian packages that building and testing need (root or sudo)
    Setup,
    /// Build the controller's and the machines' images
    Image {
        /// Where to put them [default: target/codchi-images/out]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// The builtin nixpkgs that the controller carries
        #[arg(long, value_enum, default_value = "fixture")]
        nixpkgs: image::Nixpkgs,
    },
    /// Prepare this host, build everything and open the window with the examples (root or sudo)
    Run(run::Options),
    /// Run the gate: everything CI runs
    Test {
        /// Only these stages and what they need
        stages: Vec<String>,
    },
    /// Measure how fast Codchi is against the same thing done by hand (root)
    Bench {
        /// Only these measures: ingestion, create, start, rebuild, status
        names: Vec<String>,
    },
    /// Run the fast part of the gate: formatting, lints, types, unit tests of the crates
    Check,
    /// Prepare an isolated world (own engine, images, directories) and print `export` lines for it (root)
    World(world::Options),
}

fn main() -> ExitCode {
    let workspace = Workspace::locate();
    let done = |()| ExitCode::SUCCESS;
    let result = match Arguments::parse().command {
        Command::Setup => packages::install(packages::EVERYTHING).map(done),
        Command::Image { out, nixpkgs } => image::make(&workspace, out, nixpkgs).map(|made| {
            println!("{}", made.dir.display());
            ExitCode::SUCCESS
        }),
        Command::Run(options) => run::run(&workspace, &options),
        Command::Test { stages } => gate::test(&workspace, &stages),
        Command::Bench { names } => bench::bench(&workspace, &names).map(done),
        Command::Check => gate::check(&workspace),
        Command::World(options) => world::run(&workspace, &options).map(done),
    };
    result.unwrap_or_else(|e| {
        eprintln!("error: {e:#}");
        ExitCode::FAILURE
    })
}
