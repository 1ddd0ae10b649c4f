use proptest::prelude::*;

use super::*;
use crate::ManualClock;
use crate::clock::Boot;

const START: Timestamp = Timestamp(1_795_000_000_000_000);
const DAY: i64 = 86_400;

/// A clock, and what a server knows of it that looks now and then.
struct Watched {
    clock: ManualClock,
    ageing: Ageing,
}

impl Watched {
    fn new() -> Self {
        let clock = ManualClock::at(START);
        let ageing = Ageing::begin(clock.reading());
        Self { clock, ageing }
    }

    fn look(&mut self) -> Moment {
        let reading = self.clock.reading();
        self.ageing = self.ageing.at(reading);
        self.ageing.moment(reading.wall, reading)
    }

    /// Seconds of ageing since the start.
    fn aged(&mut self) -> i64 {
        (self.look().ageing.0 - START.0) / SECOND
    }

    fn confirm(&mut self) -> Correction {
        self.look();
        let (ageing, correction) = self.ageing.confirmed(self.clock.reading()).unwrap();
        self.ageing = ageing;
        correction
    }
}

#[test]
fn a_jump_of_more_than_a_minute_stops_ageing_until_it_is_confirmed() {
    for jump in [61, -61, 30 * DAY, -2 * 365 * DAY] {
        let mut watched = Watched::new();
        watched.clock.advance_seconds(100);
        watched.clock.jump_seconds(jump);
        assert_eq!(
            watched.aged(),
            100,
            "what passed before the look counts, the jump does not"
        );
        let stopped = watched.ageing.stopped.unwrap();
        assert_eq!(stopped.before, START.plus_seconds(100));
        assert_eq!(stopped.after, START.plus_seconds(100 + jump));
        watched.clock.advance_seconds(DAY);
        let moment = watched.look();
        assert_eq!(moment.ageing, START.plus_seconds(100));
        assert_eq!(moment.steady, START.plus_seconds(100 + DAY), "{jump}");
        // Set back to where it was, it still waits for people.
        watched.clock.jump_seconds(-jump);
        assert_eq!((watched.aged(), watched.ageing.jumps), (100, 2));
        let correction = watched.confirm();
        assert_eq!(
            correction.shift(),
            DAY * SECOND,
            "what it stood still is not made up for"
        );
        assert_eq!(watched.aged(), 100 + DAY);
        watched.clock.advance_seconds(5);
        assert_eq!(watched.aged(), 105 + DAY);
        assert_eq!(watched.ageing.stopped, None);
    }
}

#[test]
fn a_minute_at_once_a_suspended_machine_and_a_restart_are_no_jump() {
    let mut watched = Watched::new();
    for jump in [60, -60] {
        watched.clock.jump_seconds(jump);
        watched.clock.advance_seconds(1);
        watched.look();
        assert_eq!(watched.ageing.stopped, None, "{jump}");
    }
    // Nobody looked for a week, on the same boot: the machine was suspended, or the server did not run.
    watched.clock.advance_seconds(7 * DAY);
    assert_eq!(watched.aged(), 7 * DAY + 2);
    // Off for an hour.
    watched.clock.reboot_after(3600);
    assert_eq!(watched.aged(), 7 * DAY + 2 + 3600);
    assert_eq!(watched.ageing.stopped, None);
    // Nor a little behind what was noted last.
    watched.clock.reboot_after(-30);
    watched.look();
    assert_eq!(watched.ageing.stopped, None);
    watched.clock.reboot_after(-90);
    assert_eq!(watched.aged(), 7 * DAY + 2 + 3600);
    assert!(watched.ageing.stopped.is_some(), "it lies behind");
}

#[test]
fn small_steps_are_followed_up_to_a_minute_and_ten_seconds_an_hour() {
    // A bad clock, set right each minute: 100 ms is 6 s an hour.
    let mut watched = Watched::new();
    for _ in 0..5 * 24 * 60 {
        watched.clock.advance_seconds(60);
        watched.clock.change(|reading| reading.wall.0 += 100_000);
        watched.look();
    }
    assert_eq!(watched.ageing.stopped, None);
    assert_eq!(
        watched.look().ageing,
        watched.clock.now(),
        "it is the wall clock's time"
    );
    // One that walks away by a second a minute.
    let mut watched = Watched::new();
    let mut steps = 0;
    while watched.ageing.stopped.is_none() {
        watched.clock.advance_seconds(60);
        watched.clock.jump_seconds(1);
        watched.look();
        steps += 1;
    }
    assert_eq!(steps, 72, "60 s and what is forgotten in an hour and a bit");
    let stopped = watched.ageing.stopped.unwrap();
    assert!(stopped.after.0 - stopped.before.0 > MOST_STEP, "all steps are told");
}

#[test]
fn a_clock_since_boot_that_runs_back_is_not_trusted() {
    let mut watched = Watched::new();
    watched.clock.advance_seconds(100);
    watched.look();
    watched.clock.change(|reading| reading.running -= 1);
    watched.look();
    assert!(watched.ageing.stopped.is_some());
}

#[test]
fn what_was_recorded_before_a_jump_moves_along_and_never_gets_older() {
    let correction = Correction {
        stood_at: Timestamp(100),
        resumed_at: Timestamp(1000),
    };
    let corrections = [correction];
    for (recorded, from) in [
        (0, 900),
        (100, 1000),
        (101, 1000),
        (700, 1000),
        (1000, 1000),
        (1001, 1001),
    ] {
        assert_eq!(ages_from(&corrections, Timestamp(recorded)), Timestamp(from));
    }
    let back = [Correction {
        stood_at: Timestamp(1000),
        resumed_at: Timestamp(100),
    }];
    assert_eq!(ages_from(&back, Timestamp(50)), Timestamp(50));
}

