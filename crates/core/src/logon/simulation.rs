//! A million random steps over codes, chains, access tokens and sessions while accounts are disabled, enabled, ended and given other
//! roles and passwords, and the clock moves: on the real types, beside a plain account of what must be true.
//!
//! Held in every step: nothing is given to an account that is not what it was at the logon; of a chain there is one newest token, and
//! a race leaves one; a token that comes again, but for a lost answer, ends its chain; a code works once.

use countersign_events::Timestamp;

use super::{
    AccessClaims, CHAIN_SECONDS, CODE_SECONDS, Chain, ClientId, Lives, Presented, RETRY_SECONDS, RecordedCode,
    RefreshKey, RefreshRefusal, Resource, Session, Shown, Turn, UNUSED_SECONDS, Verifier,
};
use crate::clock::Entropy;
use crate::{Account, AccountId, AccountKind, AccountState, Policy, Role, Roles};

const STEPS: u32 = 1_000_000;
const PEOPLE: usize = 6;
const LINES: usize = 24;
const REDIRECT: &str = "http://127.0.0.1:50123/callback";

/// Chance that is the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn in_hundred(&mut self, share: u64) -> bool {
        self.next() % 100 < share
    }
}

/// What nobody guesses here.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

struct Person {
    account: Account,
    /// Grows with whatever makes a logon of before worth nothing.
    era: u64,
    password_changed_at: Option<Timestamp>,
}

impl Person {
    /// Told without the code under test.
    fn alive(&self, now: i64) -> bool {
        self.account.state == AccountState::Active && self.account.expires_at.is_none_or(|end| now < end.seconds())
    }

    fn has_a_role(&self) -> bool {
        Role::ALL.into_iter().any(|role| self.account.roles.has(role))
    }
}

/// A logon that went on: what the store has of it, and what must be true of it.
struct Line {
    chain: Chain,
    session: Session,
    claims: Option<AccessClaims>,
    person: usize,
    era: u64,
    began: i64,
    turned: i64,
    newest: i64,
    ended: bool,
}

struct Code {
    recorded: RecordedCode,
    line: Option<usize>,
    person: usize,
    era: u64,
    made: i64,
}

#[derive(Debug, Default)]
struct Seen {
    granted: u32,
    turned: u32,
    said_again: u32,
    reuses: u32,
    dead: u32,
    raced: u32,
    tokens: u32,
    sessions: u32,
    codes_twice: u32,
}

struct World {
    chance: Chance,
    now: i64,
    people: Vec<Person>,
    lines: Vec<Line>,
    codes: Vec<Code>,
    key: RefreshKey,
    client: ClientId,
    verifier: Verifier,
    policy: Policy,
    made: u64,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let person = |number: usize| Person {
            account: Account {
                id: AccountId(i64::try_from(number).expect("few people") + 1),
                name: format!("person-{number}").parse().expect("a name"),
                kind: AccountKind::Person,
                roles: Roles::FOUNDING,
                state: AccountState::Active,
                created_at: Timestamp(0),
                eligible_at: Timestamp(0),
                expires_at: None,
                mfa: false,
                email: None,
                owner: None,
                person: None,
                revision: 1,
            },
            era: 0,
            password_changed_at: None,
        };
        Self {
            chance: Chance(seed),
            now: 1_000_000_000,
            people: (0..PEOPLE).map(person).collect(),
            lines: Vec::new(),
            codes: Vec::new(),
            key: RefreshKey::new(&[7; 32]),
            client: ClientId::cli(),
            verifier: Verifier::new(&Zeros),
            policy: Policy::default(),
            made: 0,
            seen: Seen::default(),
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp(0).plus_seconds(self.now)
    }

    fn step(&mut self) {
        match self.chance.below(100) {
            0..10 => self.issue_code(),
            10..24 => self.redeem(),
            24..62 => self.refresh(),
            62..68 => self.race(),
            68..78 => self.use_token(),
            78..86 => self.use_session(),
            86 => self.revoke(),
            87 => self.change_person(),
            _ => self.pass_time(),
        }
    }

    fn pass_time(&mut self) {
        let longest = match self.chance.below(1000) {
            0..900 => 5,
            900..970 => 60,
            970..996 => 2000,
            996..999 => 10 * 3600,
            _ => 9 * 86_400,
        };
        self.now += i64::try_from(self.chance.below(longest)).expect("a few days");
    }

    /// Every factor was right just now. Only of somebody who may log on: that is the flow's to hold.
    fn issue_code(&mut self) {
        let person = self.chance.below(PEOPLE);
        if !self.people[person].alive(self.now) || !self.people[person].has_a_role() {
            return;
        }
        self.made += 1;
        let account = &self.people[person].account;
        let code = Code {
            recorded: RecordedCode {
                chain: format!("{:032x}", self.made),
                client: self.client.clone(),
                resource: Resource::Api,
                redirect: REDIRECT.to_owned(),
                challenge: self.verifier.challenge(),
                account: account.id,
                account_revision: account.revision,
                factor_at: None,
                expires_at: self.at().plus_seconds(CODE_SECONDS),
                used: false,
            },
            line: None,
            person,
            era: self.people[person].era,
            made: self.now,
        };
        if self.codes.len() < LINES {
            self.codes.push(code);
        } else {
            let place = self.chance.below(LINES);
            self.codes[place] = code;
        }
    }

