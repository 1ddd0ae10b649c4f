//! Decisions that meet: many people at once over HTTP, on as many threads as there are; one wins, and the others are told.

use std::sync::Arc;

use countersign_core::request::{Effect, State};
use countersign_core::{RequestId, Role};
use countersign_events::Event;
use countersign_store::{RequestRecord, StoreError};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use crate::flows::effects::carry_out_ripe;
use crate::testing::office::Office;
use crate::testing::people::Answer;

/// Somebody who may decide, with their token.
#[derive(Clone)]
struct Decider {
    name: String,
    token: String,
}

/// What somebody wants to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Approve,
    Reject,
    Veto,
}

struct Race {
    office: Arc<Office>,
    people: usize,
}

impl Race {
    async fn begin() -> Self {
        Self {
            office: Arc::new(Office::open().await),
            people: 0,
        }
    }

    /// Others each time: a code is of use once.
    async fn deciders(&mut self, how_many: usize) -> Vec<Decider> {
        let mut deciders = Vec::new();
        for _ in 0..how_many {
            self.people += 1;
            let name = format!("person{}", self.people);
            let now = self.office.server.now();
            let roles = [Role::SecurityAdministrator];
            let account = self.office.server.colleague(&name, &roles, now).await;
            let token = self.office.token(&account).await;
            deciders.push(Decider { name, token });
        }
        deciders
    }

    /// Sends what they want as soon as everybody is there.
    async fn go(
        &self,
        who: Decider,
        wants: Wants,
        id: RequestId,
        start: Arc<Barrier>,
    ) -> JoinHandle<(Decider, Answer)> {
        let digest = self.shown(id).await["digest"].clone();
        let office = Arc::clone(&self.office);
        tokio::spawn(async move {
            start.wait().await;
            let answer = ask(&office, &who, wants, id, &digest).await;
            (who, answer)
        })
    }

    async fn shown(&self, id: RequestId) -> Value {
        let token = self.office.token(&self.office.ann).await;
        let path = format!("/requests/{id}");
        let shown = self.office.call(&token, Method::GET, &path, None).await;
        serde_json::from_str(&shown.body).unwrap()
    }

    async fn record(&self, id: RequestId) -> RequestRecord {
        let asked = self
            .office
            .server
            .app
            .store
            .ask(move |view| Box::pin(async move { view.request(id).await }));
        asked
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
    }

    /// How often each of 42403 and 42404 was told of it.
    async fn told(&self, id: RequestId) -> [usize; 2] {
        let events = self.office.server.events().await;
        let of_it = |request: &Option<String>| request.as_deref() == Some(&*id.to_string());
        let count = |is: fn(&Event) -> Option<&Option<String>>| {
            events.iter().filter_map(is).filter(|request| of_it(request)).count()
        };
        [
            count(|event| match event {
                Event::FourEyesRequestApproved { request_id, .. } => Some(request_id),
                _ => None,
            }),
            count(|event| match event {
                Event::FourEyesRequestRejected { request_id, .. } => Some(request_id),
                _ => None,
            }),
        ]
    }

    async fn snapshots(&self) -> usize {
        let counted = self.office.server.app.store.read(|view| {
            Box::pin(async move {
                let backup = view.backups().await?[0].id;
                let kind = countersign_core::ObjectKind::Snapshots;
                Ok::<_, StoreError>(view.visible_objects(backup, kind).await?.len())
            })
        });
        counted.await.unwrap()
    }
}

