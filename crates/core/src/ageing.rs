//! Ageing: the one time that lets requests expire, reminders come due, accounts settle, undo windows and retention locks end.
//!
//! It is the wall clock's time as long as that goes with the clock that nobody sets ([`Reading::running`]). When the wall clock jumps
//! by more than a minute, ageing stands still until people confirm the clock, and then goes on from where it stood: every deadline
//! moves along, so that what was left of each span is left of it still ([`Correction`]). Whoever sets the clock gains nothing by it.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_events::Timestamp;

use crate::clock::{Clock, Moment, Reading};

/// By how many microseconds the wall clock may be set at once, or in small steps altogether, without a question: a minute.
pub const MOST_STEP: i64 = 60 * SECOND;

/// Of how much time one part of small steps is forgotten: 10 s each hour. More than the worst of clocks is off, and little enough
/// that whoever walks the clock gains less than five minutes a day.
pub const FORGOTTEN_ONE_IN: i64 = 360;

/// Readings closer together than this, in microseconds, are compared with the same anchor, so that nothing is lost by rounding.
const ANCHOR_EVERY: i64 = SECOND;

const SECOND: i64 = 1_000_000;

/// What is known of the clock: the last reading, to which the next is compared, and how far ageing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ageing {
    /// The last reading. It slides along: what is compared is the step since then.
    pub last: Reading,
    /// How far ageing has come. Never goes back, but by a confirmation, and then all deadlines with it.
    pub reached: Timestamp,
    /// By how much small steps have set the wall clock and are not forgotten yet, in microseconds, signed.
    pub walked: i64,
    /// How many jumps there were, ever: tells one jump from another.
    pub jumps: i64,
    /// Set while ageing stands still.
    pub stopped: Option<Stopped>,
}

/// The wall clock jumped, and nobody has confirmed it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// What the clock would have shown without the first jump since it was confirmed last.
    pub before: Timestamp,
    /// What it showed instead after the last one.
    pub after: Timestamp,
    /// The time at the last reading as it would be without any jump.
    pub steady: Timestamp,
}

/// What passed between two readings.
struct Passed {
    /// As far as it is known, in microseconds, never negative.
    elapsed: i64,
    /// By how much the wall clock was set meanwhile.
    step: i64,
    /// A clock since boot that runs back is none.
    trusted: bool,
}

impl Ageing {
    /// A clock that is seen for the first time. It is taken at its word.
    pub const fn begin(reading: Reading) -> Self {
        Self {
            last: reading,
            reached: reading.wall,
            walked: 0,
            jumps: 0,
            stopped: None,
        }
    }

    /// What is known after the next reading.
    pub fn at(self, reading: Reading) -> Self {
        let passed = self.passed(&reading);
        if passed.trusted
            && reading.boot == self.last.boot
            && passed.elapsed < ANCHOR_EVERY
            && passed.step.abs() <= SECOND
        {
            return Self {
                reached: self.reached_with(reading.wall),
                ..self
            };
        }
        let forgotten = (passed.elapsed / FORGOTTEN_ONE_IN).min(self.walked.saturating_abs());
        let walked = (self.walked - self.walked.signum() * forgotten).saturating_add(passed.step);
        let at_once = passed.step.saturating_abs() > MOST_STEP;
        if passed.trusted && !at_once && walked.saturating_abs() <= MOST_STEP {
            return Self {
                last: reading,
                reached: self.reached_with(reading.wall),
                walked,
                stopped: self.stopped.map(|stopped| stopped.later(passed.elapsed)),
                ..self
            };
        }
        // Of a walk all steps are told.
        let set_by = if at_once { passed.step } else { walked };
        let expected = plus(self.last.wall, passed.elapsed);
        let first = Stopped {
            before: plus(reading.wall, set_by.saturating_neg()),
            after: reading.wall,
            steady: expected,
        };
        Self {
            last: reading,
            reached: self.reached_with(expected),
            walked: 0,
            jumps: self.jumps.saturating_add(1),
            stopped: Some(self.stopped.map_or(first, |stopped| Stopped {
                after: reading.wall,
                ..stopped.later(passed.elapsed)
            })),
        }
    }

    fn passed(&self, reading: &Reading) -> Passed {
        let shown = reading.wall.0.saturating_sub(self.last.wall.0);
        if reading.boot != self.last.boot {
            // How long the machine was off only the wall clock can say; but not less than nothing.
            return Passed {
                elapsed: shown.max(0),
                step: shown.min(0),
                trusted: true,
            };
        }
        let elapsed = reading.running.saturating_sub(self.last.running);
        Passed {
            elapsed: elapsed.max(0),
            step: shown.saturating_sub(elapsed.max(0)),
            trusted: elapsed >= 0,
        }
    }

    fn reached_with(&self, wall: Timestamp) -> Timestamp {
        match self.stopped {
            None => self.reached.max(wall),
            Some(_) => self.reached,
        }
    }

