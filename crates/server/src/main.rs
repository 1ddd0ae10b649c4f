//! The one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::run(std::env::args_os())
}