    fn redeem(&mut self) {
        if self.codes.is_empty() {
            return;
        }
        let place = self.chance.below(self.codes.len());
        let (code, now) = (&self.codes[place], self.at());
        let person = &self.people[code.person];
        let presented = Presented {
            client: &self.client,
            redirect: REDIRECT,
            verifier: &self.verifier,
        };
        let used = code.recorded.used;
        let right = !used
            && self.now < code.made + 60
            && code.era == person.era
            && person.alive(self.now)
            && person.has_a_role();
        let answer = code.recorded.clone().redeem(
            &presented,
            Some(person.account.clone()),
            person.password_changed_at,
            now,
        );
        assert_eq!(answer.is_ok(), right, "{answer:?}");
        let (owner, era) = (code.person, code.era);
        self.codes[place].recorded.used = true;
        let Ok(redeemed) = answer else {
            // What came from a code ends when it comes again.
            if used {
                self.seen.codes_twice += 1;
                if let Some(line) = self.codes[place].line.take() {
                    self.end(line);
                }
            }
            return;
        };
        self.seen.granted += 1;
        let line = Line {
            session: Session {
                account: redeemed.account().id,
                account_revision: redeemed.account().revision,
                chain: redeemed.chain().to_owned(),
                csrf: String::new(),
                created_at: now,
                seen_at: now,
                factor_at: None,
            },
            chain: Chain::begun(&redeemed, Lives::Refreshed, String::new(), None, now),
            claims: None,
            person: owner,
            era,
            began: self.now,
            turned: self.now,
            newest: 0,
            ended: false,
        };
        self.keep(place, line);
    }

    /// In an empty place, or in one that is over, or in any.
    fn keep(&mut self, code: usize, line: Line) {
        let place = if self.lines.len() < LINES {
            self.lines.push(line);
            self.lines.len() - 1
        } else {
            let over = self.lines.iter().position(|line| line.ended);
            let place = over.unwrap_or_else(|| self.chance.below(LINES));
            for code in &mut self.codes {
                code.line = code.line.filter(|line| *line != place);
            }
            self.lines[place] = line;
            place
        };
        self.codes[code].line = Some(place);
    }

    fn end(&mut self, line: usize) {
        let now = self.at();
        let line = &mut self.lines[line];
        line.ended = true;
        line.chain.ended_at.get_or_insert(now);
    }

    /// One shows a refresh token: mostly the newest, sometimes one of before.
    fn refresh(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let place = self.chance.below(self.lines.len());
        let generation = self.some_generation(place);
        let seen = self.lines[place].chain.clone();
        self.turn(place, generation, &seen);
    }

    fn some_generation(&mut self, place: usize) -> i64 {
        let newest = self.lines[place].newest;
        match self.chance.below(100) {
            0..88 => newest,
            88..98 => (newest - 1).max(0),
            _ => i64::try_from(self.chance.below(usize::try_from(newest).expect("not negative") + 1)).expect("small"),
        }
    }

    /// Several show the same token, and all are decided on what the chain was before any of them.
    fn race(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let place = self.chance.below(self.lines.len());
        let generation = self.some_generation(place);
        let seen = self.lines[place].chain.clone();
        self.seen.raced += 1;
        let mut successors = Vec::new();
        for _ in 0..2 + self.chance.below(3) {
            successors.extend(self.turn(place, generation, &seen));
        }
        successors.dedup();
        assert!(successors.len() <= 1, "a fork: {successors:?}");
    }

