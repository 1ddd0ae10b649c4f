//! What a supervisor sees before deciding: what goes, what stays, and what is out of the ordinary. Numbers in, warnings out.
//!
//! The numbers are taken when a request is sealed and kept with its [`Summary`], so that a list of requests reads nothing else; the
//! request's own page takes what stays anew.

use std::collections::BTreeMap;

use countersign_events::{Operation, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ObjectKind;
use crate::request::{KindSum, Summary};

/// How far back a habit is looked for, in weeks.
pub const HABIT_WEEKS: usize = 12;

/// How many clients are named whose last snapshot goes.
pub const NAMED_CLIENTS: usize = 8;

const WEEK_SECONDS: i64 = 7 * 86_400;

/// Beyond what it takes away, what there is to know of a request about objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Whether the backup itself goes.
    pub whole: bool,
    /// When the oldest and the newest snapshot that would go were received.
    pub lost: Option<(Timestamp, Timestamp)>,
    /// What stays for clients.
    pub left: Left,
    /// The clients, by their accounts' names, of which no snapshot stays: the first few of them.
    pub last_copies: Vec<String>,
    /// How many such clients there are.
    pub last_copy_count: u64,
    /// What this account usually has deleted here; none when nothing was ever approved.
    pub habit: Option<Habit>,
    /// What the same account asked for here in the seven days before, approved or waiting.
    pub week: Deletes,
    /// How far apart snapshots usually come, in seconds; none when too few are there.
    pub rhythm_seconds: Option<i64>,
}

/// What stays of a backup for its clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// By kind.
    pub kinds: Vec<KindSum>,
    /// When the newest of its snapshots was received.
    pub newest: Option<Timestamp>,
}

impl Left {
    /// How many of a kind stay.
    pub fn of(&self, kind: ObjectKind) -> u64 {
        let of_it = self.kinds.iter().filter(|sum| sum.kind == kind);
        of_it.map(|sum| sum.objects).sum()
    }

    /// How many bytes stay.
    pub fn bytes(&self) -> u64 {
        self.kinds.iter().fold(0, |bytes, sum| bytes.saturating_add(sum.bytes))
    }
}

