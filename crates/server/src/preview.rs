//! What a supervisor sees before deciding, in words: the same on pages, in the API and on a terminal.

use countersign_core::preview::{Nature, Preview, Warning, Weight, warnings};
use countersign_core::request::{State, Summary};
use countersign_events::{Operation, Timestamp};
use countersign_store::{RequestRecord, StoreError, View};

use crate::pages::{Bytes, Count, Moment};

/// A warning in words. Names of clients in it were chosen by people: show it escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its word in the API.
    pub code: &'static str,
    /// How heavy it is.
    pub weight: Weight,
    /// A few words, for a list.
    pub mark: String,
    /// A sentence or two: what it is, and what to do.
    pub text: String,
}

/// The numbers of a request as they are now while it waits, as they were when it was sealed afterwards.
///
/// # Errors
/// The store does not answer.
pub async fn summary(view: &mut View, record: &RequestRecord, now: Timestamp) -> Result<Summary, StoreError> {
    let mut summary = record.summary.clone().unwrap_or_default();
    let Some(backup) = record.backup else {
        return Ok(summary);
    };
    if !matches!(record.state, State::Collecting | State::Pending) {
        return Ok(summary);
    }
    let left = view.totals(backup).await?.visible;
    if record.state == State::Collecting {
        summary.kinds = view.held_totals(record.id).await?;
    }
    let preview = match summary.preview.take() {
        Some(sealed) => view.preview_now(sealed, record.id, backup, left).await?,
        // It is still collecting, or was sealed before previews were made.
        None => {
            let whole = matches!(
                record.operation,
                Operation::DeleteBackup { .. } | Operation::DeleteLogBackup { .. }
            );
            view.preview(record, backup, whole, left, now).await?
        }
    };
    summary.preview = Some(preview);
    Ok(summary)
}

/// Every warning about a request in words, the heaviest first. It reads nothing but the numbers.
pub fn told(operation: &Operation, summary: &Summary, now: Timestamp) -> Vec<Told> {
    let found = warnings(operation, summary, now).into_iter();
    found
        .map(|warning| Told {
            code: warning.code(),
            weight: warning.weight(),
            mark: mark(&warning),
            text: text(&warning, now),
        })
        .collect()
}

/// The few words of a list for what is heavy about a request.
pub fn marks(record: &RequestRecord, now: Timestamp) -> Vec<String> {
    let nothing = Summary::default();
    let summary = record.summary.as_ref().unwrap_or(&nothing);
    let found = warnings(&record.operation, summary, now).into_iter();
    found
        .filter(|warning| warning.weight() == Weight::Strong)
        .map(|warning| mark(&warning))
        .collect()
}

fn mark(warning: &Warning) -> String {
    match warning {
        Warning::FourEyesOff => "nobody is asked any more".to_owned(),
        Warning::WholeBackup { .. } => "the whole backup".to_owned(),
        Warning::NothingStays { .. } => "every snapshot".to_owned(),
        Warning::LastKey => "the last key".to_owned(),
        Warning::EveryPack { .. } => "all data of snapshots that stay".to_owned(),
        Warning::LastCopy { count: 1, .. } => "the last copy of a client".to_owned(),
        Warning::LastCopy { count, .. } => format!("the last copy of {} clients", Count(*count)),
        Warning::NewestGoes { .. } => "the newest snapshot".to_owned(),
        Warning::Unusual { usual, this, .. } => {
            format!("unusual: {}, usually {} a week", Count(*this), Count(*usual))
        }
        Warning::UnusualBytes { usual, week } => {
            format!("unusual: {}, usually {} a week", Bytes(*week), Bytes(*usual))
        }
        Warning::LastIndex => "the last index".to_owned(),
        Warning::Stale { days, .. } => format!("nothing newer than {days} days stays"),
        Warning::Keys { lost: 1, .. } => "a password".to_owned(),
        Warning::Keys { lost, .. } => format!("{} passwords", Count(*lost)),
        Warning::First => "a first time".to_owned(),
    }
}

fn text(warning: &Warning, now: Timestamp) -> String {
    let date = |at: Timestamp| Moment::new(at, now).date();
    match warning {
        Warning::FourEyesOff => {
            "Four-eyes authorization is turned off: from then on everybody with the right to delete deletes alone.".to_owned()
        }
        Warning::WholeBackup { snapshots } => format!(
            "The whole backup goes, with {} and everything that belongs to them. Nothing of it stays.",
            Count(*snapshots).of("snapshot")
        ),
        Warning::NothingStays { snapshots } => format!(
            "No snapshot stays in this backup: {} would go, and there is nothing else to restore from.",
            Count(*snapshots).of("snapshot")
        ),
        Warning::LastKey => {
            "No key stays: nobody could open this backup any more, with whatever password. Its data would be lost though it lies there."
                .to_owned()
        }
        Warning::EveryPack { snapshots } => format!(
            "All data goes, but {} would stay that cannot be restored without it. A clean-up does not do that.",
            Count(*snapshots).of("snapshot")
        ),
        Warning::LastCopy { clients, count } => {
            let named = clients.join(", ");
            let others = count.saturating_sub(clients.len() as u64);
            let more = if others > 0 { format!(" and {} more", Count(others)) } else { String::new() };
            format!("The last snapshot that this server has from {named}{more} is among them: nothing stays to restore it from.")
        }
        Warning::NewestGoes { lost, left } => format!(
            "The newest snapshot, of {}, is among them; the newest that stays is of {}. A retention rule keeps the newest.",
            date(*lost),
            date(*left)
        ),
        Warning::Unusual { usual, this, week } => {
            let whole_week = if week > this {
                format!(" With what the same account asked for in the last seven days it is {}.", Count(*week))
            } else {
                String::new()
            };
            format!(
                "Usually this account has {} a week deleted here, this is {}.{whole_week} Ask why.",
                Count(*usual).of("snapshot"),
                Count(*this)
            )
        }
        Warning::UnusualBytes { usual, week } => format!(
            "Usually this account has {} a week deleted here, this week with this request it is {}. Ask why.",
            Bytes(*usual),
            Bytes(*week)
        ),
        Warning::LastIndex => {
            "No index stays, but data does: clients find nothing until somebody makes it anew (“restic repair index”).".to_owned()
        }
        Warning::Stale { newest, days } => format!(
            "The newest snapshot that stays is {days} days old, of {}: look whether the client still sends.",
            date(*newest)
        ),
        Warning::Keys { lost, left } => format!(
            "{} of this backup would open it no more; {} stay. Whoever knows one of those still can.",
            if *lost == 1 { "One password".to_owned() } else { Count(*lost).of("password") },
            Count(*left)
        ),
        Warning::First => {
            "Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.".to_owned()
        }
    }
}

