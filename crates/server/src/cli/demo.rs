//! `countersign demo`: a server to look around in.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use countersign_core::Clock as _;
use tokio::net::TcpListener;

use super::fail;
use super::serve::{log_to_standard_error, watch_signals};
use super::settings::complain;
use crate::adapters::{SystemClock, SystemEntropy};
use crate::config::{Complaint, Config, Key, Sources};
use crate::delivery::Delivery;
use crate::demo::{self, Person, Throwaway, terminal};
use crate::http;
use crate::listen::{Listener, Stop};

/// Run a server to look around in: two people, a week of backups, a request that waits; all of it gone at the end.
#[derive(Debug, Args)]
pub struct Demo {
    /// Address to listen on, on this machine
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8765")]
    listen: String,
}

impl Demo {
    /// Serves until SIGTERM or SIGINT.
    pub fn run(self) -> ExitCode {
        log_to_standard_error("warn");
        let folder = match Throwaway::make(&SystemEntropy) {
            Ok(folder) => folder,
            Err(error) => return fail(format_args!("no folder can be made for it: {error}")),
        };
        let config = match configured(&folder, &self.listen) {
            Ok(config) => config,
            Err(complaints) => {
                complain(&complaints);
                return ExitCode::FAILURE;
            }
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(format_args!("cannot start: {error}")),
        };
        let served = runtime.block_on(serve(&folder, config));
        // The folder goes last.
        drop(runtime);
        match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error),
        }
    }
}

/// The defaults: what this machine's environment says is meant for another server.
fn configured(folder: &Throwaway, listen: &str) -> Result<Config, Vec<Complaint>> {
    Config::load(&Sources {
        flags: vec![
            (Key::Data, folder.path().display().to_string()),
            (Key::Listen, listen.to_owned()),
        ],
        host: "localhost".into(),
        ..Sources::default()
    })
}

async fn serve(folder: &Throwaway, config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let listener = Listener::bind(config.listen.address(), None, config.limits.clone()).await?;
    // Again, with the port that the system chose.
    let config = configured(folder, &listener.address()?.to_string()).map_err(|complaints| {
        let told: Vec<_> = complaints.iter().map(ToString::to_string).collect();
        told.join("; ")
    })?;
    let stop = Stop::new();
    watch_signals(stop.clone(), None)?;
    let events = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("A week goes by …");
    let demo = demo::Demo::prepare(config, events.local_addr()?).await?;
    // Whoever waits for an event in the demo ends with it.
    let (asked, waiting) = (stop.clone(), demo.app.stop.clone());
    tokio::spawn(async move {
        asked.cancelled().await;
        waiting.cancel();
    });
    welcome(&demo, folder);
    let people = Arc::new(demo.people);
    if std::io::stdin().is_terminal() {
        let people = Arc::clone(&people);
        // Not awaited: it reads the terminal until the process ends.
        std::thread::spawn(move || {
            let mut lines = std::io::stdin().lock().lines();
            while lines.next().is_some_and(|line| line.is_ok()) {
                print!("{}", codes(&people[..]));
            }
        });
    }
    let printing = tokio::spawn(terminal::receive(events, |line| println!("{line}")));
    let workers = tokio::spawn(crate::workers::run(demo.app.clone(), stop.clone()));
    let delivery = Delivery::start(&demo.app);
    listener.serve(http::router(demo.app), stop).await;
    workers.await?;
    delivery.stop().await;
    printing.abort();
    println!("Gone.");
    Ok(())
}

fn welcome(demo: &demo::Demo, folder: &Throwaway) {
    let url = &demo.app.config.public_url;
    println!(
        "\nCountersign {}, to look around in: {}\n\
         Everything lies in {} and is removed at the end: Ctrl-C.\n\n\
         Two people who can approve, each with a password and one-time codes (now, next):",
        env!("CARGO_PKG_VERSION"),
        url.join("/"),
        folder.path().display()
    );
    for person in &demo.people {
        println!(
            "  {}  password {}  authenticator secret {}",
            person.name,
            person.password,
            person.totp.to_base32()
        );
    }
    print!("{}", codes(&demo.people));
    println!(
        "Each code is taken once, the next one already now: log on with the first, decide with the second.\n\
         Fresh codes: {}oathtool --totp --base32 SECRET\n",
        if std::io::stdin().is_terminal() {
            "press Enter here, or "
        } else {
            ""
        }
    );
    println!(
        "Request {0} waits: laptop wants three old snapshots gone. The fileserver's deletes are still being collected.\n\
         Decide in the browser, or here:\n  countersign login --server {url}\n  countersign requests show {0}\n",
        demo.waits
    );
    if let Some(token) = demo.tokens.first() {
        println!(
            "Back up with restic, under a name of your own in place of NAME:\n  \
             restic -r rest:http://{}:{}@{}/restic/{}/NAME/ init\n",
            token.account,
            token.secret.reveal(),
            url.authority(),
            crate::app::DEFAULT_STORAGE
        );
    }
    println!("Events, as they leave:");
}

/// The codes of now and the next ones, a line for each person.
fn codes(people: &[Person]) -> String {
    let now = SystemClock.now();
    let lines = people.iter().filter_map(|person| {
        let [now, next] = person.codes(now)?;
        Some(format!("  {}  code {now}, next {next}\n", person.name))
    });
    lines.collect()
}
