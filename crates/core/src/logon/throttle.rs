//! Who has to wait after wrong tries (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, section 3.2.2).
//!
//! A try is charged before it is compared, so that many at once cannot slip through, and forgiven when it was right. The wait
//! doubles up to 15 minutes and falls on a name *from one source*: nobody can lock another person out from elsewhere.
//! An unknown name is charged like a known one.

use std::net::IpAddr;

use countersign_events::Timestamp;

use crate::{AccountId, Sha256};

/// The longest wait, in seconds.
pub const LONGEST_WAIT_SECONDS: i64 = 900;
/// The first wait, in seconds; each further failure doubles it.
pub const FIRST_WAIT_SECONDS: i64 = 30;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counter {
    /// Tries for one name from one source.
    NameFrom {
        /// As it was typed.
        name: String,
        /// From where.
        source: IpAddr,
    },
    /// Tries from one source, for whatever name.
    Source(IpAddr),
    /// One-time codes of one account. Only someone who knows its password, or is logged on, gets here.
    Code(AccountId),
}

impl Counter {
    /// How many failures cost nothing.
    pub const fn free(&self) -> u32 {
        match self {
            Self::NameFrom { .. } | Self::Code(_) => 5,
            // Many people may share an address.
            Self::Source(_) => 20,
        }
    }

    /// After how many seconds without a failure the count starts anew.
    pub const fn forgotten_after_seconds(&self) -> i64 {
        match self {
            Self::NameFrom { .. } | Self::Code(_) => 24 * 3600,
            Self::Source(_) => 3600,
        }
    }

    /// By which the store finds it. A name is kept as its hash: people type passwords in the wrong field.
    pub fn key(&self) -> String {
        match self {
            Self::NameFrom { name, source } => {
                let name = Sha256::of(name.trim().to_lowercase().as_bytes()).to_hex();
                format!("name {name} {}", network(*source))
            }
            Self::Source(source) => format!("source {}", network(*source)),
            Self::Code(account) => format!("code {account}"),
        }
    }

    /// Charges one try. `before` is what the store has; the result is what it must have after.
    pub fn charge(&self, before: Option<Attempts>, now: Timestamp) -> Result<Attempts, Throttled> {
        let before = before.filter(|attempts| now < attempts.last_at.plus_seconds(self.forgotten_after_seconds()));
        let failures = match before {
            None => 0,
            Some(attempts) => {
                let until = attempts.last_at.plus_seconds(self.wait_seconds(attempts.failures));
                if now < until {
                    return Err(Throttled { until });
                }
                attempts.failures
            }
        };
        Ok(Attempts {
            failures: failures.saturating_add(1),
            last_at: now,
        })
    }

    /// Whether the next try has to wait after this many failures.
    pub const fn exhausted(&self, attempts: Attempts) -> bool {
        self.wait_seconds(attempts.failures) > 0
    }

    const fn wait_seconds(&self, failures: u32) -> i64 {
        match failures.checked_sub(self.free()) {
            None => 0,
            Some(beyond) if beyond < 5 => FIRST_WAIT_SECONDS << beyond,
            Some(_) => LONGEST_WAIT_SECONDS,
        }
    }
}

/// A source is one IPv4 address or one IPv6 /64, which is what a single site has.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

/// What the store keeps for a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// Failures in a row.
    pub failures: u32,
    /// When the last was.
    pub last_at: Timestamp,
}

/// It is too early for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tries: wait and try again")]
pub struct Throttled {
    /// When the next is looked at.
    pub until: Timestamp,
}

impl Throttled {
    /// How many seconds that is from now, at least 1.
    pub const fn seconds_from(self, now: Timestamp) -> i64 {
        let micros = self.until.0.saturating_sub(now.0);
        let seconds = micros.saturating_add(999_999) / 1_000_000;
        if seconds < 1 { 1 } else { seconds }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ann() -> Counter {
        Counter::NameFrom {
            name: "ann".into(),
            source: IpAddr::from([192, 0, 2, 1]),
        }
    }

    #[test]
    fn req_29_five_are_free_then_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let mut now = Timestamp(0);
        let mut attempts = None;
        for _ in 0..5 {
            attempts = Some(ann().charge(attempts, now).unwrap());
        }
        for wait in [30, 60, 120, 240, 480, 900, 900, 900] {
            assert_eq!(
                ann().charge(attempts, now.plus_seconds(wait - 1)),
                Err(Throttled {
                    until: now.plus_seconds(wait)
                })
            );
            now = now.plus_seconds(wait);
            attempts = Some(ann().charge(attempts, now).unwrap());
        }
        let next_day = now.plus_seconds(24 * 3600);
        assert_eq!(ann().charge(attempts, next_day).unwrap().failures, 1);
    }

    proptest! {
        /// However the tries fall: nobody waits more than 15 minutes, and a day has room for about a hundred.
        #[test]
        fn req_29_nobody_waits_long_and_nobody_tries_often(gaps in prop::collection::vec(0i64..2000, 1..400)) {
            let mut now = Timestamp(0);
            let mut attempts = None;
            let mut looked_at = Vec::new();
            for gap in gaps {
                now = now.plus_seconds(gap);
                match ann().charge(attempts, now) {
                    Ok(after) => {
                        attempts = Some(after);
                        looked_at.push(now);
                    }
                    Err(throttled) => prop_assert!(throttled.seconds_from(now) <= LONGEST_WAIT_SECONDS),
                }
                let day = looked_at.iter().filter(|at| at.plus_seconds(24 * 3600) > now).count();
                prop_assert!(day <= 5 + 5 + 96 + 1, "{} tries in a day", day);
            }
        }
    }

    #[test]
    fn a_source_is_an_address_or_a_network_of_ipv6() {
        let key = |text: &str| Counter::Source(text.parse().unwrap()).key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn a_name_is_not_kept_as_it_was_typed() {
        let counter = |name: &str| {
            Counter::NameFrom {
                name: name.into(),
                source: IpAddr::from([192, 0, 2, 1]),
            }
            .key()
        };
        assert_eq!(counter("ANN"), counter(" ann "));
        assert!(!counter("hunter2hunter2").contains("hunter2"));
    }
}
