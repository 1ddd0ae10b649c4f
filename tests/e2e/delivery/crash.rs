//! kill -9 of the sender, of the receiver and of both, at random moments, while events are recorded: nothing is lost, and
//! but for repeats everything arrives in order.
//!
//! 60 rounds by default; `COUNTERSIGN_DELIVERY_KILLS=1000` kills more often, `COUNTERSIGN_DELIVERY_KILL_SEED=7` at other moments.

use std::{collections::BTreeMap, thread, time::Duration};

use countersign_core::receiver::Transport;
use countersign_events::Event;

use super::load::Load;
use crate::support::{
    clock::{at_the_moment, eventually},
    rsyslog::{Rsyslog, Way},
    sending::{Sending, plain},
    trees::Random,
};

/// The ways that promise to lose nothing when a process dies.
const WAYS: [(&str, Way, Transport); 3] = [
    ("relp", Way::Relp, Transport::Relp),
    ("octets", Way::Tcp, Transport::TcpOctets),
    ("lines", Way::Tcp, Transport::TcpLf),
];

#[test]
fn killed_at_any_moment_sender_and_receiver_lose_no_event() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let mut ordeal = Ordeal::begin(number("COUNTERSIGN_DELIVERY_KILL_SEED", 1));
    let rounds = number("COUNTERSIGN_DELIVERY_KILLS", 60);
    for victim in VICTIMS.into_iter().cycle().take(usize::try_from(rounds).unwrap()) {
        ordeal.round(victim);
    }
    ordeal.end();
}

/// Who is killed. In turn, so that after a receiver's death no sender waits longer and longer between its tries.
const VICTIMS: [Victim; 3] = [Victim::Receiver, Victim::Sender, Victim::Both];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Sender,
    Receiver,
    Both,
}

struct Ordeal {
    seed: u64,
    random: Random,
    rsyslog: Rsyslog,
    sending: Sending,
    load: Load,
    /// The highest number seen of each way.
    highest: [u64; WAYS.len()],
    /// How many of each were killed, and how many of them while something was on its way.
    killed: BTreeMap<Victim, (u32, u32)>,
}

impl Ordeal {
    fn begin(seed: u64) -> Self {
        let rsyslog = Rsyslog::start_raw(&WAYS.map(|(name, way, _)| (name, way)));
        let mut sending = Sending::with("");
        let receivers = WAYS.map(|(name, _, transport)| {
            let mut spec = plain(name, transport, &rsyslog.address(name));
            spec.options.sequence = true;
            spec
        });
        sending.add(receivers.into());
        sending.record(Event::examples());
        sending.server.start();
        let load = Load::start(&sending.server.origin());
        Self {
            seed,
            random: Random::new(seed),
            rsyslog,
            sending,
            load,
            highest: [0; WAYS.len()],
            killed: BTreeMap::new(),
        }
    }

    fn round(&mut self, victim: Victim) {
        let under_way = self.wait_for_a_moment();
        let killed = self.killed.entry(victim).or_default();
        killed.0 += 1;
        killed.1 += u32::from(under_way);
        if victim != Victim::Sender {
            self.rsyslog.kill();
        }
        if victim == Victim::Both {
            // Some time in which the sender writes to nobody, or none.
            thread::sleep(self.up_to(Duration::from_millis(20)));
        }
        if victim != Victim::Receiver {
            self.sending.server.kill();
        }
        // Whoever comes back first has nobody to talk to for a while.
        let receiver_first = self.random.below(2) == 0;
        if victim != Victim::Sender && receiver_first {
            self.rsyslog.restart();
        }
        if victim != Victim::Receiver {
            self.record_some();
            self.sending.server.start();
        }
        if victim != Victim::Sender && !receiver_first {
            thread::sleep(self.up_to(Duration::from_millis(200)));
            self.rsyslog.restart();
        }
    }

