//! Who has to wait after wrong tries (OWASP ASVS 5.0, 6.3.1; NIST SP 800-63B-4, section 3.2.2).
//!
//! A try is charged before it is compared, so that many at once cannot slip through, and forgiven when it was right. The wait
//! doubles up to 15 minutes and falls on a name *from one source*. All sources from which a person has not logged on lately share a
//! bucket besides: [`SHARED_TRIES`] at once, then one every [`SHARED_EVERY_SECONDS`], which is a hundred a day however many sources
//! there are. A source that is known to be the person's own is not held up by it, so nobody can lock another person out from elsewhere.
//! An unknown name is charged like a known one. docs/adr/0046 has the reasons.

use std::net::IpAddr;

use countersign_events::Timestamp;

use crate::{AccountId, Sha256};

/// The longest wait, in seconds.
pub const LONGEST_WAIT_SECONDS: i64 = 900;
/// The first wait, in seconds; each further failure doubles it.
pub const FIRST_WAIT_SECONDS: i64 = 30;

/// How many tries for one name may come at once from all sources together that are not known to be the person's own.
pub const SHARED_TRIES: u32 = 10;
/// How many seconds later each of them is forgotten: with those at once, a hundred in a day.
pub const SHARED_EVERY_SECONDS: i64 = 960;
/// How long a source is known after a logon from there, in seconds: 90 days.
pub const KNOWN_SECONDS: i64 = 90 * 24 * 3600;
/// After so many seconds without a try every counter has forgotten what it counted.
pub const FORGOTTEN_SECONDS: i64 = 24 * 3600;

/// What a try with a name and a password is charged to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The name from this source.
    pub name: Counter,
    /// The source, whatever the name.
    pub source: Counter,
    /// The name from all sources that are not known; none from one that is.
    pub shared: Option<Counter>,
}

impl Charged {
    /// For this name from this source; `known` says whether the person has logged on from there lately.
    pub fn of(name: &str, source: IpAddr, known: bool) -> Self {
        Self {
            name: Counter::NameFrom {
                name: name.to_owned(),
                source,
            },
            source: Counter::Source(source),
            shared: (!known).then(|| Counter::NameFromAnywhere(name.to_owned())),
        }
    }
}

/// By which the store knows a source as a person's own. Made of the name, like the counters, so that a name that nobody has is looked
/// up like one that somebody has.
pub fn known_source(name: &str, source: IpAddr) -> Sha256 {
    Sha256::of(format!("{} {}", hashed(name), network(source)).as_bytes())
}

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
    /// Tries for one name, as it was typed, from all sources together that are not known to be the person's own.
    NameFromAnywhere(String),
    /// Tries from one source, for whatever name.
    Source(IpAddr),
    /// One-time codes of one account from all sources that are not known to be the person's own. Only someone who knows the password,
    /// or is logged on, gets here.
    Code(AccountId),
    /// Unlocks of one account: each gives its tries back, so there must not be many.
    Unlocks(AccountId),
    /// One-time codes of one account from a source that is.
    CodeFrom {
        /// Whose.
        account: AccountId,
        /// From where.
        source: IpAddr,
    },
}

impl Counter {
    /// One-time codes of an account; `known` says whether the person has logged on from this source lately.
    pub const fn codes(account: AccountId, source: IpAddr, known: bool) -> Self {
        if known {
            Self::CodeFrom { account, source }
        } else {
            Self::Code(account)
        }
    }

    /// How many failures cost nothing.
    pub const fn free(&self) -> u32 {
        match self {
            Self::NameFrom { .. } | Self::Code(_) | Self::CodeFrom { .. } | Self::Unlocks(_) => 5,
            Self::NameFromAnywhere(_) => SHARED_TRIES,
            // Many people may share an address.
            Self::Source(_) => 20,
        }
    }

    /// After how many seconds without a failure the count starts anew.
    pub const fn forgotten_after_seconds(&self) -> i64 {
        match self {
            Self::NameFrom { .. } | Self::Code(_) | Self::CodeFrom { .. } | Self::Unlocks(_) => FORGOTTEN_SECONDS,
            Self::NameFromAnywhere(_) => SHARED_TRIES as i64 * SHARED_EVERY_SECONDS,
            Self::Source(_) => 3600,
        }
    }

