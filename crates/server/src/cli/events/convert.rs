//! `events decode` and its inverse. Memory stays the same however long the input is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_events::{Message, Reader, encode_message, export};

/// Read messages.
#[derive(Debug, Args)]
pub struct Decode {
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    #[command(flatten)]
    input: Input,
}

/// Write messages.
#[derive(Debug, Args)]
pub struct Encode {
    /// Write each message after its length (RFC 6587 octet counting) instead of one a line
    #[arg(long)]
    octet_counting: bool,
    #[command(flatten)]
    input: Input,
}

/// What `events decode` prints.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// Every part of the message, its parameters in order; `events encode` reads it
    Json,
    /// Elastic Common Schema
    Ecs,
    /// Open Cybersecurity Schema Framework
    Ocsf,
    /// Common Event Format
    Cef,
}

#[derive(Debug, Args)]
struct Input {
    /// Files to read, `-` for standard input
    #[arg(value_name = "FILES", default_value = "-")]
    files: Vec<PathBuf>,
}

/// An input and its name in messages.
type NamedInput = (String, Box<dyn Read>);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Read(String, io::Error),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// The longest JSON line that is read: a message of the largest size, and everything in it escaped, twice.
const LONGEST_LINE: u64 = 16 << 20;

/// So many skipped parts are told one by one; after that they are only counted.
const TOLD: u64 = 20;

impl Decode {
    /// Reads all input; how many parts were skipped.
    pub fn run(self) -> Result<u64, Failure> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut tally = Tally::default();
        for (name, input) in self.input.each()? {
            decode(self.format, input, &name, &mut out, &mut tally)?;
        }
        out.flush()?;
        Ok(tally.tell())
    }
}

impl Encode {
    /// Reads all input; how many lines were skipped.
    pub fn run(self) -> Result<u64, Failure> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let mut tally = Tally::default();
        for (name, input) in self.input.each()? {
            encode(self.octet_counting, input, &name, &mut out, &mut tally)?;
        }
        out.flush()?;
        Ok(tally.tell())
    }
}

impl Input {
    /// Opens everything first, so that a wrong name is told before anything is printed.
    fn each(&self) -> Result<Vec<NamedInput>, Failure> {
        let open = |path: &PathBuf| -> Result<NamedInput, Failure> {
            if path.as_os_str() == "-" {
                return Ok(("standard input".to_owned(), Box::new(io::stdin())));
            }
            let name = path.display().to_string();
            match File::open(path) {
                Ok(file) => Ok((name, Box::new(file))),
                Err(error) => Err(Failure::Read(name, error)),
            }
        };
        self.files.iter().map(open).collect()
    }
}

/// What was read and what was skipped.
#[derive(Debug, Default)]
struct Tally {
    done: u64,
    ambiguous: u64,
    skipped: u64,
}

impl Tally {
    fn skip(&mut self, what: impl std::fmt::Display) {
        self.skipped += 1;
        if self.skipped <= TOLD {
            eprintln!("countersign: {what}");
        }
    }

    /// The summary on standard error; how many parts were skipped.
    fn tell(&self) -> u64 {
        let Self {
            done,
            ambiguous,
            skipped,
        } = self;
        eprintln!("messages: {done}, of them ambiguous: {ambiguous}; parts skipped: {skipped}");
        *skipped
    }
}

fn decode(
    format: Format,
    mut input: impl Read,
    name: &str,
    out: &mut impl Write,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut reader = Reader::new();
    let mut octets = vec![0; 1 << 16];
    loop {
        let count = match input.read(&mut octets) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Read(name.to_owned(), error)),
        };
        match octets.get(..count) {
            None | Some([]) => reader.finish(),
            Some(octets) => reader.push(octets),
        }
        while let Some(read) = reader.next() {
            match read {
                Ok(message) => {
                    print(format, &message, out)?;
                    tally.done += 1;
                    tally.ambiguous += u64::from(message.ambiguous);
                }
                Err(skipped) => tally.skip(format_args!("{name}: {skipped}")),
            }
        }
        // What came in is printed at once, also when more comes slowly.
        out.flush()?;
        if count == 0 {
            return Ok(());
        }
    }
}

fn print(format: Format, message: &Message<'_>, out: &mut impl Write) -> io::Result<()> {
    match format {
        Format::Json => serde_json::to_writer(&mut *out, message)?,
        Format::Ecs => serde_json::to_writer(&mut *out, &export::ecs(message))?,
        Format::Ocsf => serde_json::to_writer(&mut *out, &export::ocsf(message))?,
        Format::Cef => out.write_all(export::cef(message).as_bytes())?,
    }
    out.write_all(b"\n")
}

fn encode(
    octet_counting: bool,
    input: impl Read,
    name: &str,
    out: &mut impl Write,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut line, mut message) = (Vec::new(), Vec::new());
    for number in 1_u64.. {
        line.clear();
        let read = (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| Failure::Read(name.to_owned(), error))?;
        if read == 0 {
            break;
        }
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            input
                .skip_until(b'\n')
                .map_err(|error| Failure::Read(name.to_owned(), error))?;
            tally.skip(format_args!("{name}: line {number} is too long"));
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        message.clear();
        match written(&line, octet_counting, &mut message) {
            Ok(ambiguous) => {
                if octet_counting {
                    write!(out, "{} ", message.len())?;
                } else {
                    message.push(b'\n');
                }
                out.write_all(&message)?;
                tally.done += 1;
                tally.ambiguous += u64::from(ambiguous);
            }
            Err(reason) => tally.skip(format_args!("{name}: line {number}: {reason}")),
        }
    }
    Ok(out.flush()?)
}

