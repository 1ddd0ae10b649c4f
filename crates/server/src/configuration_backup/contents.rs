//! What stands within a configuration backup, once it is decrypted: one JSON document a line.

use std::io::BufRead;

use countersign_events::Timestamp;
use countersign_store::Value;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::sealed_file::FileFault;

/// The version of these lines that this code writes; it reads those before, too.
pub const VERSION: u32 = 1;

/// The longest line, in bytes: a file of the data folder, or a row with a manifest.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// A line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first.
    Begin(Begin),
    /// A file of the data folder.
    File {
        /// Within the folder.
        path: String,
        /// In Base64.
        content: String,
    },
    /// A table begins.
    Table {
        /// Its name.
        name: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// A row of the table that began last.
    Row(Vec<Cell>),
    /// The last: how many rows there were in all.
    End {
        /// How many.
        rows: u64,
    },
}

/// Which server, when, in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Of these lines.
    pub version: u32,
    /// Of the database.
    pub schema: i64,
    /// When it was made, in microseconds since the Unix epoch.
    pub made_at: Timestamp,
    /// The version of Countersign.
    pub program: String,
    /// The server's public address.
    pub server: String,
}

/// A column's value.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// NULL.
    Null,
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Octets, in Base64.
    Blob {
        /// The octets.
        b: String,
    },
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(number) => Self::Int(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(octets) => Self::Blob {
                b: BASE64.encode(&octets),
            },
        }
    }
}

impl Cell {
    /// As a column takes it; none when it is no Base64.
    pub fn value(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(number),
            Self::Text(text) => Value::Text(text),
            Self::Blob { b } => Value::Blob(BASE64.decode(b.as_bytes()).ok()?),
        })
    }
}

/// Why the lines of a file are not understood.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Below.
    #[error(transparent)]
    File(#[from] FileFault),
    /// Made by a later version.
    #[error("it was made by a newer version of Countersign ({0}): use that version")]
    TooNew(String),
    /// Authentic, but not what any version writes.
    #[error("what it says is not understood (line {0}): was it made by another version of Countersign?")]
    Strange(u64),
}

/// Reads lines; the first and the last are there, or it fails.
pub struct Lines<R> {
    source: R,
    number: u64,
    rows: u64,
    over: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads the first line.
    pub fn begin(source: R) -> Result<(Begin, Self), Unread> {
        let mut lines = Self {
            source,
            number: 0,
            rows: 0,
            over: false,
        };
        match lines.line()? {
            Some(Line::Begin(begin)) if begin.version > VERSION => Err(Unread::TooNew(begin.program)),
            Some(Line::Begin(begin)) => Ok((begin, lines)),
            _ => Err(Unread::Strange(lines.number)),
        }
    }

    /// The next line; none after the last.
    pub fn next_line(&mut self) -> Result<Option<Line>, Unread> {
        match self.line()? {
            None if self.over => Ok(None),
            Some(Line::End { rows }) if rows == self.rows && !self.over => {
                self.over = true;
                self.next_line()
            }
            Some(line @ (Line::File { .. } | Line::Table { .. } | Line::Row(_))) if !self.over => {
                self.rows += u64::from(matches!(line, Line::Row(_)));
                Ok(Some(line))
            }
            _ => Err(Unread::Strange(self.number)),
        }
    }

    /// How many rows came so far.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    fn line(&mut self) -> Result<Option<Line>, Unread> {
        use std::io::Read as _;
        let mut text = Vec::new();
        let mut bounded = self.source.by_ref().take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut text).map_err(FileFault::of)?;
        if text.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let line = serde_json::from_slice(&text).map_err(|_| Unread::Strange(self.number))?;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Line>, Unread> {
        let (_, mut lines) = Lines::begin(text.as_bytes())?;
        let mut all = Vec::new();
        while let Some(line) = lines.next_line()? {
            all.push(line);
        }
        Ok(all)
    }

    const BEGIN: &str = r#"{"begin":{"version":1,"schema":9,"made_at":5,"program":"0.1.0","server":"https://x"}}"#;

    #[test]
    fn every_value_comes_back() {
        let values = [
            Value::Null,
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Text("ä\n\u{0}\"".into()),
            Value::Text("5".into()),
            Value::Blob(vec![0, 255]),
            Value::Blob(Vec::new()),
        ];
        let row = Line::Row(values.iter().cloned().map(Cell::from).collect());
        let text = serde_json::to_string(&row).unwrap();
        assert!(!text.contains('\n'));
        let all = read(&format!("{BEGIN}\n{text}\n{{\"end\":{{\"rows\":1}}}}\n")).unwrap();
        let [Line::Row(cells)] = &all[..] else {
            panic!("{all:?}");
        };
        let again: Line = serde_json::from_str(&serde_json::to_string(&Line::Row(Vec::new())).unwrap()).unwrap();
        assert_eq!(again, Line::Row(Vec::new()));
        assert_eq!(cells.len(), values.len());
        for (cell, value) in serde_json::from_str::<Vec<Cell>>(&serde_json::to_string(cells).unwrap())
            .unwrap()
            .into_iter()
            .zip(values)
        {
            assert_eq!(cell.value(), Some(value));
        }
    }

    #[test]
    fn the_end_is_there_once_and_counts() {
        let row = r#"{"row":[1]}"#;
        assert!(read(&format!("{BEGIN}\n{row}\n")).is_err(), "no end");
        assert!(
            read(&format!("{BEGIN}\n{row}\n{{\"end\":{{\"rows\":2}}}}\n")).is_err(),
            "a row is missing"
        );
        assert!(
            read(&format!("{BEGIN}\n{{\"end\":{{\"rows\":0}}}}\n{row}\n")).is_err(),
            "after the end"
        );
        assert!(read(&format!("{row}\n{BEGIN}\n")).is_err(), "begins otherwise");
        let newer = BEGIN.replace("\"version\":1", "\"version\":2");
        assert!(matches!(read(&newer), Err(Unread::TooNew(program)) if program == "0.1.0"));
    }
}
