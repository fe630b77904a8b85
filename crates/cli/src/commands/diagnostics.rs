//! `codchi diagnostics`: one zip for whoever is to find out why something doesn't work.

use std::path::PathBuf;

use codchi_api::types::{DiagnosticsSaveArgs, Nothing};
use codchi_controller::diagnostics::BundleContents;

use crate::{
    app::App,
    exit::{Exit, Stop},
    follow,
    show::{
        table::{Cell, Column, Table},
        text::{Paint, Tone, bytes, printable},
    },
};

/// Collects versions, checks, settings and logs into one zip, without passwords and secrets. Nothing is sent anywhere.
#[derive(Debug, clap::Args)]
pub(crate) struct DiagnosticsArgs {
    /// The zip to write [default: a name with the date, in this directory]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only show what would be in it
    #[arg(long)]
    list: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: DiagnosticsArgs) -> Result<Exit, Stop> {
    let contents = follow::wait(app, "Collect", app.api.diagnostics_contents(Nothing {})).await??;
    let stdout = &app.screen.stdout;
    if args.list {
        if args.json {
            stdout.json(&contents);
        } else {
            stdout.lines(lines(&contents, stdout.paint));
        }
        return Ok(Exit::DONE);
    }
    app.screen.stderr.lines(lines(&contents, app.screen.stderr.paint));
    let file = args.file.unwrap_or_else(|| contents.suggested_name.into());
    let path = std::path::absolute(&file).unwrap_or(file).to_string_lossy().into_owned();
    let save = app.api.diagnostics_save(DiagnosticsSaveArgs { path });
    let saved = follow::wait(app, "Save", save).await??;
    if args.json {
        stdout.json(&saved);
    } else {
        stdout.line(printable(&saved.path));
    }
    Ok(Exit::DONE)
}

fn lines(contents: &BundleContents, paint: Paint) -> Vec<String> {
    let mut table = Table::new([Column::whole("FILE"), Column::whole("SIZE"), Column::whole("WHAT IT IS")]);
    for file in &contents.files {
        table.row([
            Cell::new(&file.name, Tone::Strong),
            Cell::new(bytes(file.bytes), Tone::Quiet),
            Cell::new(&file.about, Tone::Quiet),
        ]);
    }
    table.lines(paint, None)
}
