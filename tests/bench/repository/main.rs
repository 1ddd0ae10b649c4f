//! Raw objects through REST-backend servers, each in turn in one run: MB/s and objects/s, medians, ratios.
//!
//! ```text
//! bench-repository --runs 5 countersign=http://USER:TOKEN@127.0.0.1:8080/restic/main/bench/ \
//!                           rclone=http://127.0.0.1:8081/bench/
//! ```
//!
//! Data is made and hashed before the clock starts, and is new in every run. After each phase every object is downloaded once more, untimed, and
//! compared with what was sent. Objects are deleted after each phase, so let four-eyes be off, or the disk fills.

mod client;
mod objects;
mod report;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

use client::{Connection, Trouble, Url};
use objects::{Object, Objects};
use report::Report;

/// Measures servers that speak restic's REST backend protocol.
#[derive(Debug, Parser)]
struct Args {
    /// How often everything is measured; medians are shown.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How many big objects.
    #[arg(long, default_value_t = 64)]
    big: usize,
    /// The size of a big object in bytes.
    #[arg(long, default_value_t = 16 * 1024 * 1024)]
    big_size: usize,
    /// How many small objects.
    #[arg(long, default_value_t = 10_000)]
    small: usize,
    /// The size of a small object in bytes.
    #[arg(long, default_value_t = 4096)]
    small_size: usize,
    /// How often all big objects are downloaded within one measurement.
    #[arg(long, default_value_t = 2)]
    big_rounds: usize,
    /// The servers as NAME=URL; the others are compared with the first.
    #[arg(required = true, value_parser = server)]
    servers: Vec<(String, Url)>,
}

enum Size {
    Big,
    Small,
}

fn server(text: &str) -> Result<(String, Url), String> {
    let (name, url) = text.split_once('=').ok_or("write NAME=URL")?;
    Ok((name.to_owned(), url.parse()?))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let mut report = Report::new(args.servers.iter().map(|(name, _)| name.clone()).collect());
    for (_, url) in &args.servers {
        Connection::open(url)?.create_repository()?;
    }
    let mut big = Objects::new(args.big, args.big_size);
    let mut small = Objects::new(args.small, args.small_size);
    for run in 1..=args.runs {
        for (server, (name, url)) in args.servers.iter().enumerate() {
            eprintln!("run {run} of {}: {name}", args.runs);
            for (size, connections) in [(Size::Big, 1), (Size::Big, 4), (Size::Small, 4)] {
                let (objects, rounds) = match size {
                    Size::Big => (&mut big, args.big_rounds),
                    Size::Small => (&mut small, 1),
                };
                objects.renew();
                let label = objects.label(connections);
                let up = in_parallel(url, connections, objects, 1, |connection, object| {
                    connection.upload(object)
                })?;
                report.add(server, format!("up   {label}"), objects, 1, up);
                let down = in_parallel(url, connections, objects, rounds, |connection, object| {
                    connection.download(object)
                })?;
                report.add(server, format!("down {label}"), objects, rounds, down);
                in_parallel(url, 1, objects, 1, |connection, object| connection.verify(object))?;
                in_parallel(url, 4, objects, 1, |connection, object| connection.delete(object))?;
            }
        }
    }
    print!("{report}");
    Ok(())
}

/// Does the work on every object, `rounds` times, over so many connections at once; says how long that took. The
/// connections are opened before the clock starts.
#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn in_parallel(
    url: &Url,
    connections: usize,
    objects: &Objects,
    rounds: usize,
    work: impl Fn(&mut Connection, &Object) -> Result<(), Trouble> + Sync,
) -> Result<Duration, Trouble> {
    let mut opened = (0..connections)
        .map(|_| Connection::open(url))
        .collect::<Result<Vec<_>, _>>()?;
    let next = AtomicUsize::new(0);
    let total = objects.len() * rounds;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = opened
            .iter_mut()
            .map(|connection| {
                scope.spawn(|| -> Result<(), Trouble> {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= total {
                            return Ok(());
                        }
                        work(connection, objects.at(at % objects.len()))?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    Ok(start.elapsed())
}
