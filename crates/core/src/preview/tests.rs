use proptest::prelude::*;

use super::*;

const DAY: i64 = 86_400;
const NOW: Timestamp = Timestamp(1_760_000_000_000_000);

fn ago(days: i64) -> Timestamp {
    NOW.plus_seconds(-days * DAY)
}

fn sum(kind: ObjectKind, objects: u64) -> KindSum {
    KindSum {
        kind,
        objects,
        bytes: objects * 1000,
    }
}

fn approved(days: i64, snapshots: u64) -> Earlier {
    Earlier {
        at: ago(days),
        approved: true,
        snapshots,
        bytes: snapshots * 1000,
    }
}

/// Takes two of five snapshots, the older ones, of one client; usual here.
fn ordinary() -> Summary {
    Summary {
        kinds: vec![sum(ObjectKind::Snapshots, 2)],
        preview: Some(Preview {
            lost: Some((ago(20), ago(10))),
            left: Left {
                kinds: vec![
                    sum(ObjectKind::Snapshots, 3),
                    sum(ObjectKind::Data, 9),
                    sum(ObjectKind::Index, 1),
                    sum(ObjectKind::Keys, 1),
                ],
                newest: Some(ago(1)),
            },
            habit: Some(Habit {
                weeks: 6,
                snapshots: 3,
                bytes: 3000,
            }),
            ..Preview::default()
        }),
        ..Summary::default()
    }
}

fn changed(change: impl FnOnce(&mut Summary, &mut Preview)) -> Summary {
    let mut summary = ordinary();
    let mut preview = summary.preview.take().unwrap();
    change(&mut summary, &mut preview);
    summary.preview = Some(preview);
    summary
}

fn codes(summary: &Summary) -> Vec<&'static str> {
    let operation = Operation::DeleteObject { name: String::new() };
    let found = warnings(&operation, summary, NOW);
    found.iter().map(Warning::code).collect()
}

#[test]
fn what_is_usual_warns_of_nothing() {
    assert_eq!(codes(&ordinary()), Vec::<&str>::new());
    // One from before previews were made says nothing.
    assert_eq!(codes(&Summary::default()), Vec::<&str>::new());
}

#[test]
fn each_loss_has_its_warning() {
    let gone = |kind: ObjectKind| {
        changed(|summary, preview| {
            summary.kinds = vec![sum(kind, 1)];
            preview.lost = None;
            preview.left.kinds.retain(|sum| sum.kind != kind);
        })
    };
    assert_eq!(codes(&gone(ObjectKind::Keys)), ["last_key"]);
    assert_eq!(codes(&gone(ObjectKind::Data)), ["every_pack"]);
    assert_eq!(codes(&gone(ObjectKind::Index)), ["last_index"]);
    let nothing = changed(|_, preview| {
        preview.left = Left::default();
        (preview.last_copies, preview.last_copy_count) = (vec!["laptop".into()], 1);
    });
    assert_eq!(codes(&nothing), ["nothing_stays"]);
    let client = changed(|_, preview| (preview.last_copies, preview.last_copy_count) = (vec!["laptop".into()], 1));
    assert_eq!(codes(&client), ["last_copy"]);
    let newest = changed(|_, preview| preview.lost = Some((ago(20), ago(0))));
    assert_eq!(codes(&newest), ["newest_goes"]);
    let key = changed(|summary, _| summary.kinds = vec![sum(ObjectKind::Keys, 1)]);
    assert_eq!(codes(&key), ["keys"]);
    let whole = changed(|_, preview| {
        preview.whole = true;
        preview.left = Left::default();
    });
    assert_eq!(codes(&whole), ["whole_backup"]);
}

#[test]
fn turning_it_off_is_told_whatever_the_summary_says() {
    let found = warnings(&Operation::DisableFourEyes, &Summary::default(), NOW);
    assert_eq!(found, [Warning::FourEyesOff]);
    assert_eq!(found[0].weight(), Weight::Strong);
}

#[test]
fn what_is_far_from_usual_is_told() {
    let many = changed(|summary, _| summary.kinds = vec![sum(ObjectKind::Snapshots, 212)]);
    let found = warnings(&Operation::DisableFourEyes, &many, NOW);
    let unusual = Warning::Unusual {
        usual: 3,
        this: 212,
        week: 212,
    };
    assert_eq!(found, [Warning::FourEyesOff, unusual]);
    // Many small ones are one large one.
    let again = changed(|_, preview| {
        preview.week = Deletes {
            requests: 70,
            snapshots: 210,
            bytes: 0,
        };
    });
    assert_eq!(codes(&again), ["unusual"]);
    // One week is no habit, and no week is a first time.
    let young = changed(|summary, preview| {
        summary.kinds = vec![sum(ObjectKind::Snapshots, 212)];
        preview.habit = preview.habit.map(|habit| Habit { weeks: 1, ..habit });
    });
    assert_eq!(codes(&young), Vec::<&str>::new());
    let first = changed(|_, preview| preview.habit = None);
    assert_eq!(codes(&first), ["first"]);
    let packs = changed(|summary, _| {
        summary.kinds = vec![KindSum {
            kind: ObjectKind::Data,
            objects: 8,
            bytes: 2 << 30,
        }];
    });
    assert_eq!(codes(&packs), ["unusual_bytes"]);
}