    /// By which the store finds it.
    pub fn key(&self) -> String {
        match self {
            Self::NameFrom { name, source } => format!("name {} {}", hashed(name), network(*source)),
            Self::NameFromAnywhere(name) => format!("name {}", hashed(name)),
            Self::Source(source) => format!("source {}", network(*source)),
            Self::Code(account) => format!("code {account}"),
            Self::Unlocks(account) => format!("unlocks {account}"),
            Self::CodeFrom { account, source } => format!("code {account} {}", network(*source)),
        }
    }

    /// Whose counter it is, as [`Self::of_name`] and [`Self::of_account`] say it: by this an administrator unlocks.
    pub fn whose(&self) -> String {
        match self {
            Self::NameFrom { name, .. } | Self::NameFromAnywhere(name) => Self::of_name(name),
            Self::Source(source) => format!("source {}", network(*source)),
            Self::Code(account) | Self::CodeFrom { account, .. } => Self::of_account(*account),
            Self::Unlocks(account) => format!("unlocks {account}"),
        }
    }

    /// Whose counters those of this name are.
    pub fn of_name(name: &str) -> String {
        format!("name {}", hashed(name))
    }

    /// Whose counters those of this account's codes are.
    pub fn of_account(account: AccountId) -> String {
        format!("code {account}")
    }