/// What kind of delete it is, in a sentence.
pub fn nature(summary: &Summary) -> &'static str {
    match Nature::of(summary) {
        Nature::Backup => "The backup itself with everything in it.",
        Nature::Forget => {
            "Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it."
        }
        Nature::ForgetAndPrune => {
            "Snapshots together with data that no other snapshot needs, as “restic forget --prune” deletes them."
        }
        Nature::Prune => {
            "Data without a snapshot, as “restic prune” deletes it: what the client says no snapshot needs any more. The server cannot read it and cannot check that."
        }
        Nature::Indexes => {
            "Indexes alone: which data lies where. Clients write them anew now and then, and delete the old ones."
        }
        Nature::Keys => {
            "Keys alone, as “restic key remove” deletes them: each is a password that opens the backup. No data is among them."
        }
        Nature::Other => "Files of the repository.",
    }
}

/// What is usual, in a sentence; none where no habit is known.
pub fn habit(preview: &Preview) -> Option<String> {
    let habit = preview.habit?;
    let weeks = if habit.weeks == 1 {
        "week".to_owned()
    } else {
        format!("{} weeks", habit.weeks)
    };
    let week = match preview.week.requests {
        0 => String::new(),
        _ => format!(
            "; in the seven days before this one it asked for {}",
            Count(preview.week.snapshots).of("snapshot")
        ),
    };
    Some(format!(
        "In the last {weeks} usually {} and {} a week, by approved requests of this account{week}.",
        Count(habit.snapshots).of("snapshot"),
        Bytes(habit.bytes)
    ))
}

#[cfg(test)]
mod tests {
    use countersign_core::ObjectKind;
    use countersign_core::preview::{Deletes, Habit, Left};
    use countersign_core::request::KindSum;

    use super::*;

    const NOW: Timestamp = Timestamp(1_760_000_000_000_000);

    fn summary() -> Summary {
        let sum = |kind, objects| KindSum {
            kind,
            objects,
            bytes: objects << 20,
        };
        Summary {
            kinds: vec![sum(ObjectKind::Snapshots, 212)],
            preview: Some(Preview {
                lost: Some((NOW.plus_seconds(-90 * 86_400), NOW)),
                left: Left {
                    kinds: vec![sum(ObjectKind::Snapshots, 2), sum(ObjectKind::Keys, 1)],
                    newest: Some(NOW.plus_seconds(-9 * 86_400)),
                },
                last_copies: vec!["desk".into(), "laptop".into()],
                last_copy_count: 3,
                habit: Some(Habit {
                    weeks: 12,
                    snapshots: 3,
                    bytes: 1 << 30,
                }),
                week: Deletes {
                    requests: 2,
                    snapshots: 4,
                    bytes: 0,
                },
                ..Preview::default()
            }),
            ..Summary::default()
        }
    }

    #[test]
    fn warnings_are_sentences() {
        let operation = Operation::DeleteSnapshot { name: String::new() };
        let lines: Vec<_> = told(&operation, &summary(), NOW)
            .into_iter()
            .map(|told| format!("{:?} {}: {}\n  {}", told.weight, told.code, told.mark, told.text))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        Strong last_copy: the last copy of 3 clients
          The last snapshot that this server has from desk, laptop and 1 more is among them: nothing stays to restore it from.
        Strong newest_goes: the newest snapshot
          The newest snapshot, of 2025-10-09 08:53 UTC, is among them; the newest that stays is of 2025-09-30 08:53 UTC. A retention rule keeps the newest.
        Strong unusual: unusual: 212, usually 3 a week
          Usually this account has 3 snapshots a week deleted here, this is 212. With what the same account asked for in the last seven days it is 216. Ask why.
        Notable stale: nothing newer than 9 days stays
          The newest snapshot that stays is 9 days old, of 2025-09-30 08:53 UTC: look whether the client still sends.
        ");
        insta::assert_snapshot!(habit(summary().preview.as_ref().unwrap()).unwrap(), @r"In the last 12 weeks usually 3 snapshots and 1.0 GiB a week, by approved requests of this account; in the seven days before this one it asked for 4 snapshots.");
    }
}
