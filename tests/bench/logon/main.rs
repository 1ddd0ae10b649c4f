//! The pieces of the logon benchmark that `run` puts together: people with passwords, the bare work of hashing, logons by the
//! forms, and refresh tokens that are turned over again and again.

#![expect(clippy::disallowed_methods, reason = "it measures")]

mod figures;
mod fill;
mod hashes;
mod http;
mod logons;
mod rotations;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(about = "Pieces of the logon benchmark")]
enum Piece {
    /// Add people with passwords to a data folder that `countersign serve` can run on
    Fill(fill::Fill),
    /// Compare passwords and do nothing else
    Hashes(hashes::Hashes),
    /// Log people on by the forms, each to a token
    Logons(logons::Logons),
    /// Turn refresh tokens over, each client its own
    Rotations(rotations::Rotations),
}

fn main() -> ExitCode {
    let done = match Piece::parse() {
        Piece::Fill(fill) => fill.run(),
        Piece::Hashes(hashes) => hashes.run(),
        Piece::Logons(logons) => logons.run(),
        Piece::Rotations(rotations) => rotations.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-logon: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;