    /// Waits for a random moment: soon, or when a way has got so much further. True when messages came in just then.
    fn wait_for_a_moment(&mut self) -> bool {
        // The first as often as the others together: it has no repeats to be at work on for long.
        let at = self.random.below(2 * WAYS.len() - 2).saturating_sub(WAYS.len() - 2);
        let way = WAYS[at].0;
        let before = self.rsyslog.progress(way);
        match self.random.below(4) {
            0 => {
                thread::sleep(self.up_to(Duration::from_millis(50)));
                self.rsyslog.progress(way) > before
            }
            // So many octets, most of them repeats over TCP.
            1 | 2 => {
                let more = u64::try_from(1 + self.random.below(100_000)).unwrap();
                at_the_moment(&format!("{more} octets by {way}"), || {
                    (self.rsyslog.progress(way) >= before + more).then_some(())
                });
                true
            }
            // So many events that were not there before.
            _ => {
                let wanted = self.highest[at] + u64::try_from(1 + self.random.below(150)).unwrap();
                self.highest[at] = at_the_moment(&format!("event {wanted} by {way}"), || {
                    let line = self.rsyslog.last_line(way)?;
                    number(line.as_bytes()).filter(|number| *number >= wanted)
                });
                true
            }
        }
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let micros = usize::try_from(most.as_micros()).unwrap();
        Duration::from_micros(u64::try_from(self.random.below(micros)).unwrap())
    }

    /// What a busy server would have recorded just before it died; at times so much that whoever is killed next is at work on it.
    fn record_some(&mut self) {
        let examples = Event::examples();
        let most = if self.random.below(2) == 0 { 100 } else { 1500 };
        let events = (0..self.random.below(most))
            .map(|_| self.random.pick(&examples).clone())
            .collect();
        self.sending.record(events);
    }

    fn end(self) {
        let Self {
            seed,
            rsyslog,
            sending,
            load,
            killed,
            ..
        } = self;
        let answered = load.stop();
        let recorded: Vec<(u64, String)> = sending
            .tail_json()
            .iter()
            .map(|event| event["seq"].as_u64().expect("a number"))
            .zip(sending.tail())
            .collect();
        assert!(
            u64::try_from(recorded.len()).unwrap() > answered,
            "an answer without its event"
        );
        println!("seed {seed}: {} events, {answered} of them by requests", recorded.len());
        for (victim, (times, under_way)) in killed {
            println!("killed {victim:?} {times} times, {under_way} of them while messages came in");
        }
        let last = recorded.last().expect("events").0;
        for (way, ..) in WAYS {
            eventually(&format!("event {last} by {way}"), || {
                (number(rsyslog.last_line(way)?.as_bytes())? == last).then_some(())
            });
            let arrived = String::from_utf8(rsyslog.lines(way)).expect("UTF-8");
            expect_all(way, &recorded, arrived.lines());
        }
    }
}

/// Every recorded event is there as it was recorded; at its first time, all before it have been there.
#[track_caller]
fn expect_all<'a>(way: &str, recorded: &[(u64, String)], arrived: impl Iterator<Item = &'a str>) {
    let mut missing = recorded.iter();
    let mut seen = 0;
    let mut repeats = 0;
    for line in arrived {
        let at = number(line.as_bytes()).unwrap_or_else(|| panic!("{way}: no event: {line}"));
        if at <= seen {
            repeats += 1;
            continue;
        }
        let (sequence, message) = missing.next().unwrap_or_else(|| panic!("{way}: not recorded: {line}"));
        assert_eq!(at, *sequence, "{way}: an event is lost, or comes too early");
        let numbered = format!(" EventSequence=\"{at}\" VbrHostName=");
        assert_eq!(line, message.replacen(" VbrHostName=", &numbered, 1), "{way}");
        seen = at;
    }
    assert_eq!(missing.len(), 0, "{way}: lost at the end");
    println!("{way}: 0 lost, {repeats} repeats");
}

/// The number of the event that a message tells.
fn number(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b" EventSequence=\"";
    let start = line.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let digits = line[start..].split(|byte| *byte == b'"').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
