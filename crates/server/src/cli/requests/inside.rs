//! What a request's snapshots say of themselves, opened here with the repository's password: it never leaves this machine.

use std::fmt::Write as _;
use std::path::Path;

use countersign_core::RequestId;
use data_encoding::BASE64;
use serde::Deserialize;
use zeroize::{Zeroize as _, Zeroizing};

use super::path_of;
use crate::cli::remote::Remote;
use crate::cli::remote::failure::{Failure, read};
use crate::cli::terminal::{date, plain};
use crate::pages::Bytes;
use crate::repository::{KeyFile, MasterKey, Snapshot};

#[derive(Deserialize)]
struct Page {
    keys: Vec<File>,
    snapshots: Vec<File>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    bytes: Option<String>,
}

impl File {
    fn bytes(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.bytes.as_deref()?.as_bytes()).ok()
    }
}

/// A line for each snapshot.
pub fn of(remote: &Remote, id: RequestId, password: &Path) -> Result<String, Failure> {
    let password = password_in(password)?;
    let (mut lines, mut after, mut key) = (String::new(), String::new(), None);
    loop {
        let page: Page = read(remote, remote.get(&format!("{}/snapshots?after={after}", path_of(id)))?)?;
        let key = match &key {
            Some(key) => key,
            None => key.insert(opened(&page.keys, &password)?),
        };
        for snapshot in &page.snapshots {
            // Writing to a string does not fail.
            let _ = writeln!(
                lines,
                "  {:<11}{}",
                plain(snapshot.name.get(..8).unwrap_or_default()),
                told(key, snapshot)
            );
        }
        match page.next {
            Some(next) if next > after => after = next,
            _ => return Ok(lines),
        }
    }
}

/// The first line of a file, as restic reads it.
fn password_in(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let told = |error| Failure::File(path.display().to_string(), error);
    let mut text = std::fs::read_to_string(path).map_err(told)?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    text.zeroize();
    Ok(Zeroizing::new(password))
}

fn opened(keys: &[File], password: &str) -> Result<MasterKey, Failure> {
    let keys: Vec<_> = keys.iter().filter_map(File::bytes).collect();
    let opened = KeyFile::open_any(keys.iter().map(Vec::as_slice), password);
    opened.map_err(|error| Failure::Found(format!("the snapshots cannot be looked into: {error}")))
}

fn told(key: &MasterKey, snapshot: &File) -> String {
    let Some(bytes) = snapshot.bytes() else {
        return "too large for a snapshot".to_owned();
    };
    let read = match Snapshot::open(key, &bytes) {
        Ok(read) => read,
        Err(error) => return format!("not readable: {error}"),
    };
    let mut line = format!(
        "{}  {}  {}  {}",
        date(&read.time),
        plain(&read.host),
        plain(&read.user),
        plain(&read.paths_told())
    );
    if !read.tags.is_empty() {
        line += &format!("  [{}]", plain(&read.tags.join(", ")));
    }
    if let Some(bytes) = read.bytes {
        line += &format!("  {}", Bytes(bytes));
    }
    line
}
