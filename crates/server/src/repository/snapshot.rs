//! What a snapshot says of itself.

use std::io::Read as _;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::MasterKey;

/// The most that a snapshot may be when it is unpacked, in bytes.
const LARGEST_UNPACKED: u64 = 4 << 20;

/// The most that unpacking may look back on, in bytes. What restic and rustic write needs no more.
const LARGEST_WINDOW: u64 = 8 << 20;

/// How many paths and tags are kept, and how long each may be in characters.
const MOST_WORDS: usize = 32;
const LONGEST_WORD: usize = 512;

/// What a snapshot says of itself. A client wrote it: show it escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was made, RFC 3339, by the client's clock.
    pub time: String,
    /// Of which host.
    pub host: String,
    /// By which user there.
    pub user: String,
    /// Which paths it has, the first few.
    pub paths: Vec<String>,
    /// How many more there are.
    pub more_paths: usize,
    /// Its tags, the first few.
    pub tags: Vec<String>,
    /// How many files it has, where the client said so.
    pub files: Option<u64>,
    /// How many bytes it restores to, where the client said so.
    pub bytes: Option<u64>,
}

/// Why a snapshot was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Not sealed with this key, or damaged.
    #[error("it is not sealed with this repository's key")]
    NotSealed,
    /// It says nothing that is understood.
    #[error("what it holds is not understood")]
    NotUnderstood,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    time: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    paths: Option<Vec<String>>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<WrittenSummary>,
}

#[derive(Deserialize)]
struct WrittenSummary {
    #[serde(default)]
    total_files_processed: Option<u64>,
    #[serde(default)]
    total_bytes_processed: Option<u64>,
}

impl Snapshot {
    /// Opens and reads one.
    ///
    /// # Errors
    /// It was sealed with another key, or is no snapshot.
    pub fn open(key: &MasterKey, sealed: &[u8]) -> Result<Self, Unread> {
        let opened = key.opened(sealed).ok_or(Unread::NotSealed)?;
        let unpacked = match opened.first() {
            // Repositories of version 2 say how what follows is packed: 2 is zstd. Version 1 has plain JSON.
            Some(2) => unpacked(&opened[1..]).ok_or(Unread::NotUnderstood)?,
            _ => opened,
        };
        let written: Written = serde_json::from_slice(&unpacked).map_err(|_| Unread::NotUnderstood)?;
        let mut paths = written.paths.unwrap_or_default();
        let more_paths = paths.len().saturating_sub(MOST_WORDS);
        paths.truncate(MOST_WORDS);
        let mut tags = written.tags.unwrap_or_default();
        tags.truncate(MOST_WORDS);
        Ok(Self {
            time: short(written.time),
            host: short(written.hostname),
            user: short(written.username),
            paths: paths.into_iter().map(short).collect(),
            more_paths,
            // rustic has several tags in one text.
            tags: tags.into_iter().map(short).collect(),
            files: written
                .summary
                .as_ref()
                .and_then(|summary| summary.total_files_processed),
            bytes: written
                .summary
                .as_ref()
                .and_then(|summary| summary.total_bytes_processed),
        })
    }

    /// Its paths in one line.
    pub fn paths_told(&self) -> String {
        let mut told = self.paths.join(", ");
        if self.more_paths > 0 {
            told += &format!(" and {} more", self.more_paths);
        }
        told
    }
}

fn unpacked(packed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, LARGEST_WINDOW).ok()?;
    let mut text = Zeroizing::new(Vec::new());
    decoder.take(LARGEST_UNPACKED + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= LARGEST_UNPACKED).then_some(text)
}

fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST_WORD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
