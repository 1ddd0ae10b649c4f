//! The passphrase of configuration backups, as a person or a script gives it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_core::configuration_backup::Passphrase;
use zeroize::Zeroizing;

use crate::cli::remote::failure::Failure;

/// Where the passphrase comes from.
#[derive(Debug, Clone, Default, Args)]
pub struct PassphraseFlags {
    /// Read the passphrase from the first line of this file, or of standard input for - [default: ask on the terminal]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseFlags {
    /// The passphrase that something was encrypted with.
    pub fn known(&self) -> Result<Passphrase, Failure> {
        let text = match &self.passphrase_file {
            Some(path) => first_line(path)?,
            None => Zeroizing::new(rpassword::prompt_password("Passphrase of the configuration backup: ")?),
        };
        parsed(&text)
    }

    /// A passphrase that is set: on a terminal it is typed twice.
    pub fn new_one(&self) -> Result<Passphrase, Failure> {
        if let Some(path) = &self.passphrase_file {
            return parsed(&first_line(path)?);
        }
        let first = Zeroizing::new(rpassword::prompt_password("New passphrase of configuration backups: ")?);
        let passphrase = parsed(&first)?;
        let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
        if *again == *first {
            Ok(passphrase)
        } else {
            Err(Failure::Usage("the two are not the same: nothing was changed"))
        }
    }
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error| Failure::File(path.display().to_string(), error);
    let mut text = Zeroizing::new(String::new());
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
    } else {
        *text = std::fs::read_to_string(path).map_err(unreadable)?;
    }
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn parsed(text: &str) -> Result<Passphrase, Failure> {
    text.parse()
        .map_err(|error: countersign_core::configuration_backup::BadPassphrase| Failure::Refused(error.to_string()))
}