#[test]
fn what_stays_is_old_by_its_own_rhythm() {
    let stale = |days: i64, rhythm: Option<i64>| {
        changed(|_, preview| {
            preview.left.newest = Some(ago(days));
            preview.lost = Some((ago(days + 20), ago(days + 10)));
            preview.rhythm_seconds = rhythm;
        })
    };
    assert_eq!(codes(&stale(4, Some(DAY))), ["stale"]);
    assert_eq!(codes(&stale(4, None)), ["stale"]);
    assert_eq!(codes(&stale(4, Some(7 * DAY))), Vec::<&str>::new());
    assert_eq!(codes(&stale(30, Some(7 * DAY))), ["stale"]);
}

#[test]
fn a_habit_is_the_median_week() {
    let earlier = [
        approved(1, 3),
        approved(8, 2),
        approved(9, 1),
        approved(15, 90),
        approved(29, 3),
    ];
    let (found, week) = habit(&earlier, NOW);
    // The weeks have 3, 3, 90, 0 and 3.
    let expected = Habit {
        weeks: 5,
        snapshots: 3,
        bytes: 3000,
    };
    assert_eq!(found, Some(expected));
    assert_eq!((week.requests, week.snapshots), (1, 3));
}

#[test]
fn what_waits_counts_for_the_week_and_makes_no_habit() {
    let waiting = Earlier {
        approved: false,
        ..approved(2, 50)
    };
    let (found, week) = habit(&[waiting, approved(90, 7)], NOW);
    assert_eq!((found, week.snapshots), (None, 50));
}

#[test]
fn a_rhythm_is_the_median_distance() {
    assert_eq!(rhythm_seconds(&[ago(1), ago(2), ago(3)]), None);
    assert_eq!(rhythm_seconds(&[ago(9), ago(1), ago(2), ago(3)]), Some(DAY));
}

#[test]
fn what_a_request_is_shows_in_its_kinds() {
    use ObjectKind::{Data, Index, Keys, Snapshots};
    let of = |kinds: &[ObjectKind]| {
        Nature::of(&Summary {
            kinds: kinds.iter().map(|kind| sum(*kind, 1)).collect(),
            ..Summary::default()
        })
    };
    assert_eq!(of(&[Snapshots]), Nature::Forget);
    assert_eq!(of(&[Snapshots, Data, Index]), Nature::ForgetAndPrune);
    assert_eq!(of(&[Data, Index]), Nature::Prune);
    assert_eq!(of(&[Index]), Nature::Indexes);
    assert_eq!(of(&[Keys]), Nature::Keys);
    assert_eq!(of(&[Keys, Snapshots]), Nature::Other);
    assert_eq!(of(&[]), Nature::Other);
}

#[test]
fn a_summary_from_before_is_read() {
    let old = r#"{"kinds":[],"backup_objects":1,"backup_bytes":2,"backup_snapshots":3}"#;
    let read: Summary = serde_json::from_str(old).unwrap();
    assert_eq!((read.backup_snapshots, read.preview), (3, None));
    let new = ordinary();
    let json = serde_json::to_string(&new).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), new);
}

proptest! {
    /// No numbers make it panic, the heavy ones come first, and splitting a delete into many requests hides nothing.
    #[test]
    fn warnings_hold_for_all_numbers(
        counts in proptest::collection::vec(any::<u64>(), 12),
        times in proptest::collection::vec(any::<i64>(), 4),
        habits in proptest::option::of((any::<u64>(), any::<u64>(), any::<u64>())),
        whole in any::<bool>(),
    ) {
        let kinds = |from: usize| ObjectKind::ALL.into_iter().zip(from..).map(|(kind, at)| KindSum { kind, objects: counts[at] >> 3, bytes: counts[at] >> 3 });
        let summary = Summary {
            kinds: kinds(0).collect(),
            preview: Some(Preview {
                whole,
                lost: Some((Timestamp(times[0]), Timestamp(times[1]))),
                left: Left { kinds: kinds(6).collect(), newest: Some(Timestamp(times[2])) },
                habit: habits.map(|(weeks, snapshots, bytes)| Habit { weeks, snapshots, bytes }),
                rhythm_seconds: Some(times[3]),
                week: Deletes { requests: 1, snapshots: counts[0], bytes: counts[1] },
                ..Preview::default()
            }),
            ..Summary::default()
        };
        let found = warnings(&Operation::DisableFourEyes, &summary, NOW);
        let weights: Vec<_> = found.iter().map(Warning::weight).collect();
        prop_assert!(weights.is_sorted_by(|a, b| a >= b), "{:?}", found);
    }

    /// A habit lies within what was there.
    #[test]
    fn a_habit_is_never_more_than_the_largest_week(days in proptest::collection::vec((0_i64..200, 0_u64..50), 0..40)) {
        let earlier: Vec<_> = days.iter().map(|(days, snapshots)| approved(*days, *snapshots)).collect();
        let all: u64 = days.iter().filter(|(days, _)| *days < 84).map(|(_, snapshots)| snapshots).sum();
        match habit(&earlier, NOW).0 {
            Some(habit) => prop_assert!(habit.snapshots <= all && (1..=12).contains(&habit.weeks)),
            None => prop_assert_eq!(all, 0),
        }
    }
}
