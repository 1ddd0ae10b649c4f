//! `countersign setup`: the first administrators, from the server's own command line.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use countersign_core::Clock as _;
use countersign_store::Store;

use super::fail;
use super::settings::{SettingFlags, complain};
use crate::adapters::{SystemClock, SystemEntropy};
use crate::app::{DATABASE, prepare_data_folder};
use crate::config::Config;
use crate::seal::SealingKey;
use crate::setup::first_start::listed;
use crate::setup::headless::Plan;
use crate::setup::links;

/// Set the first administrators up.
#[derive(Debug, Subcommand)]
pub enum Setup {
    /// Void the one-time links that were not used and print new ones
    Links(Links),
    /// Make accounts, services, tokens and settings from a TOML description, without a screen
    Accounts(Accounts),
}

#[derive(Debug, Args)]
pub struct Links {
    #[command(flatten)]
    settings: SettingFlags,
}

#[derive(Debug, Args)]
pub struct Accounts {
    /// The description [default: standard input]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
}

type Failure = Box<dyn std::error::Error>;

impl Setup {
    /// Does it, also while the server runs.
    pub fn run(self) -> ExitCode {
        let settings = match &self {
            Self::Links(links) => &links.settings,
            Self::Accounts(accounts) => &accounts.settings,
        };
        let config = match settings.load() {
            Ok(config) => config,
            Err(complaints) => {
                complain(&complaints);
                return ExitCode::FAILURE;
            }
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        let done = match self {
            Self::Links(_) => runtime.block_on(new_links(&config)),
            Self::Accounts(accounts) => accounts
                .text()
                .and_then(|text| runtime.block_on(make_accounts(&config, &text))),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}

async fn new_links(config: &Config) -> Result<(), Failure> {
    let data = prepare_data_folder(&config.data)?;
    let store = Store::open(&data.join(DATABASE)).await?;
    let links = links::renew(&store, &SystemEntropy, SystemClock.now()).await?;
    print!("{}", listed(&links, &config.public_url));
    eprintln!("Each is for one person, once, within one hour. Earlier links no longer work.");
    Ok(())
}

impl Accounts {
    fn text(&self) -> Result<String, Failure> {
        let Some(file) = &self.file else {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            return Ok(text);
        };
        std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()).into())
    }
}

async fn make_accounts(config: &Config, text: &str) -> Result<(), Failure> {
    let plan = Plan::read(text, &SystemEntropy)?;
    let data = prepare_data_folder(&config.data)?;
    let sealing = Arc::new(SealingKey::open(&data, &SystemEntropy)?);
    let store = Store::open(&data.join(DATABASE)).await?;
    let made = plan
        .carry_out(&store, sealing, Arc::new(SystemEntropy), SystemClock.now())
        .await?;
    for token in made {
        println!("{} {} {}", token.account, token.label, token.secret.reveal());
    }
    Ok(())
}