#[test]
fn a_confirmation_is_for_the_jump_that_was_seen_and_ends_by_what_was_kept() {
    let clock = Arc::new(ManualClock::at(START));
    let shared = AgeingClock::new(Arc::clone(&clock) as Arc<dyn Clock>, None);
    assert_eq!(shared.confirm(0), None, "nothing is to be confirmed");
    clock.jump_seconds(-DAY);
    let stopped = shared.known().unwrap();
    assert_eq!(shared.confirm(stopped.jumps + 1), None);
    clock.jump_seconds(-DAY);
    assert_eq!(shared.confirm(stopped.jumps), None, "it jumped again");
    let (kept, correction) = shared.confirm(stopped.jumps + 1).unwrap();
    assert_eq!(correction.resumed_at, START.plus_seconds(-2 * DAY));
    // Nobody knows yet whether it was committed, and so whether deadlines have moved back.
    assert_eq!(shared.moment(clock.now()).ageing, correction.resumed_at);
    assert_eq!(shared.known(), None);
    // It was not.
    shared.resume(stopped.at(clock.reading()));
    assert_eq!(shared.moment(clock.now()).ageing, START);
    let (kept_now, _) = shared.confirm(kept.jumps).unwrap();
    shared.resume(kept_now);
    assert_eq!(shared.moment(clock.now()).ageing, clock.now());
    assert_eq!(shared.known().unwrap().stopped, None);
}

#[derive(Debug, Clone)]
enum Move {
    Pass(i64),
    Jump(i64),
    Look,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        (0..100_000_i64).prop_map(Move::Pass),
        (0..30_i64).prop_map(Move::Pass),
        (-3_000_000..3_000_000_i64).prop_map(Move::Jump),
        (-70..70_i64).prop_map(Move::Jump),
        Just(Move::Look),
    ]
}

proptest! {
    /// Whatever the wall clock does, ageing never goes back, and never gains more on the clock that nobody sets than a minute and
    /// ten seconds an hour.
    #[test]
    fn ageing_never_runs_back_nor_ahead_of_the_clock_that_nobody_sets(moves in proptest::collection::vec(moves(), 1..60)) {
        let mut watched = Watched::new();
        let mut before = watched.look().ageing;
        for step in moves {
            match step {
                Move::Pass(seconds) => watched.clock.advance_seconds(seconds),
                Move::Jump(seconds) => watched.clock.jump_seconds(seconds),
                Move::Look => {}
            }
            let ageing = watched.look().ageing;
            prop_assert!(ageing >= before);
            let running = watched.clock.reading().running;
            let most = running + MOST_STEP + running / FORGOTTEN_ONE_IN;
            prop_assert!(ageing.0 - START.0 <= most, "{} of {}", ageing.0 - START.0, most);
            before = ageing;
        }
    }

    /// What was left of a span before jumps is left of it after their confirmation, by the clock that nobody sets.
    #[test]
    fn a_confirmation_leaves_of_each_span_what_was_left(
        passed in 0..10_000_i64, jumps in proptest::collection::vec(-50_000_000..50_000_000_i64, 1..4), still in 0..10_000_i64,
    ) {
        let mut watched = Watched::new();
        let due = START.plus_seconds(20_000);
        watched.clock.advance_seconds(passed);
        for jump in jumps {
            watched.clock.jump_seconds(if jump.abs() <= 60 { 61 } else { jump });
            watched.look();
        }
        watched.clock.advance_seconds(still);
        let left = due.0 - watched.look().ageing.0;
        let correction = watched.confirm();
        let due = Timestamp(due.0 + correction.shift());
        prop_assert_eq!(due.0 - watched.look().ageing.0, left);
        watched.clock.advance_seconds(3);
        prop_assert_eq!(due.0 - watched.look().ageing.0, left - 3 * SECOND);
    }

    /// The order of what was recorded stays, nothing gets older than it was, and the way back finds the first that is young enough.
    #[test]
    fn what_was_recorded_keeps_its_order_through_corrections(
        corrections in proptest::collection::vec((0..1000_i64, 0..1000_i64), 0..5), recorded in 0..1000_i64, from in 0..6000_i64,
    ) {
        let corrections: Vec<_> = corrections
            .into_iter()
            .map(|(stood, resumed)| Correction { stood_at: Timestamp(stood), resumed_at: Timestamp(resumed) })
            .collect();
        let ages = |recorded| ages_from(&corrections, Timestamp(recorded));
        prop_assert!(ages(recorded) >= Timestamp(recorded));
        prop_assert!(ages(recorded) <= ages(recorded + 1));
        let first = recorded_from(&corrections, Timestamp(from));
        prop_assert!(ages(first.0) >= Timestamp(from));
        prop_assert!(ages(first.0 - 1) < Timestamp(from));
    }
}

#[test]
fn another_boot_is_another_clock() {
    let mut watched = Watched::new();
    watched.clock.change(|reading| {
        reading.boot = Boot([9; 16]);
        reading.running = 10 * DAY * SECOND;
    });
    watched.look();
    assert_eq!(watched.ageing.stopped, None, "how long it ran before says nothing");
}