async fn ask(office: &Office, who: &Decider, wants: Wants, id: RequestId, digest: &Value) -> Answer {
    let code = office.server.code(&who.name);
    let (verb, body) = match wants {
        Wants::Approve => ("approve", json!({"digest": digest, "code": code})),
        Wants::Reject => ("reject", json!({"code": code})),
        Wants::Veto => ("veto", json!({"code": code})),
    };
    let path = format!("/requests/{id}/{verb}");
    office.call(&who.token, Method::POST, &path, Some(body)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_hundred_who_decide_at_once_one_wins_and_the_others_are_told() {
    const DECIDERS: usize = 200;
    let mut race = Race::begin().await;
    let id = race.office.waiting(&["one", "two"]).await;
    let digest = race.shown(id).await["digest"].clone();
    let start = Arc::new(Barrier::new(DECIDERS));
    let mut tasks = Vec::new();
    for (number, who) in race.deciders(DECIDERS).await.into_iter().enumerate() {
        let wants = if number % 2 == 0 { Wants::Approve } else { Wants::Reject };
        tasks.push((wants, race.go(who, wants, id, Arc::clone(&start)).await));
    }
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (wants, task) in tasks {
        let (who, answer) = task.await.unwrap();
        match answer.status {
            StatusCode::OK => won.push((wants, who)),
            StatusCode::CONFLICT => lost.push((wants, who, answer)),
            other => panic!("{other}: {}", answer.body),
        }
    }
    let [(wants, winner)] = &won[..] else {
        panic!("{} won", won.len());
    };
    let record = race.record(id).await;
    let (state, told) = match wants {
        Wants::Approve => (State::Approved, [1, 0]),
        _ => (State::Rejected, [0, 1]),
    };
    assert_eq!(record.state, state);
    assert_eq!(record.decided_by.as_deref(), Some(&*winner.name));
    assert_eq!(race.told(id).await, told);
    race.office.server.app.vault.purge_due().await.unwrap();
    assert_eq!(race.snapshots().await, if state == State::Approved { 0 } else { 2 });
    // Who met the gate of another's decision was told to try again, and is then told who was first.
    for (wants, who, answer) in lost {
        let answer = if answer.body.contains(&winner.name) {
            answer
        } else {
            assert!(answer.body.contains("try again"), "{}", answer.body);
            ask(&race.office, &who, wants, id, &digest).await
        };
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
        assert!(answer.body.contains(&winner.name), "{}", answer.body);
    }
    assert_eq!(race.told(id).await, told);
}

/// Vetoes against the end of the window: whichever comes first, it is done whole or brought back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_veto_and_the_end_of_the_window_never_both_happen() {
    const VETOES: usize = 6;
    const WORKERS: usize = 2;
    let mut race = Race::begin().await;
    race.office.undo_hours(24).await;
    let (mut kept, mut gone) = (0, 0);
    for round in 0..12 {
        let id = race.office.waiting(&[&format!("content {round}")]).await;
        let approver = race.deciders(1).await.remove(0);
        let digest = race.shown(id).await["digest"].clone();
        let approved = ask(&race.office, &approver, Wants::Approve, id, &digest).await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.body);
        let vetoers = race.deciders(VETOES).await;
        // Tokens of a day end meanwhile, so the window is moved to them.
        race.office.server.clock.advance_seconds(24 * 3600 - 60);
        let mut tasks = Vec::new();
        let start = Arc::new(Barrier::new(VETOES + WORKERS));
        for who in vetoers {
            let who = renewed(&race, who).await;
            tasks.push(race.go(who, Wants::Veto, id, Arc::clone(&start)).await);
        }
        race.office.server.clock.advance_seconds(120);
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            let (office, start) = (Arc::clone(&race.office), Arc::clone(&start));
            workers.push(tokio::spawn(async move {
                start.wait().await;
                // What meets a closed gate is looked at again a second later.
                for _ in 0..3 {
                    let _ = carry_out_ripe(&office.server.app).await;
                }
            }));
        }
        let mut won = 0;
        for task in tasks {
            let (who, answer) = task.await.unwrap();
            match answer.status {
                StatusCode::OK => won += 1,
                StatusCode::CONFLICT => {}
                other => panic!("{}, {other}: {}", who.name, answer.body),
            }
        }
        for worker in workers {
            worker.await.unwrap();
        }
        assert!(won < 2, "{won} vetoes of one request");
        carry_out_ripe(&race.office.server.app).await.unwrap();
        race.office.server.app.vault.purge_due().await.unwrap();
        let (effect, told) = (race.record(id).await.effect, race.told(id).await);
        if won == 1 {
            assert_eq!((effect, told), (Effect::Vetoed, [1, 1]));
            kept += 1;
        } else {
            assert_eq!((effect, told), (Effect::Done, [1, 0]));
            gone += 1;
        }
        assert_eq!(race.snapshots().await, kept, "{gone} went");
    }
    println!("{kept} were vetoed, {gone} went");
}

/// A later request is approved while the earlier one, on which it was computed, is vetoed: it never stays when that came back.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn an_approval_of_a_later_one_and_a_veto_of_the_earlier_leave_none_alone() {
    let mut race = Race::begin().await;
    race.office.undo_hours(24).await;
    let mut alone = 0;
    for round in 0..12 {
        let earlier = race.office.waiting(&[&format!("earlier {round}")]).await;
        let later = race.office.waiting(&[&format!("later {round}")]).await;
        let first = race.deciders(1).await.remove(0);
        let digest = race.shown(earlier).await["digest"].clone();
        let approved = ask(&race.office, &first, Wants::Approve, earlier, &digest).await;
        assert_eq!(approved.status, StatusCode::OK, "{}", approved.body);
        let seen = race.snapshots().await;
        let start = Arc::new(Barrier::new(4));
        let mut tasks = Vec::new();
        for (number, who) in race.deciders(4).await.into_iter().enumerate() {
            let (wants, id) = if number % 2 == 0 {
                (Wants::Approve, later)
            } else {
                (Wants::Veto, earlier)
            };
            tasks.push((wants, race.go(who, wants, id, Arc::clone(&start)).await));
        }
        let mut vetoed = false;
        for (wants, task) in tasks {
            let (_, answer) = task.await.unwrap();
            assert!(
                matches!(answer.status, StatusCode::OK | StatusCode::CONFLICT),
                "{}",
                answer.body
            );
            vetoed |= wants == Wants::Veto && answer.status == StatusCode::OK;
        }
        let (earlier, later) = (race.record(earlier).await, race.record(later).await);
        assert_eq!(earlier.effect == Effect::Vetoed, vetoed);
        if vetoed {
            let back = later.state == State::Rejected || later.effect == Effect::Vetoed;
            assert!(back, "{later:?} stays though the earlier one came back");
            assert_eq!(race.snapshots().await, seen + 2);
        } else {
            assert_eq!((later.state, later.effect), (State::Approved, Effect::Waiting));
            assert_eq!(race.snapshots().await, seen);
            alone += 1;
        }
        race.office.server.clock.advance_seconds(60);
    }
    println!("{alone} of 12 met no veto in time");
}

/// With another token: an access token of tests holds for a day.
async fn renewed(race: &Race, who: Decider) -> Decider {
    let name = who.name.parse().unwrap();
    let asked = race
        .office
        .server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.account_named(&name).await }));
    let account = asked
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .unwrap();
    Decider {
        token: race.office.token(&account).await,
        ..who
    }
}
