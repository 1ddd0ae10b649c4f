//! What is known of the clock, over restarts of the server and of the machine.

use countersign_core::ManualClock;

use super::*;

const START: Timestamp = Timestamp(1_795_000_000_000_000);
const DAY: i64 = 86_400;

struct Machine {
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self {
            clock: Arc::new(ManualClock::at(START)),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn start(&self) -> Store {
        let store = Store::open(&self.folder.path().join("test.db")).await.unwrap();
        store.age_by(Arc::clone(&self.clock) as _).await.unwrap();
        store
    }

    fn ageing(&self, store: &Store) -> Timestamp {
        store.moment(self.clock.now()).ageing
    }
}

#[tokio::test]
async fn a_jump_while_the_server_did_not_run_is_seen_on_the_same_boot() {
    let machine = Machine::new();
    drop(machine.start().await);
    machine.clock.advance_seconds(3600);
    machine.clock.jump_seconds(30 * DAY);
    let store = machine.start().await;
    assert!(store.stopped().is_some());
    assert_eq!(
        machine.ageing(&store),
        START.plus_seconds(3600),
        "what passed on the other clock counts"
    );
    // It is kept at once, so that nobody ends it by a restart and a clock set back.
    store.look_at_clock().await.unwrap();
    drop(store);
    machine.clock.jump_seconds(-30 * DAY);
    let store = machine.start().await;
    assert!(store.stopped().is_some());
    machine.clock.reboot_after(DAY);
    let store = machine.start().await;
    assert!(store.stopped().is_some());
    assert_eq!(machine.ageing(&store), START.plus_seconds(3600));
}

#[tokio::test]
async fn after_a_boot_the_clock_is_believed_unless_it_lies_behind_what_was_kept() {
    let machine = Machine::new();
    drop(machine.start().await);
    machine.clock.reboot_after(2 * DAY);
    let store = machine.start().await;
    assert!(store.stopped().is_none());
    assert_eq!(machine.ageing(&store), START.plus_seconds(2 * DAY));
    machine.clock.advance_seconds(60);
    store.look_at_clock().await.unwrap();
    drop(store);
    machine.clock.reboot_after(-DAY);
    let store = machine.start().await;
    assert!(store.stopped().is_some());
    assert_eq!(machine.ageing(&store), START.plus_seconds(2 * DAY + 60));
}

#[tokio::test]
async fn it_is_written_once_a_minute_and_not_when_it_is_asked() {
    let machine = Machine::new();
    let store = machine.start().await;
    let writes = store.writes();
    for _ in 0..59 {
        machine.clock.advance_seconds(1);
        machine.ageing(&store);
        store.look_at_clock().await.unwrap();
    }
    assert_eq!(store.writes(), writes);
    machine.clock.advance_seconds(1);
    store.look_at_clock().await.unwrap();
    assert_eq!(store.writes(), writes + 1);
}

/// Between the decision to confirm and its commit nobody knows which deadlines hold: the time is the lesser one.
#[tokio::test]
async fn a_confirmation_that_was_undone_confirms_nothing() {
    let machine = Machine::new();
    let store = machine.start().await;
    machine.clock.jump_seconds(-DAY);
    let (_, known) = store.stopped().unwrap();
    let undone: Result<(), _> = store
        .write(move |tx| {
            Box::pin(async move {
                assert!(tx.confirm_clock(known.jumps, "ann").await?);
                Err(StoreError::Unreadable("a test"))
            })
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(
        machine.ageing(&store),
        START.plus_seconds(-DAY),
        "no deadline is reached by a time it may not have"
    );
    store.resume_ageing().await.unwrap();
    assert!(store.stopped().is_some());
    assert_eq!(machine.ageing(&store), START);
    let (_, known) = store.stopped().unwrap();
    let done = store.write(move |tx| Box::pin(async move { tx.confirm_clock(known.jumps, "ann").await }));
    assert!(done.await.unwrap());
    store.resume_ageing().await.unwrap();
    assert!(store.stopped().is_none());
    let corrections: Vec<Correction> = store
        .ask(|view| Box::pin(view.clock_corrections()))
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
    assert_eq!(corrections.len(), 1);
}
