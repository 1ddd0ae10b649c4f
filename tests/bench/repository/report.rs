//! The table at the end.

use std::fmt;
use std::time::Duration;

use crate::objects::Objects;

/// Every measurement, by what was measured and by server.
pub struct Report {
    servers: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    /// Seconds per server and run.
    seconds: Vec<Vec<f64>>,
    bytes: f64,
    objects: f64,
    per_second: PerSecond,
}

/// Which figure says more.
enum PerSecond {
    Megabytes,
    Objects,
}

impl Report {
    pub fn new(servers: Vec<String>) -> Self {
        Self {
            servers,
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, server: usize, what: String, objects: &Objects, rounds: usize, took: Duration) {
        let at = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            let bytes = (objects.total_bytes() * rounds) as f64;
            let count = (objects.len() * rounds) as f64;
            let big = bytes / count >= 1e6;
            self.rows.push(Row {
                what,
                seconds: vec![Vec::new(); self.servers.len()],
                bytes,
                objects: count,
                per_second: if big { PerSecond::Megabytes } else { PerSecond::Objects },
            });
            self.rows.len() - 1
        });
        self.rows[at].seconds[server].push(took.as_secs_f64());
    }
}

impl Row {
    fn figure(&self, server: usize) -> f64 {
        let seconds = median(&self.seconds[server]);
        match self.per_second {
            PerSecond::Megabytes => self.bytes / 1e6 / seconds,
            PerSecond::Objects => self.objects / seconds,
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (len, half) if len % 2 == 1 => sorted[half],
        (_, half) => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<34}", "median (ratio to the first)")?;
        for server in &self.servers {
            write!(f, "{server:>26}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:<34}", row.what)?;
            for server in 0..self.servers.len() {
                let unit = match row.per_second {
                    PerSecond::Megabytes => "MB/s",
                    PerSecond::Objects => "1/s",
                };
                let ratio = row.figure(server) / row.figure(0);
                write!(f, "{:>14.0} {unit:<4}({ratio:.2}) ", row.figure(server))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
