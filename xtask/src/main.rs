//! Developer commands: `cargo xtask COMMAND`. What a person, a test or CI needs around the product; nothing of
//! the product itself is here.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod image;
mod packages;
mod process;
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
    /// Prepare an isolated world (own engine, images, directories) and print `export` lines for it (root)
    World(world::Options),
}

fn main() -> ExitCode {
    let workspace = Workspace::locate();
    let done = match Arguments::parse().command {
        Command::Setup => packages::install(packages::EVERYTHING),
        Command::Image { out, nixpkgs } => image::make(&workspace, out, nixpkgs).map(|made| {
            println!("{}", made.dir.display());
        }),
        Command::World(options) => world::run(&workspace, &options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
