//! The lists when there is much in them: fills a database, then asks the store what the pages and the API ask.
//!
//! ```text
//! bench-lists --requests 100000 --events 5000000 --data /srv/bench
//! ```

mod fill;
mod questions;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use countersign_store::{Store, StoreError};

use questions::Question;

/// Measures lists and searches.
#[derive(Debug, Parser)]
struct Args {
    /// How many requests: most decided, 1000 pending.
    #[arg(long)]
    requests: u32,
    /// How many events, at least.
    #[arg(long)]
    events: u32,
    /// How often each list is asked for, with other values each time.
    #[arg(long, default_value_t = 300)]
    runs: u32,
    /// An empty folder for the database.
    #[arg(long)]
    data: PathBuf,
    /// Ask the database that an earlier run left in the folder.
    #[arg(long)]
    again: bool,
}

/// What the design allows, for all but one in a hundred.
const BUDGET: Duration = Duration::from_millis(20);

/// How many record at once.
const CLIENTS: u32 = 64;

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let path = args.data.join("countersign.db");
    if path.exists() != args.again {
        return Err("name an empty folder, or with --again one that holds the database of an earlier run".into());
    }
    let store = Store::open(&path).await?;
    let start = Instant::now();
    let events = if args.again {
        let last = store.read::<_, StoreError, _>(|view| Box::pin(async move { view.last_event().await }));
        u32::try_from(last.await?)?
    } else {
        fill::fill(&store, &path, args.requests, args.events).await?
    };
    println!(
        "{} requests and {events} events, {:.0} s, {} MB",
        args.requests,
        start.elapsed().as_secs_f64(),
        std::fs::metadata(&path)?.len() / 1_000_000
    );
    println!(
        "{:<58}{:>8}{:>10}{:>10}{:>10}",
        "milliseconds", "rows", "p50", "p99", "most"
    );
    let mut over = 0;
    for question in Question::all(args.requests, events) {
        let mut times = Vec::new();
        let mut rows = 0;
        for run in 0..args.runs {
            let start = Instant::now();
            rows += question.ask(&store, run).await?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let share = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        let told = |time: Duration| format!("{:.2}", time.as_secs_f64() * 1000.0);
        let late = share(99) > BUDGET;
        over += usize::from(late);
        println!(
            "{:<58}{:>8}{:>10}{:>10}{:>10}{}",
            question.name(),
            rows / args.runs as usize,
            told(share(50)),
            told(share(99)),
            told(times[times.len() - 1]),
            if late { "  over the budget" } else { "" }
        );
    }
    println!("{over} over the budget of {} ms", BUDGET.as_millis());
    let start = Instant::now();
    fill::record(&store, CLIENTS, args.runs).await?;
    let events = f64::from(CLIENTS * args.runs);
    println!(
        "recorded by {CLIENTS} clients at once, each in a transaction of its own, durable: {:.0} events/s",
        events / start.elapsed().as_secs_f64()
    );
    Ok(())
}
