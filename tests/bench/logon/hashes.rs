//! The bare work: as many passwords compared as the machine can, on as many threads as the server takes for it.

use std::time::Duration;

use clap::Args;
use countersign_core::AccountId;
use countersign_core::password::{self, PasswordHash};

use crate::figures::measure;
use crate::fill::PASSWORD;
use crate::{Failure, fill};

#[derive(Args)]
pub struct Hashes {
    #[arg(long, default_value_t = 2)]
    threads: u32,
    #[arg(long)]
    seconds: u64,
    /// Print the parameters alone
    #[arg(long)]
    parameters: bool,
}

impl Hashes {
    pub fn run(self) -> Result<(), Failure> {
        let hash = PasswordHash::new(PASSWORD, &fill::Salt)?;
        if self.parameters {
            let parts: Vec<_> = hash
                .as_str()
                .split('$')
                .filter(|part| !part.is_empty())
                .take(3)
                .collect();
            println!("{}", parts.join(" "));
            return Ok(());
        }
        let workers = (0..self.threads)
            .map(|_| {
                let hash = hash.clone();
                move || match password::verify(Some((AccountId(1), &hash)), PASSWORD)? {
                    Some(_) => Ok(()),
                    None => Err(Failure::from("the password does not fit")),
                }
            })
            .collect();
        measure(workers, Duration::from_secs(self.seconds))
    }
}
