//! `events decode` and its inverse. Memory stays the same however long the input is.

mod tally;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_events::{Message, Reader, encode_message, export};

use tally::Tally;

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

/// How much is read and written at once.
const PIECE: usize = 1 << 18;

impl Decode {
    /// Reads all input; how many parts were skipped.
    pub fn run(self) -> Result<u64, Failure> {
        let format = self.format;
        self.input
            .convert(|input, name, out, tally| decode(format, input, name, out, tally))
    }
}

impl Encode {
    /// Reads all input; how many lines were skipped.
    pub fn run(self) -> Result<u64, Failure> {
        let octet_counting = self.octet_counting;
        self.input
            .convert(|input, name, out, tally| encode(octet_counting, input, name, out, tally))
    }
}

impl Input {
    /// Converts one input after the other to standard output; how many parts were skipped.
    fn convert(
        &self,
        mut one: impl FnMut(Box<dyn Read>, &str, &mut BufWriter<io::StdoutLock<'_>>, &mut Tally) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut out = BufWriter::with_capacity(PIECE, io::stdout().lock());
        let mut tally = Tally::on_standard_error();
        let done = self
            .each()?
            .into_iter()
            .try_for_each(|(name, input)| one(input, &name, &mut out, &mut tally));
        let done = done.and_then(|()| Ok(out.flush()?));
        tally.end_progress();
        done.map(|()| tally.tell())
    }

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

fn decode(
    format: Format,
    mut input: impl Read,
    name: &str,
    out: &mut impl Write,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut reader = Reader::new();
    let mut octets = vec![0; PIECE];
    let mut line = Vec::new();
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
                    line.clear();
                    say(format, &message, &mut line)?;
                    out.write_all(&line)?;
                    tally.message(message.ambiguous);
                }
                Err(skipped) => tally.skip(format_args!("{name}: {skipped}")),
            }
        }
        // What came in is printed at once, also when more comes slowly.
        out.flush()?;
        tally.read(count);
        if count == 0 {
            return Ok(());
        }
    }
}

fn say(format: Format, message: &Message<'_>, line: &mut Vec<u8>) -> io::Result<()> {
    match format {
        Format::Json => serde_json::to_writer(&mut *line, message)?,
        Format::Ecs => serde_json::to_writer(&mut *line, &export::ecs(message))?,
        Format::Ocsf => serde_json::to_writer(&mut *line, &export::ocsf(message))?,
        Format::Cef => line.extend_from_slice(export::cef(message).as_bytes()),
    }
    line.push(b'\n');
    Ok(())
}

fn encode(
    octet_counting: bool,
    input: impl Read,
    name: &str,
    out: &mut impl Write,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(PIECE, input);
    let (mut line, mut message) = (Vec::new(), Vec::new());
    for number in 1_u64.. {
        line.clear();
        let read = (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(|error| Failure::Read(name.to_owned(), error))?;
        if read == 0 {
            break;
        }
        tally.read(read);
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            pass_over_line(&mut input, tally).map_err(|error| Failure::Read(name.to_owned(), error))?;
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
                tally.message(ambiguous);
            }
            Err(reason) => tally.skip(format_args!("{name}: line {number}: {reason}")),
        }
        if input.buffer().is_empty() {
            // What came in is printed at once, also when more comes slowly.
            out.flush()?;
        }
    }
    Ok(out.flush()?)
}

/// Reads up to the line's end and keeps nothing.
fn pass_over_line(input: &mut impl BufRead, tally: &mut Tally) -> io::Result<()> {
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = buffer.iter().position(|octet| *octet == b'\n');
        let count = end.map_or(buffer.len(), |at| at + 1);
        input.consume(count);
        tally.read(count);
        if end.is_some() || count == 0 {
            return Ok(());
        }
    }
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
    use countersign_events::{Event, Form, Occurrence, Origin, Timestamp};

    /// A message for every event of the catalogue, in both forms.
    fn messages() -> Vec<Vec<u8>> {
        let origin = Origin::new("vbrsrv01");
        let encoded = |(event, form): (Event, Form)| {
            let mut out = Vec::new();
            let when = Occurrence::new(Timestamp(1_764_000_000_000_000), 3_600);
            match form {
                Form::Compatible => countersign_events::encode(&event, when, &origin, &mut out),
                Form::Strict => countersign_events::encode_strict(&event, when, &origin, &mut out),
            }
            out
        };
        let forms = [Form::Compatible, Form::Strict];
        forms
            .into_iter()
            .flat_map(|form| Event::examples().into_iter().map(move |event| (event, form)))
            .map(encoded)
            .collect()
    }

    fn quiet() -> Tally {
        Tally::new(Box::new(io::sink()), false)
    }

    fn decoded(format: Format, input: &[u8]) -> (String, Tally) {
        let (mut out, mut tally) = (Vec::new(), quiet());
        decode(format, input, "test", &mut out, &mut tally).unwrap();
        (String::from_utf8(out).unwrap(), tally)
    }

    fn encoded(octet_counting: bool, input: &str) -> (Vec<u8>, Tally) {
        let (mut out, mut tally) = (Vec::new(), quiet());
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