    /// Decides on what was seen, and writes it if it is still so; otherwise it is decided again on what is there. The token that is
    /// given.
    fn turn(&mut self, place: usize, generation: i64, seen: &Chain) -> Option<String> {
        let token = self.key.token(&self.lines[place].chain.id, generation);
        let (id, shown_generation) = self.key.read(&token).expect("our own token");
        assert_eq!((&id, shown_generation), (&self.lines[place].chain.id, generation));
        let shown = Shown {
            client: &self.client,
            generation,
            key: None,
            resource: None,
            scope: None,
        };
        let now = self.at();
        let person = &self.people[self.lines[place].person];
        let decide = |chain: &Chain| chain.refresh(&shown, Some(&person.account), person.password_changed_at, now);
        let mut answer = decide(seen);
        let line = &self.lines[place];
        let unchanged = line.chain.generation == seen.generation && line.chain.ended_at == seen.ended_at;
        if !unchanged {
            answer = decide(&line.chain);
        }
        // What must be true, told without the code under test.
        let alive = person.alive(self.now)
            && person.era == line.era
            && !line.ended
            && self.now < line.began + CHAIN_SECONDS
            && self.now < line.turned + UNUSED_SECONDS;
        let newest = generation == line.newest;
        let lost = generation == line.newest - 1 && self.now < line.turned + RETRY_SECONDS;
        match &answer {
            Ok(Turn::Next) => {
                assert!(alive && newest, "generation {generation} of {}", line.newest);
                self.seen.turned += 1;
                let line = &mut self.lines[place];
                line.chain.generation += 1;
                line.chain.rotated_at = now;
                line.newest += 1;
                line.turned = self.now;
                line.claims = Some(AccessClaims::next_of(&line.chain, "https://here", now, &Zeros));
            }
            Ok(Turn::Again) => {
                assert!(alive && lost, "generation {generation} of {}", line.newest);
                self.seen.said_again += 1;
            }
            Err(refusal) => {
                assert!(!alive || !(newest || lost), "{refusal:?}");
                if alive {
                    assert_eq!(*refusal, RefreshRefusal::Reused);
                    assert!(refusal.ends_chain(), "a reuse goes unseen");
                    self.seen.reuses += 1;
                } else {
                    self.seen.dead += 1;
                }
                if refusal.ends_chain() {
                    self.end(place);
                }
                return None;
            }
        }
        let line = &self.lines[place];
        Some(self.key.token(&line.chain.id, line.chain.generation))
    }

    fn use_token(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let place = self.chance.below(self.lines.len());
        let (line, now) = (&self.lines[place], self.at());
        let Some(claims) = &line.claims else { return };
        let person = &self.people[line.person];
        let taken = now < claims.expires_at() && claims.standing(&line.chain, &person.account, now).is_ok();
        let right = self.now < line.turned + 600
            && self.now < line.began + CHAIN_SECONDS
            && !line.ended
            && person.alive(self.now)
            && person.era == line.era;
        assert_eq!(taken, right, "an access token of {:?}", person.account);
        self.seen.tokens += u32::from(taken);
    }

    fn use_session(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let place = self.chance.below(self.lines.len());
        let now = self.at();
        let line = &mut self.lines[place];
        let person = &self.people[line.person];
        let stands = line.session.standing(&person.account, &self.policy, now).is_ok();
        let right = self.now < line.session.seen_at.seconds() + 30 * 60
            && self.now < line.began + 12 * 3600
            && person.alive(self.now)
            && person.account.revision == line.session.account_revision;
        assert_eq!(stands, right, "a session of {:?}", person.account);
        if stands {
            line.session.seen_at = now;
            self.seen.sessions += 1;
        }
    }

    fn revoke(&mut self) {
        if !self.lines.is_empty() {
            let place = self.chance.below(self.lines.len());
            self.end(place);
        }
    }

    /// Whatever is done to an account, and what the same transaction does to its chains.
    fn change_person(&mut self) {
        let place = self.chance.below(PEOPLE);
        let (now, seconds) = (self.at(), self.now);
        let soon = now.plus_seconds(i64::try_from(self.chance.below(200_000)).expect("a few days"));
        let deed = self.chance.below(100);
        let forgotten = self.chance.in_hundred(30);
        let person = &mut self.people[place];
        person.era += 1;
        match deed {
            0..20 => person.account.state = AccountState::Disabled,
            20..55 => {
                person.account.state = AccountState::Active;
                person.account.expires_at = None;
                person.account.roles = Roles::FOUNDING;
            }
            55..65 => person.account.expires_at = Some(soon),
            65..72 => person.account.roles = Roles::default(),
            72..78 => person.account.roles = [Role::BackupViewer].into_iter().collect(),
            _ => {
                // The revision stays: that the chains end is the password's own doing, also where no chain was ended with it.
                person.password_changed_at = Some(now.plus_seconds(1));
                self.now = seconds + 1;
                if forgotten {
                    for line in self.lines.iter_mut().filter(|line| line.person == place) {
                        line.claims = None;
                    }
                } else {
                    self.end_all(place);
                }
                return;
            }
        }
        person.account.revision += 1;
    }

    fn end_all(&mut self, person: usize) {
        for line in 0..self.lines.len() {
            if self.lines[line].person == person {
                self.end(line);
            }
        }
    }
}

#[test]
fn req_10_38_in_a_million_random_steps_no_dead_account_gets_a_token_no_chain_forks_and_no_reuse_goes_unseen() {
    let mut world = World::new(0x00c0_ffee);
    for _ in 0..STEPS {
        world.step();
    }
    // It has been everywhere, often: otherwise it would say little.
    let seen = &world.seen;
    for (what, count) in [
        ("granted", seen.granted),
        ("turned", seen.turned),
        ("said again", seen.said_again),
        ("reuses", seen.reuses),
        ("dead", seen.dead),
        ("raced", seen.raced),
        ("tokens", seen.tokens),
        ("sessions", seen.sessions),
        ("codes twice", seen.codes_twice),
    ] {
        assert!(count > 1000, "only {count} times: {what}");
    }
}
