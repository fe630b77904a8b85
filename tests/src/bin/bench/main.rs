//! How fast Codchi is, as ratios against the same thing done by hand, measured in turn in one run (`cargo xtask bench`).
//!
//! There are no verdicts here and nothing fails because a computer is slow: the table says what was measured and what is aimed at.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark"
)]

mod by_hand;
mod ingestion;
mod machines;
mod ratio;
mod window;

use codchi_tests::scene::Scene;

/// Measures one thing in a world.
type Measure = fn(&Scene) -> ratio::Row;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let mut rows = Vec::new();
    if chosen("ingestion") {
        rows.push(ingestion::measure());
    }
    let measures: [(&str, Measure); 6] = [
        ("create", machines::create),
        ("start", machines::start),
        ("rebuild", machines::rebuild),
        ("doctor", machines::doctor),
        ("window", window::first_paint),
        ("status", machines::status),
    ];
    if measures.iter().any(|(name, _)| chosen(name)) {
        let scene = Scene::new(&[]);
        machines::warm_up(&scene);
        rows.extend(measures.iter().filter(|(name, _)| chosen(name)).map(|(_, measure)| measure(&scene)));
    }
    println!("\n{}", ratio::table(&rows));
}