    /// This moment, by a reading that [`Self::at`] was just told of. `now` is what is recorded.
    pub fn moment(&self, now: Timestamp, reading: Reading) -> Moment {
        let since = reading.running.saturating_sub(self.last.running).max(0);
        Moment {
            now,
            ageing: self.reached,
            steady: self.stopped.map_or(now, |stopped| stopped.later(since).steady),
        }
    }

    /// People say that the clock is right now: ageing goes on. None when it does not stand still.
    pub fn confirmed(self, reading: Reading) -> Option<(Self, Correction)> {
        self.stopped?;
        let correction = Correction {
            stood_at: self.reached,
            resumed_at: reading.wall,
        };
        Some((
            Self {
                jumps: self.jumps,
                ..Self::begin(reading)
            },
            correction,
        ))
    }
}

impl Stopped {
    const fn later(self, elapsed: i64) -> Self {
        Self {
            steady: plus(self.steady, elapsed),
            ..self
        }
    }
}

/// Ageing went on at another time than it stood at: a clock that jumped was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// How far it had come.
    pub stood_at: Timestamp,
    /// What the confirmed clock showed.
    pub resumed_at: Timestamp,
}

impl Correction {
    /// By how many microseconds every deadline moves with it, so that what was left of each span is left of it still.
    pub const fn shift(&self) -> i64 {
        self.resumed_at.0.saturating_sub(self.stood_at.0)
    }

    /// When something that was recorded at a time would have been recorded by the clock as it was confirmed: what came before the
    /// jump moves along, what came while ageing stood still begins when it goes on. Never earlier, so that no lock gets shorter.
    fn carried(&self, recorded: Timestamp) -> Timestamp {
        if self.shift() <= 0 {
            recorded
        } else if recorded <= self.stood_at {
            plus(recorded, self.shift())
        } else {
            recorded.max(self.resumed_at)
        }
    }

    /// The first time that is carried to this one or a later one.
    fn before_it(&self, carried: Timestamp) -> Timestamp {
        if self.shift() <= 0 || carried > self.resumed_at {
            carried
        } else {
            plus(carried, self.shift().saturating_neg())
        }
    }
}

/// By which time something ages that was recorded at this one; `corrections` in their order.
pub fn ages_from(corrections: &[Correction], recorded: Timestamp) -> Timestamp {
    corrections
        .iter()
        .fold(recorded, |recorded, correction| correction.carried(recorded))
}

/// The first recorded time that ages from this one or later: what was recorded before it is older.
pub fn recorded_from(corrections: &[Correction], ages_from: Timestamp) -> Timestamp {
    corrections
        .iter()
        .rev()
        .fold(ages_from, |carried, correction| correction.before_it(carried))
}

const fn plus(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp(time.0.saturating_add(micros))
}

/// The clock with what is known of it, shared by all who ask for the time that ages.
pub struct AgeingClock {
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

struct Known {
    ageing: Ageing,
    /// Set while a confirmation is being committed: until it is known whether it was, ageing is what is the less of both.
    confirming: Option<Timestamp>,
}

impl AgeingClock {
    /// A clock of which this is known from before; nothing where it is seen for the first time.
    pub fn new(clock: Arc<dyn Clock>, known: Option<Ageing>) -> Self {
        let reading = clock.reading();
        let ageing = known.map_or_else(|| Ageing::begin(reading), |known| known.at(reading));
        Self {
            clock,
            known: Mutex::new(Known {
                ageing,
                confirming: None,
            }),
        }
    }

    /// Looks at the clock. What is recorded is `now`.
    pub fn moment(&self, now: Timestamp) -> Moment {
        let (known, reading) = self.look();
        let moment = known.ageing.moment(now, reading);
        Moment {
            ageing: known.confirming.map_or(moment.ageing, |other| moment.ageing.min(other)),
            ..moment
        }
    }

    /// Looks at the clock; what is known of it then. None while a confirmation is being committed.
    pub fn known(&self) -> Option<Ageing> {
        let (known, _) = self.look();
        known.confirming.is_none().then_some(known.ageing)
    }

    /// Begins a confirmation: what is to be kept of it, if ageing still stands still by this jump. [`Self::resume`] ends it.
    pub fn confirm(&self, jump: i64) -> Option<(Ageing, Correction)> {
        let (mut known, reading) = self.look();
        if known.ageing.jumps != jump || known.confirming.is_some() {
            return None;
        }
        let (ageing, correction) = known.ageing.confirmed(reading)?;
        known.confirming = Some(correction.resumed_at);
        Some((ageing, correction))
    }

    /// Whether a confirmation was begun and not ended.
    pub fn is_confirming(&self) -> bool {
        self.lock().confirming.is_some()
    }

    /// Ends a confirmation by what was kept, whether it was committed or not.
    pub fn resume(&self, kept: Ageing) {
        let mut known = self.lock();
        if known.confirming.take().is_some() {
            known.ageing = kept.at(self.clock.reading());
        }
    }

    /// Read while it is locked, so that no reading is older than the one before.
    fn look(&self) -> (std::sync::MutexGuard<'_, Known>, Reading) {
        let mut known = self.lock();
        let reading = self.clock.reading();
        known.ageing = known.ageing.at(reading);
        (known, reading)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