    /// Charges one try. `before` is what the store has; the result is what it must have after.
    pub fn charge(&self, before: Option<Attempts>, now: Timestamp) -> Result<Attempts, Throttled> {
        if let Self::NameFromAnywhere(_) = self {
            return poured(before, now);
        }
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

/// Charges the bucket: what it holds runs out, one try every [`SHARED_EVERY_SECONDS`].
fn poured(before: Option<Attempts>, now: Timestamp) -> Result<Attempts, Throttled> {
    let every = SHARED_EVERY_SECONDS * 1_000_000;
    let held = before.map_or(0, |attempts| {
        let gone = now.0.saturating_sub(attempts.last_at.0).max(0) / every;
        i64::from(attempts.failures).saturating_sub(gone).max(0)
    });
    // What ran out by halves still counts: the moment moves by whole tries.
    let since = match before {
        Some(attempts) if held > 0 => Timestamp(now.0 - (now.0.saturating_sub(attempts.last_at.0)).max(0) % every),
        _ => now,
    };
    if held >= i64::from(SHARED_TRIES) {
        let until = since.plus_seconds(SHARED_EVERY_SECONDS);
        return Err(Throttled { until });
    }
    Ok(Attempts {
        failures: u32::try_from(held).unwrap_or(SHARED_TRIES).saturating_add(1),
        last_at: since,
    })
}

/// A name is kept as its hash: people type passwords in the wrong field.
fn hashed(name: &str) -> String {
    Sha256::of(name.trim().to_lowercase().as_bytes()).to_hex()
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

    /// Every counter by its key, as the store keeps them; tries are charged as the server charges them.
    #[derive(Default, Clone)]
    struct Kept(std::collections::BTreeMap<String, Attempts>);

    impl Kept {
        fn charge(&mut self, counter: &Counter, now: Timestamp) -> Result<(), Throttled> {
            let after = counter.charge(self.0.get(&counter.key()).copied(), now)?;
            self.0.insert(counter.key(), after);
            Ok(())
        }

        /// A wrong try for ann: whether it is looked at.
        fn wrong(&mut self, source: IpAddr, known: bool, now: Timestamp) -> Result<(), Throttled> {
            let charged = Charged::of("ann", source, known);
            let (name, source) = (self.charge(&charged.name, now), self.charge(&charged.source, now));
            name.and(source)?;
            charged.shared.map_or(Ok(()), |shared| self.charge(&shared, now))
        }
    }

    proptest! {
        /// However many sources try and whenever: at most a hundred of their tries for one name are looked at in any day, and none of them
        /// is told to wait for longer than the bound.
        #[test]
        fn req_29_a_hundred_a_day_are_looked_at_from_all_sources_together(
            tries in prop::collection::vec((0_i64..400, 0_u32..60), 200..900),
        ) {
            let (mut kept, mut now, mut looked_at) = (Kept::default(), Timestamp(0), Vec::new());
            for (gap, source) in tries {
                now = now.plus_seconds(gap);
                match kept.wrong(IpAddr::from(source.to_be_bytes()), false, now) {
                    Ok(()) => looked_at.push(now),
                    Err(throttled) => prop_assert!(throttled.seconds_from(now) <= SHARED_EVERY_SECONDS),
                }
                let day = looked_at.iter().filter(|at| at.plus_seconds(24 * 3600) >= now).count();
                prop_assert!(day <= 100, "{} tries in a day", day);
            }
            prop_assert!(looked_at.len() >= SHARED_TRIES as usize);
        }

        /// Nobody can keep a person out from elsewhere: whatever others try, a source that is the person's own fares as if nobody
        /// else were there.
        #[test]
        fn req_29_what_others_try_does_not_hold_up_a_known_source(
            tries in prop::collection::vec((0_i64..120, 0_u32..40), 0..400),
            own in prop::collection::vec(0_i64..2000, 1..40),
        ) {
            let home = IpAddr::from([198, 51, 100, 9]);
            let mut own_at = Timestamp(0);
            let own: Vec<_> = own.into_iter().map(|gap| { own_at = own_at.plus_seconds(gap); own_at }).collect();
            let alone: Vec<_> = own.iter().scan(Kept::default(), |kept, at| Some(kept.wrong(home, true, *at))).collect();
            let (mut kept, mut now, mut attackers) = (Kept::default(), Timestamp(0), tries.into_iter());
            let mut among_others = Vec::new();
            for at in own {
                for (gap, source) in attackers.by_ref() {
                    let _ = kept.wrong(IpAddr::from(source.to_be_bytes()), false, now);
                    now = now.plus_seconds(gap);
                    if now >= at {
                        break;
                    }
                }
                among_others.push(kept.wrong(home, true, at));
            }
            prop_assert_eq!(alone, among_others);
        }
    }

    #[test]
    fn the_shared_bucket_runs_out_by_and_by() {
        let shared = Counter::NameFromAnywhere("ann".into());
        let mut attempts = None;
        for _ in 0..SHARED_TRIES {
            attempts = Some(shared.charge(attempts, Timestamp(0)).unwrap());
        }
        let at = |seconds| Timestamp(0).plus_seconds(seconds);
        assert_eq!(
            shared.charge(attempts, at(SHARED_EVERY_SECONDS - 1)),
            Err(Throttled {
                until: at(SHARED_EVERY_SECONDS)
            })
        );
        let next = shared.charge(attempts, at(SHARED_EVERY_SECONDS + 300)).unwrap();
        assert_eq!(next.failures, SHARED_TRIES);
        assert_eq!(
            shared.charge(Some(next), at(SHARED_EVERY_SECONDS + 301)),
            Err(Throttled {
                until: at(2 * SHARED_EVERY_SECONDS)
            })
        );
        let rested = shared.charge(Some(next), at(20 * SHARED_EVERY_SECONDS)).unwrap();
        assert_eq!((rested.failures, rested.last_at), (1, at(20 * SHARED_EVERY_SECONDS)));
        // The clock was set back: nothing is won by it.
        assert!(shared.charge(attempts, at(-3600)).is_err());
    }

    #[test]
    fn whose_a_counter_is_stays_the_same_from_everywhere() {
        let (home, away) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let one = Charged::of(" ANN ", home, false);
        assert_eq!(one.name.whose(), Counter::of_name("ann"));
        assert_eq!(one.shared.unwrap().whose(), Counter::of_name("ann"));
        assert_ne!(one.source.whose(), Counter::of_name("ann"));
        assert_eq!(Charged::of("ann", home, true).shared, None);
        for counter in [
            Counter::codes(AccountId(7), home, true),
            Counter::codes(AccountId(7), home, false),
        ] {
            assert_eq!(counter.whose(), Counter::of_account(AccountId(7)));
        }
        assert_ne!(
            Counter::codes(AccountId(7), home, true).key(),
            Counter::codes(AccountId(7), away, true).key()
        );
        assert_eq!(known_source("ANN", home), known_source("ann ", home));
        assert_ne!(known_source("ann", home), known_source("ann", away));
        assert_ne!(known_source("ann", home), known_source("eve", home));
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
