//! `receivers filter`: the family's XML out of a receiver and into it.

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::super::remote::asking::Asking;
use super::super::remote::failure::Failure;
use super::super::remote::{Remote, ServerFlags};
use super::document::{Receiver, became};
use super::{EXIT_CODES, named, path_of};

/// Export or import which events a receiver does not get.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum FilterCommand {
    /// Print the list as the family's XML
    Export(Export),
    /// Replace the whole list by one in the family's XML
    Import(Import),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Export {
    /// The receiver's name or number
    #[arg(value_name = "RECEIVER")]
    receiver: String,
    /// Print the list as the API has it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Import {
    /// The receiver's name or number
    #[arg(value_name = "RECEIVER")]
    receiver: String,
    /// The file; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    asking: Asking,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl FilterCommand {
    pub(super) const fn server(&self) -> &ServerFlags {
        match self {
            Self::Export(export) => &export.server,
            Self::Import(import) => &import.server,
        }
    }

    /// What goes with a change that may be held, and whether documents are printed.
    pub(super) const fn asking(&self) -> Option<(&Asking, bool)> {
        match self {
            Self::Export(_) => None,
            Self::Import(import) => Some((&import.asking, import.json)),
        }
    }

    pub(super) fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        match self {
            Self::Export(export) => export.carry_out(remote),
            Self::Import(import) => import.carry_out(remote),
        }
    }
}

impl Export {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let document = named(remote, &self.receiver)?;
        if self.json {
            let filter = document.get("filter").cloned();
            return Ok(format!("{}\n", filter.unwrap_or_else(|| serde_json::json!([]))));
        }
        let id = Receiver::read(remote, &document)?.id;
        Ok(remote.get_text(&format!("{}/filter", path_of(id)))?)
    }
}

impl Import {
    fn carry_out(&self, remote: &Remote) -> Result<String, Failure> {
        let receiver = Receiver::read(remote, &named(remote, &self.receiver)?)?;
        let xml = self
            .read()
            .map_err(|error| Failure::File(self.file.display().to_string(), error))?;
        let path = format!("{}/filter", path_of(receiver.id));
        let answer = remote.put_text(&path, "application/xml", &xml)?;
        if self.json {
            return Ok(format!("{}\n", answer.unwrap_or_default()));
        }
        became(
            remote,
            answer,
            &format!("The filter of {} is as in the list.", receiver.spec.name),
        )
    }

    fn read(&self) -> std::io::Result<String> {
        if self.file.as_os_str() != "-" {
            return std::fs::read_to_string(&self.file);
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        Ok(text)
    }
}
