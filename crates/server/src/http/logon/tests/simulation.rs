//! The simulation of core through the router and the store, with fewer steps: what one person's applications, a thief, an administrator
//! and time do, and what must be true of it.

use std::collections::BTreeMap;

use countersign_core::logon::{CHAIN_SECONDS, RETRY_SECONDS, UNUSED_SECONDS};
use countersign_core::password::PasswordHash;
use countersign_core::{Account, AccountState};

use super::refresh::{logged_on, refresh};
use super::tokens::{json, live, post};
use super::*;
use crate::flows::chains;

const STEPS: u32 = 1000;

/// Chance that is the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// A logon that went on, and what must be true of it.
struct Line {
    refresh: Vec<String>,
    access: String,
    access_at: i64,
    began: i64,
    turned: i64,
    over: bool,
}

struct World {
    server: TestServer,
    chance: Chance,
    account: Account,
    lines: Vec<Line>,
    seen: BTreeMap<&'static str, u32>,
}

impl World {
    fn now(&self) -> i64 {
        self.server.app.clock.now().seconds()
    }

    fn note(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn alive(&self, line: &Line) -> bool {
        let now = self.now();
        !line.over && now < line.began + CHAIN_SECONDS && now < line.turned + UNUSED_SECONDS
    }

    async fn log_on(&mut self) {
        if self.account.state != AccountState::Active {
            self.change_account(false).await;
        }
        // A one-time code is good once.
        self.server.clock.advance_seconds(30);
        let (access, token) = logged_on(&self.server).await;
        let now = self.now();
        let line = Line {
            refresh: vec![token],
            access,
            access_at: now,
            began: now,
            turned: now,
            over: false,
        };
        if self.lines.len() < 6 {
            self.lines.push(line);
        } else {
            let over = self.lines.iter().position(|line| line.over);
            let place = over.unwrap_or_else(|| self.chance.below(6));
            self.lines[place] = line;
        }
        self.note("granted");
    }

    async fn turn(&mut self) {
        let place = self.chance.below(self.lines.len());
        let newest = self.lines[place].refresh.len() - 1;
        let shown = match self.chance.below(30) {
            0..24 => newest,
            24..29 => newest.saturating_sub(1),
            _ => self.chance.below(newest + 1),
        };
        let line = &self.lines[place];
        let (alive, now) = (self.alive(line), self.now());
        let lost = shown + 1 == newest && now < line.turned + RETRY_SECONDS;
        let answer = refresh(&self.server, &line.refresh[shown].clone()).await;
        if alive && (shown == newest || lost) {
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            let (body, line) = (json(&answer), &mut self.lines[place]);
            let next = body["refresh_token"].as_str().unwrap().to_owned();
            line.access = body["access_token"].as_str().unwrap().to_owned();
            line.access_at = now;
            if lost {
                assert_eq!(next, line.refresh[newest], "a fork");
                self.note("said again");
            } else {
                assert!(!line.refresh.contains(&next));
                line.refresh.push(next);
                line.turned = now;
                self.note("turned");
            }
        } else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
            assert_eq!(json(&answer)["error"], "invalid_grant");
            if alive {
                let last = last(&self.server).await;
                assert!(
                    matches!(last, Event::TokenChainRevoked { .. }),
                    "a reuse goes unseen: {last:?}"
                );
            }
            self.note(if alive { "reused" } else { "dead" });
            self.lines[place].over = true;
        }
    }

    async fn use_token(&mut self) {
        let line = &self.lines[self.chance.below(self.lines.len())];
        let now = self.now();
        let right = !line.over && now < line.access_at + 600 && now < line.began + CHAIN_SECONDS;
        assert_eq!(live(&self.server, &line.access).await, right);
        self.note(if right { "taken" } else { "not taken" });
    }

    async fn revoke(&mut self) {
        let place = self.chance.below(self.lines.len());
        let token = self.lines[place].refresh.last().unwrap();
        let answer = post(&self.server, "/oauth2/revoke", format!("client_id=cli&token={token}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        self.lines[place].over = true;
    }

    /// Disabled and enabled again, or another password (which is the same: only when it was set counts).
    async fn change_account(&mut self, password: bool) {
        self.server.clock.advance_seconds(1);
        let (seen, now) = (self.account.clone(), self.server.app.clock.now());
        let mut after = seen.clone();
        if !password {
            after.state = match seen.state {
                AccountState::Active => AccountState::Disabled,
                _ => AccountState::Active,
            };
            after.revision += 1;
        }
        self.account = after.clone();
        let hash = crate::testing::people::hash_of_password();
        self.server
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    if password {
                        tx.set_password(seen.id, &hash, now).await?;
                        chains::end_all(tx, &seen, None, None, now).await?;
                    } else {
                        tx.change_account(&seen, &after).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        for line in &mut self.lines {
            line.over = true;
        }
        self.note("changed");
    }
}

#[tokio::test]
async fn req_10_38_through_the_store_no_dead_account_gets_a_token_no_chain_forks_and_no_reuse_goes_unseen() {
    let server = TestServer::new().await;
    let account = server.person("ann").await;
    let mut world = World {
        server,
        chance: Chance(7),
        account,
        lines: Vec::new(),
        seen: BTreeMap::new(),
    };
    world.log_on().await;
    for _ in 0..STEPS {
        match world.chance.below(100) {
            0..5 => world.log_on().await,
            5..55 => world.turn().await,
            55..75 => world.use_token().await,
            75 => world.revoke().await,
            76 => {
                let password = world.chance.below(3) == 0;
                world.change_account(password).await;
            }
            step => {
                let seconds = if step < 98 { 4 } else { 4000 };
                let seconds = world.chance.below(seconds);
                world.server.clock.advance_seconds(i64::try_from(seconds).unwrap());
            }
        }
    }
    for what in [
        "granted",
        "turned",
        "said again",
        "reused",
        "dead",
        "taken",
        "not taken",
        "changed",
    ] {
        let count = world.seen.get(what).copied().unwrap_or_default();
        assert!(count >= 5, "only {count} times: {what}, of {:?}", world.seen);
    }
}

#[tokio::test]
async fn reason_3_a_code_from_before_the_password_was_changed_gives_nothing() {
    let server = TestServer::new().await;
    let ann = server.person("ann").await;
    let (code, verifier) = super::tokens::cli_code(&server).await;
    server.clock.advance_seconds(1);
    let (now, hash) = (
        server.app.clock.now(),
        PasswordHash::new("another long password", &SystemEntropy).unwrap(),
    );
    server
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.set_password(ann.id, &hash, now).await?;
                chains::end_all(tx, &ann, None, None, now).await
            })
        })
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap();
    let answer = super::tokens::redeem(&server, &code, verifier.as_str(), CLI_REDIRECT).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    let Event::TokenRequestRejected { reason, .. } = last(&server).await else {
        panic!("no denial");
    };
    assert_eq!(reason, Reason::PasswordRevalidationFailed);
}
