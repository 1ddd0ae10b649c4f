//! The pieces of the delivery benchmark that `run` puts together: a store full of events, a load for the peers, and one
//! receiver for all that counts what arrives and remembers it over its own death.

#![expect(clippy::disallowed_methods, reason = "times are compared across processes")]

mod fill;
mod frames;
mod load;
mod marked;
mod sink;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;

#[derive(Parser)]
#[command(about = "Pieces of the delivery benchmark")]
enum Piece {
    /// Record marked events in a data folder that `countersign serve` can run on
    Fill(fill::Fill),
    /// Send marked messages over TCP, octet-counted
    Load(load::Load),
    /// Receive, count, remember
    Sink(sink::Sink),
    /// Tell what a sink's memory holds
    Tally(sink::Tally),
}

fn main() -> ExitCode {
    let done = match Piece::parse() {
        Piece::Fill(fill) => fill.run(),
        Piece::Load(load) => load.run(),
        Piece::Sink(sink) => sink.run(),
        Piece::Tally(tally) => tally.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-events: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Prints what happened, and when, in seconds since 1970.
fn say(what: &str) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {now:.6}")?;
    Ok(out.flush()?)
}