/// What several requests take away together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletes {
    /// How many requests.
    pub requests: u64,
    /// Their snapshots.
    pub snapshots: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Deletes {
    fn add(&mut self, other: &Earlier) {
        self.requests += 1;
        self.snapshots = self.snapshots.saturating_add(other.snapshots);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What an account usually has deleted in a backup: the median week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Habit {
    /// Over how many weeks, 1 to 12.
    pub weeks: u64,
    /// Snapshots in the median week.
    pub snapshots: u64,
    /// Bytes in the median week.
    pub bytes: u64,
}

/// An earlier request of the same account in the same backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// When it was made.
    pub at: Timestamp,
    /// Whether it was approved; otherwise it waits.
    pub approved: bool,
    /// How many snapshots it took away.
    pub snapshots: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// The habit in earlier requests, and what was asked for in the last seven days. Weeks are counted back from now, as far as the oldest
/// approved request of the last twelve; a week without any counts as one with nothing.
pub fn habit(earlier: &[Earlier], now: Timestamp) -> (Option<Habit>, Deletes) {
    let mut weeks: BTreeMap<usize, Deletes> = BTreeMap::new();
    let mut week = Deletes::default();
    for request in earlier {
        let ago = now.0.saturating_sub(request.at.0).max(0) / 1_000_000 / WEEK_SECONDS;
        let ago = usize::try_from(ago).unwrap_or(usize::MAX);
        if ago == 0 {
            week.add(request);
        }
        if request.approved && ago < HABIT_WEEKS {
            weeks.entry(ago).or_default().add(request);
        }
    }
    let Some(oldest) = weeks.keys().max().copied() else {
        return (None, week);
    };
    let median = |of: fn(&Deletes) -> u64| {
        let mut sums: Vec<_> = (0..=oldest).map(|ago| weeks.get(&ago).map_or(0, of)).collect();
        sums.sort_unstable();
        sums[sums.len() / 2]
    };
    let habit = Habit {
        weeks: oldest as u64 + 1,
        snapshots: median(|week| week.snapshots),
        bytes: median(|week| week.bytes),
    };
    (Some(habit), week)
}

/// How far apart snapshots usually come: the median distance of the newest ones, in seconds. None for fewer than four.
pub fn rhythm_seconds(received: &[Timestamp]) -> Option<i64> {
    if received.len() < 4 {
        return None;
    }
    let mut times = received.to_vec();
    times.sort_unstable();
    let mut gaps: Vec<_> = times
        .windows(2)
        .map(|pair| pair[1].0.saturating_sub(pair[0].0) / 1_000_000)
        .collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

/// How heavy a warning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Notable,
    /// Ask the initiator before deciding.
    Strong,
}

/// Something that a supervisor must not overlook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Nobody will be asked any more.
    FourEyesOff,
    /// The backup goes with everything in it.
    WholeBackup {
        /// How many snapshots are in it.
        snapshots: u64,
    },
    /// No snapshot of the backup stays.
    NothingStays {
        /// How many go.
        snapshots: u64,
    },
    /// No key stays: whatever else stays can never be read again.
    LastKey,
    /// No pack stays, though snapshots do.
    EveryPack {
        /// How many snapshots are left without their data.
        snapshots: u64,
    },
    /// No snapshot of these clients stays.
    LastCopy {
        /// The first few, by their accounts' names.
        clients: Vec<String>,
        /// How many.
        count: u64,
    },
    /// What came last goes, and older ones stay.
    NewestGoes {
        /// When the newest that goes was received.
        lost: Timestamp,
        /// When the newest that stays was received.
        left: Timestamp,
    },
    /// Far more than this account usually has deleted here.
    Unusual {
        /// Snapshots in its median week.
        usual: u64,
        /// Snapshots in this request.
        this: u64,
        /// Snapshots of the week with this request.
        week: u64,
    },
    /// Far more bytes than usual, and no snapshot.
    UnusualBytes {
        /// Bytes in its median week.
        usual: u64,
        /// Bytes of the week with this request.
        week: u64,
    },
    /// No index stays, though packs do: clients find nothing until they make it anew.
    LastIndex,
    /// What stays is old already.
    Stale {
        /// When the newest that stays was received.
        newest: Timestamp,
        /// How many days ago.
        days: i64,
    },
    /// Passwords will open the backup no more.
    Keys {
        /// How many go.
        lost: u64,
        /// How many stay.
        left: u64,
    },
    /// Nothing of this account was ever approved here in the last weeks.
    First,
}

impl Warning {
    /// How heavy it is.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::FourEyesOff
            | Self::WholeBackup { .. }
            | Self::NothingStays { .. }
            | Self::LastKey
            | Self::EveryPack { .. }
            | Self::LastCopy { .. }
            | Self::NewestGoes { .. }
            | Self::Unusual { .. }
            | Self::UnusualBytes { .. } => Weight::Strong,
            Self::LastIndex | Self::Stale { .. } | Self::Keys { .. } | Self::First => Weight::Notable,
        }
    }

    /// Its word in the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FourEyesOff => "four_eyes_off",
            Self::WholeBackup { .. } => "whole_backup",
            Self::NothingStays { .. } => "nothing_stays",
            Self::LastKey => "last_key",
            Self::EveryPack { .. } => "every_pack",
            Self::LastCopy { .. } => "last_copy",
            Self::NewestGoes { .. } => "newest_goes",
            Self::Unusual { .. } => "unusual",
            Self::UnusualBytes { .. } => "unusual_bytes",
            Self::LastIndex => "last_index",
            Self::Stale { .. } => "stale",
            Self::Keys { .. } => "keys",
            Self::First => "first",
        }
    }
}

/// What must not be overlooked about a request, the heaviest first.
pub fn warnings(operation: &Operation, summary: &Summary, now: Timestamp) -> Vec<Warning> {
    let mut found = Vec::new();
    if matches!(operation, Operation::DisableFourEyes) {
        found.push(Warning::FourEyesOff);
    }
    if let Some(preview) = &summary.preview {
        found.extend(loss(summary, preview));
        found.extend(amount(summary, preview));
        found.extend(lesser(summary, preview, now));
    }
    found
}

