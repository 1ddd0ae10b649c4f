//! Messages out of a stream: lines, octet counts, RELP.

use clap::ValueEnum;

/// How messages are told apart.
#[derive(Clone, Copy, ValueEnum)]
pub enum Framing {
    /// RFC 6587 section 3.4.2
    Lf,
    /// RFC 6587 section 3.4.1
    Octets,
    /// Each is acknowledged
    Relp,
}

/// One frame of a stream.
pub struct Frame<'a> {
    /// The message; none in a frame of RELP that holds something else.
    pub message: Option<&'a [u8]>,
    /// What to answer.
    pub answer: Option<String>,
    /// How many octets it took.
    pub length: usize,
}

impl Framing {
    /// The first frame in the buffer, if all of it is there.
    pub fn next(self, buffer: &[u8]) -> Result<Option<Frame<'_>>, &'static str> {
        match self {
            Self::Lf => Ok(until(buffer, b'\n').map(|line| Frame {
                message: Some(line),
                answer: None,
                length: line.len() + 1,
            })),
            Self::Octets => {
                let Some(count) = until(buffer, b' ') else {
                    return Ok(None);
                };
                let octets = number(count)?;
                let start = count.len() + 1;
                Ok(buffer.get(start..start + octets).map(|message| Frame {
                    message: Some(message),
                    answer: None,
                    length: start + octets,
                }))
            }
            Self::Relp => relp(buffer),
        }
    }
}

/// `TXNR COMMAND LENGTH[ DATA]\n`.
fn relp(buffer: &[u8]) -> Result<Option<Frame<'_>>, &'static str> {
    let Some(transaction) = until(buffer, b' ') else {
        return Ok(None);
    };
    let command_at = transaction.len() + 1;
    let Some(command) = until(&buffer[command_at..], b' ') else {
        return Ok(None);
    };
    let length_at = command_at + command.len() + 1;
    let digits = buffer[length_at..]
        .iter()
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    let Some(after) = buffer.get(length_at + digits) else {
        return Ok(None);
    };
    let octets = number(&buffer[length_at..length_at + digits])?;
    let data_at = length_at + digits + usize::from(*after == b' ');
    let Some(data) = buffer.get(data_at..data_at + octets) else {
        return Ok(None);
    };
    if buffer.len() <= data_at + octets {
        return Ok(None);
    }
    let transaction = String::from_utf8_lossy(transaction);
    let said = match command {
        b"open" => "200 OK\nrelp_version=0\nrelp_software=bench-events\ncommands=syslog",
        _ => "200 OK",
    };
    Ok(Some(Frame {
        message: (command == b"syslog").then_some(data),
        answer: Some(format!("{transaction} rsp {} {said}\n", said.len())),
        length: data_at + octets + 1,
    }))
}

fn until(buffer: &[u8], octet: u8) -> Option<&[u8]> {
    memchr::memchr(octet, buffer).map(|at| &buffer[..at])
}

fn number(digits: &[u8]) -> Result<usize, &'static str> {
    let text = std::str::from_utf8(digits).map_err(|_| "a length is no number")?;
    text.parse().map_err(|_| "a length is no number")
}
