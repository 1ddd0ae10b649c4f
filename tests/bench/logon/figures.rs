//! What a piece prints: rate, median and 99th percentile, in one line that `run` reads.

use std::time::{Duration, Instant};

use crate::Failure;

/// Lets every one of the `workers` do its own until the time is over; prints "RATE P50 P99", per second and in milliseconds.
pub fn measure<W: Send + FnMut() -> Result<(), Failure>>(workers: Vec<W>, time: Duration) -> Result<(), Failure> {
    let start = Instant::now();
    let end = start + time;
    let took: Result<Vec<Vec<f64>>, Failure> = std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|mut work| {
                scope.spawn(move || {
                    let mut took = Vec::new();
                    loop {
                        let before = Instant::now();
                        if before >= end {
                            return Ok(took);
                        }
                        work()?;
                        took.push(before.elapsed().as_secs_f64() * 1e3);
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| Failure::from("a client panicked"))?)
            .collect()
    });
    let whole = start.elapsed().as_secs_f64();
    let mut took: Vec<f64> = took?.into_iter().flatten().collect();
    took.sort_by(f64::total_cmp);
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or(f64::NAN);
    println!("{:.1} {:.2} {:.2}", took.len() as f64 / whole, at(50), at(99));
    Ok(())
}
