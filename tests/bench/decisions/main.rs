//! Requests and decisions from many clients at once: each is one transaction with its event, durable before it is answered, made of the
//! very calls that the server makes; only HTTP and the hash of a code are left out.
//!
//! ```text
//! bench-decisions --clients 64 --each 400 --runs 5 --data /srv/bench
//! ```

mod one_commit_each;
mod people;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use countersign_core::{AccountId, RequestId};
use countersign_store::Store;

use people::People;

/// What goes wrong here.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures durable requests and decisions.
#[derive(Debug, Parser)]
struct Args {
    /// How many clients work at once.
    #[arg(long)]
    clients: u32,
    /// How many requests each of them makes, one after the other.
    #[arg(long)]
    each: u32,
    /// How often; medians are told.
    #[arg(long)]
    runs: u32,
    /// An empty folder for the databases.
    #[arg(long)]
    data: PathBuf,
}

/// What the design asks for, a second.
const BUDGET: f64 = 10_000.0;

/// What one piece of work took.
struct Measured {
    name: &'static str,
    /// A second, of each run.
    rates: Vec<f64>,
    /// Of every single one.
    times: Vec<Duration>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let mut requests = Measured::new("requests, each with its event");
    let mut approvals = Measured::new("approvals, each with its event");
    let mut rejections = Measured::new("rejections, each with its event");
    let mut alone = Measured::new("two rows with a commit each, nothing else");
    for run in 0..args.runs {
        let store = Store::open(&args.data.join(format!("run{run}.db"))).await?;
        let people = Arc::new(People::settle(&store).await?);
        let ids = requests
            .run(args.clients, args.each, |client, number| {
                let people = Arc::clone(&people);
                async move { people.ask(client, number).await }
            })
            .await?;
        let (first, second) = ids.split_at(ids.len() / 2);
        decide(&mut approvals, &people, &args, first, true).await?;
        decide(&mut rejections, &people, &args, second, false).await?;
        let engine = one_commit_each::Engine::open(&args.data.join(format!("alone{run}.db")))?;
        // A few are enough: they are slow.
        let few = args.each.div_ceil(20);
        alone
            .run(args.clients, few, |client, number| {
                let engine = engine.clone();
                async move {
                    tokio::task::spawn_blocking(move || engine.two_rows(client, number))
                        .await?
                        .map(|()| RequestId(1))
                }
            })
            .await?;
    }
    println!(
        "{} clients at once, {} requests each; medians of {}",
        args.clients, args.each, args.runs
    );
    println!("{:<44}{:>10}{:>10}{:>10}", "", "a second", "p50 ms", "p99 ms");
    let mut least = f64::INFINITY;
    for measured in [&mut requests, &mut approvals, &mut rejections, &mut alone] {
        let rate = measured.tell();
        if measured.name.starts_with("approvals") || measured.name.starts_with("rejections") {
            least = least.min(rate);
        }
    }
    let verdict = if least < BUDGET { "below" } else { "within" };
    println!("{verdict} the budget of {BUDGET:.0} decisions/s");
    Ok(())
}

async fn decide(
    measured: &mut Measured,
    people: &Arc<People>,
    args: &Args,
    ids: &[RequestId],
    approve: bool,
) -> Result<(), Failure> {
    let each = u32::try_from(ids.len())? / args.clients;
    let ids = Arc::new(ids.to_vec());
    measured
        .run(args.clients, each, |client, number| {
            let (people, ids) = (Arc::clone(people), Arc::clone(&ids));
            async move {
                let id = ids[(client * each + number) as usize];
                people.decide(id, approve).await.map(|()| id)
            }
        })
        .await
        .map(drop)
}

impl Measured {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            rates: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Lets every client do its work, one after the other; what came of it.
    #[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
    async fn run<F>(
        &mut self,
        clients: u32,
        each: u32,
        work: impl Fn(u32, u32) -> F + Copy,
    ) -> Result<Vec<RequestId>, Failure>
    where
        F: Future<Output = Result<RequestId, Failure>> + Send + 'static,
    {
        let start = Instant::now();
        let one_client = |client: u32| async move {
            let mut done = Vec::new();
            for number in 0..each {
                let before = Instant::now();
                let id = tokio::spawn(work(client, number)).await??;
                done.push((id, before.elapsed()));
            }
            Ok::<_, Failure>(done)
        };
        let done = futures_util::future::try_join_all((0..clients).map(one_client)).await?;
        self.rates
            .push(f64::from(clients * each) / start.elapsed().as_secs_f64());
        let done: Vec<_> = done.into_iter().flatten().collect();
        self.times.extend(done.iter().map(|(_, took)| *took));
        Ok(done.into_iter().map(|(id, _)| id).collect())
    }

    /// Prints the medians; the rate.
    fn tell(&mut self) -> f64 {
        self.rates.sort_by(f64::total_cmp);
        self.times.sort_unstable();
        let rate = self.rates.get(self.rates.len() / 2).copied().unwrap_or(f64::NAN);
        let share = |share: usize| {
            let at = (self.times.len() * share / 100).min(self.times.len().saturating_sub(1));
            self.times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
        };
        println!("{:<44}{rate:>10.0}{:>10.2}{:>10.2}", self.name, share(50), share(99));
        rate
    }
}

/// Who asks.
fn account(client: u32) -> AccountId {
    AccountId(i64::from(client) + 10)
}
