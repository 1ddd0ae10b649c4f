//! `countersign events`: what was recorded, and messages of the family read and written.

mod convert;
mod tail;

use std::io;
use std::process::ExitCode;

use clap::Subcommand;

use super::fail;

/// Follow the recorded events; read and write messages of the family.
#[derive(Debug, Subcommand)]
pub enum Events {
    /// Print recorded events as they leave, those of a data folder or of a running server
    #[command(
        after_help = "Exit code: 0 done, 1 the data folder or the server cannot be read, 2 the arguments are wrong."
    )]
    Tail(Box<tail::Tail>),
    /// Read messages, one a line or octet-counted, and print a JSON object a line (with --format cef, a CEF line)
    ///
    /// Takes the compatible and the strict form, ours and other senders', also mixed. What is not a message is skipped and
    /// told on standard error, where the summary stands, too; on a terminal, progress is shown there.
    #[command(after_help = CONVERT_HELP)]
    Decode(convert::Decode),
    /// Read JSON objects as decode prints them, one a line, and print the messages, byte for byte, each in the form it had
    #[command(after_help = CONVERT_HELP)]
    Encode(convert::Encode),
}

const CONVERT_HELP: &str = "Exit code: 0 all of the input was read and written, 1 a file cannot be read or the output \
not written, 2 the arguments are wrong, 3 done, but a part of the input was skipped.";

/// The exit code for "done, but a part of the input was skipped".
const SKIPPED: u8 = 3;

impl Events {
    /// Follows or converts.
    pub fn run(self) -> ExitCode {
        let done = match self {
            Self::Tail(tail) => return tail.run(),
            Self::Decode(decode) => decode.run(),
            Self::Encode(encode) => encode.run(),
        };
        match done {
            Ok(0) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::from(SKIPPED),
            Err(convert::Failure::Write(error)) if nobody_reads(&error) => ExitCode::SUCCESS,
            Err(failure) => fail(failure),
        }
    }
}

/// Whoever read our output has had enough (`| head`): that is no failure.
fn nobody_reads(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}