/// Writes the message that a JSON line tells; whether it is an ambiguous one.
fn written(line: &[u8], octet_counting: bool, out: &mut Vec<u8>) -> Result<bool, String> {
    let message: Message<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    encode_message(&message, out).map_err(|error| error.to_string())?;
    if !octet_counting && out.contains(&b'\n') {
        return Err("the message holds a line break: only --octet-counting can write it".to_owned());
    }
    Ok(message.ambiguous)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_events::{Event, Occurrence, Origin, Timestamp};

    /// A message for every event of the catalogue.
    fn messages() -> Vec<Vec<u8>> {
        let origin = Origin::new("vbrsrv01");
        let encoded = |event: &Event| {
            let mut out = Vec::new();
            let when = Occurrence::new(Timestamp(1_764_000_000_000_000), 3_600);
            countersign_events::encode(event, when, &origin, &mut out);
            out
        };
        Event::examples().iter().map(encoded).collect()
    }

    fn decoded(format: Format, input: &[u8]) -> (String, Tally) {
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        decode(format, input, "test", &mut out, &mut tally).unwrap();
        (String::from_utf8(out).unwrap(), tally)
    }

    fn encoded(octet_counting: bool, input: &str) -> (Vec<u8>, Tally) {
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        encode(octet_counting, input.as_bytes(), "test", &mut out, &mut tally).unwrap();
        (out, tally)
    }

    #[test]
    fn encode_is_the_inverse_of_decode_in_both_framings() {
        let lines = messages()
            .iter()
            .flat_map(|message| [message, &b"\n"[..]].concat())
            .collect::<Vec<_>>();
        let counted = messages()
            .iter()
            .flat_map(|message| [message.len().to_string().as_bytes(), b" ", message].concat())
            .collect::<Vec<_>>();
        for (octet_counting, input) in [(false, lines), (true, counted)] {
            let (json, tally) = decoded(Format::Json, &input);
            assert_eq!((tally.done, tally.skipped), (messages().len() as u64, 0));
            let (output, tally) = encoded(octet_counting, &json);
            assert_eq!((tally.done, tally.skipped), (messages().len() as u64, 0));
            assert_eq!(String::from_utf8_lossy(&output), String::from_utf8_lossy(&input));
        }
    }

    #[test]
    fn json_has_the_agreed_keys() {
        let line = "<14>1 2025-11-24T05:26:37.421424-07:00 vbrsrv01 Veeam_MP - - [origin enterpriseId=\"31023\"] \
                    [categoryId=0 instanceId=42400 Operation=\"x\" OperationId=\"0\" Version=\"1\"]\n";
        let (json, _) = decoded(Format::Json, line.as_bytes());
        assert_eq!(
            json,
            "{\"pri\":14,\"timestamp\":\"2025-11-24T05:26:37.421424-07:00\",\"hostname\":\"vbrsrv01\",\
             \"app_name\":\"Veeam_MP\",\"id\":42400,\"severity\":\"Info\",\"parameters\":{\"Operation\":\"x\",\
             \"OperationId\":\"0\",\"Version\":\"1\"},\"ambiguous\":false}\n"
        );
    }

    #[test]
    fn what_is_no_message_is_skipped_and_counted() {
        let mut input = b"garbage\n".to_vec();
        input.extend_from_slice(&messages()[0]);
        input.extend_from_slice(b"\n<999>1 no\n");
        let (json, tally) = decoded(Format::Json, &input);
        assert_eq!((json.lines().count(), tally.done, tally.skipped), (1, 1, 2));

        let (output, tally) = encoded(false, &format!("{{}}\nnot JSON\n\n{json}"));
        assert_eq!((tally.done, tally.skipped), (1, 2));
        assert_eq!(output.strip_suffix(b"\n").unwrap(), messages()[0]);
    }

    #[test]
    fn a_message_with_a_line_break_needs_octet_counting() {
        let mut broken = messages()[0].clone();
        broken.extend_from_slice(b"\nmore");
        let counted = [broken.len().to_string().as_bytes(), b" ", &broken].concat();
        let (json, _) = decoded(Format::Json, &counted);
        assert_eq!(encoded(true, &json).0, counted);
        let (output, tally) = encoded(false, &json);
        assert_eq!((output.len(), tally.skipped), (0, 1));
    }

    #[test]
    fn every_format_prints_a_line_for_each_message() {
        let lines = messages().join(&b'\n');
        for format in [Format::Ecs, Format::Ocsf] {
            let (text, _) = decoded(format, &lines);
            assert_eq!(text.lines().count(), messages().len());
            for line in text.lines() {
                assert!(
                    serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(),
                    "{line}"
                );
            }
        }
        let (text, _) = decoded(Format::Cef, &lines);
        assert_eq!(text.lines().count(), messages().len());
        assert!(text.lines().all(|line| line.starts_with("CEF:0|")), "{text}");
    }
}