/// What can never be read again.
fn loss(summary: &Summary, preview: &Preview) -> Vec<Warning> {
    let mut found = Vec::new();
    let lost = |kind| summary.of(kind) > 0;
    let left = |kind| preview.left.of(kind);
    let snapshots = summary.of(ObjectKind::Snapshots);
    if preview.whole {
        found.push(Warning::WholeBackup { snapshots });
    } else if snapshots > 0 && left(ObjectKind::Snapshots) == 0 {
        found.push(Warning::NothingStays { snapshots });
    }
    if preview.whole {
        return found;
    }
    if lost(ObjectKind::Keys) && left(ObjectKind::Keys) == 0 {
        found.push(Warning::LastKey);
    }
    let orphans = left(ObjectKind::Snapshots);
    if lost(ObjectKind::Data) && left(ObjectKind::Data) == 0 && orphans > 0 {
        found.push(Warning::EveryPack { snapshots: orphans });
    }
    if preview.last_copy_count > 0 && orphans > 0 {
        found.push(Warning::LastCopy {
            clients: preview.last_copies.clone(),
            count: preview.last_copy_count,
        });
    }
    if let (Some((_, lost)), Some(left)) = (preview.lost, preview.left.newest)
        && lost > left
    {
        found.push(Warning::NewestGoes { lost, left });
    }
    found
}

/// More than three times the usual, and not by a trifle.
const OFTEN: u64 = 3;
const TRIFLE_SNAPSHOTS: u64 = 5;
const TRIFLE_BYTES: u64 = 1 << 30;

/// What is far more than usual, where there is a usual. A single week tells no habit.
fn amount(summary: &Summary, preview: &Preview) -> Option<Warning> {
    let habit = preview.habit.filter(|habit| habit.weeks > 1)?;
    let this = summary.of(ObjectKind::Snapshots);
    let far =
        |usual: u64, week: u64, trifle: u64| week > usual.saturating_mul(OFTEN) && week > usual.saturating_add(trifle);
    if this > 0 {
        let week = preview.week.snapshots.saturating_add(this);
        let usual = habit.snapshots;
        return far(usual, week, TRIFLE_SNAPSHOTS).then_some(Warning::Unusual { usual, this, week });
    }
    let week = preview.week.bytes.saturating_add(summary.bytes());
    let usual = habit.bytes;
    far(usual, week, TRIFLE_BYTES).then_some(Warning::UnusualBytes { usual, week })
}

/// How old what stays must be to be told, in seconds, whatever the rhythm.
const OLD_SECONDS: i64 = 3 * 86_400;

/// What is good to know.
fn lesser(summary: &Summary, preview: &Preview, now: Timestamp) -> Vec<Warning> {
    let mut found = Vec::new();
    if preview.whole {
        return found;
    }
    let left = |kind| preview.left.of(kind);
    if summary.of(ObjectKind::Index) > 0 && left(ObjectKind::Index) == 0 && left(ObjectKind::Data) > 0 {
        found.push(Warning::LastIndex);
    }
    if summary.of(ObjectKind::Snapshots) > 0
        && let Some(newest) = preview.left.newest
    {
        let age = now.0.saturating_sub(newest.0) / 1_000_000;
        let usual = preview.rhythm_seconds.unwrap_or(0).saturating_mul(3);
        if age > usual.max(OLD_SECONDS) {
            let days = age / 86_400;
            found.push(Warning::Stale { newest, days });
        }
    }
    let keys = summary.of(ObjectKind::Keys);
    if keys > 0 && left(ObjectKind::Keys) > 0 {
        let left = left(ObjectKind::Keys);
        found.push(Warning::Keys { lost: keys, left });
    }
    if preview.habit.is_none() {
        found.push(Warning::First);
    }
    found
}

/// What a request about objects is, as the kinds in it tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The backup itself with everything in it.
    Backup,
    /// Snapshots alone (`forget`): their data stays until a later request asks for it.
    Forget,
    /// Snapshots together with data (`forget --prune`).
    ForgetAndPrune,
    /// Data without snapshots (`prune`): what no snapshot needs any more, if the client is honest.
    Prune,
    /// Indexes alone: the client wrote them anew.
    Indexes,
    /// Keys alone (`key remove`): passwords.
    Keys,
    /// Anything else, or several of these.
    Other,
}

impl Nature {
    /// Of what these are.
    pub fn of(summary: &Summary) -> Self {
        if summary.preview.as_ref().is_some_and(|preview| preview.whole) {
            return Self::Backup;
        }
        let has = |kind| summary.of(kind) > 0;
        let (snapshots, data, index) = (
            has(ObjectKind::Snapshots),
            has(ObjectKind::Data),
            has(ObjectKind::Index),
        );
        match (snapshots, data, index, has(ObjectKind::Keys), has(ObjectKind::Config)) {
            (true, false, false, false, false) => Self::Forget,
            (true, _, _, false, false) => Self::ForgetAndPrune,
            (false, true, _, false, false) => Self::Prune,
            (false, false, true, false, false) => Self::Indexes,
            (false, false, false, true, false) => Self::Keys,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
