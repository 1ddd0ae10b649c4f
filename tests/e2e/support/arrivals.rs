//! What arrived at a real receiver, as it took it apart: one JSON object a line, in a file for each way in and each of its lives.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, de::Error};

/// A message as a receiver read it. What is nil (`-`) is empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Arrived {
    /// As it came.
    pub raw: String,
    pub pri: String,
    pub timestamp: String,
    pub hostname: String,
    pub app_name: String,
    #[serde(deserialize_with = "nil_is_empty")]
    pub msgid: String,
    /// STRUCTURED-DATA as it came.
    #[serde(deserialize_with = "nil_is_empty")]
    pub structured_data: String,
    /// The elements of STRUCTURED-DATA with their parameters, unescaped.
    #[serde(deserialize_with = "json_in_text")]
    pub elements: BTreeMap<String, BTreeMap<String, String>>,
    /// MSG.
    pub message: String,
}

/// Where a receiver keeps what arrived by one way, since it was started for the `life`th time. A receiver that is killed
/// may leave half a line; the next life does not write behind it.
pub fn file(folder: &Path, way: &str, life: u32) -> PathBuf {
    folder.join(format!("{way}.{life}"))
}

/// Every whole line that arrived by one way, in order.
pub fn lines(folder: &Path, way: &str, lives: u32) -> Vec<u8> {
    let mut lines = Vec::new();
    for life in 0..=lives {
        let written = fs::read(file(folder, way, life)).unwrap_or_default();
        let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        lines.extend_from_slice(&written[..whole]);
    }
    lines
}

/// Every message that arrived by one way, in order.
pub fn read(folder: &Path, way: &str, lives: u32) -> Vec<Arrived> {
    String::from_utf8(lines(folder, way, lives))
        .expect("what arrived is UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn nil_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text == "-" { String::new() } else { text })
}

fn json_in_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, BTreeMap<String, String>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(&text).map_err(|error| D::Error::custom(format!("{error}: {text}")))
}
