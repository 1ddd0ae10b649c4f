//! Storages and backups with the programs that people use: restic, curl, the command line, pages. Each operation is asked for, rejected,
//! left to expire, and approved; what is reported of it is compared whole.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    command_line::CommandLine,
    laptop::{Laptop, init_cheaply},
    process::Outcome,
    raw::Raw,
    restic::Restic,
    server::{Member, Server, TOKEN},
};

fn members() -> [Member; 2] {
    [
        Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
        Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"),
    ]
}

fn raw(server: &Server, backup: &str) -> Raw {
    Raw::new(&format!("{}/restic/{backup}/", server.origin()), "laptop", TOKEN)
}

/// An event's id and parameters, without what every message says of the server.
fn told(event: &Value) -> Value {
    let mut parameters = event["parameters"].clone();
    let common = parameters.as_object_mut().expect("parameters");
    for name in ["VbrHostName", "VbrVersion", "Version"] {
        assert!(common.remove(name).is_some(), "{event}");
    }
    json!({"id": event["id"], "parameters": parameters})
}

/// What is told of a step of a request: 42402 created, 42403 approved, 42404 rejected, 42405 expired.
fn step(id: u32, operation: &str, number: u32, initiator: &str) -> Value {
    let person = |name: &str| format!("<ModifiedUserInfo fullName=\"{name}\" loginType=\"0\" />");
    let event = format!("{operation} event");
    let (supervisor, description) = match id {
        42402 => (
            None,
            format!("{event} has been initiated by {initiator} and requires an additional approval."),
        ),
        42403 => (
            Some("bob"),
            format!("{event} initiated by {initiator} has been approved by bob."),
        ),
        42404 => (
            Some("bob"),
            format!("{event} initiated by {initiator} has been rejected by bob."),
        ),
        _ => (
            None,
            format!(
                "{event} initiated by {initiator} has expired while waiting for additional approval and was auto-rejected."
            ),
        ),
    };
    let mut parameters = json!({
        "Operation": operation,
        "OperationId": number.to_string(),
        "InitiatorFullInfo": person(initiator),
        "Description": description,
    });
    if let Some(supervisor) = supervisor {
        parameters["SupervisorFullInfo"] = person(supervisor).into();
    }
    json!({"id": id, "parameters": parameters})
}

fn four_eyes(server: &Server) -> Vec<Value> {
    let of_requests = |event: &Value| event["id"].as_u64().is_some_and(|id| (42402..=42405).contains(&id));
    server
        .events()
        .iter()
        .filter(|event| of_requests(event))
        .map(told)
        .collect()
}

/// A folder of storages with everything that can be asked for.
struct Site {
    server: Server,
    ann: Member,
    bob: Member,
    line: CommandLine,
    laptop: Laptop,
    snapshot: String,
    data: String,
    days: u32,
}

impl Site {
    fn new() -> Self {
        let [mut ann, bob] = members();
        let mut server = Server::set_up(&[&ann, &bob]);
        server.start();
        let line = CommandLine::of(&server);
        line.log_on(&server, &mut ann);
        for storage in ["archive --immutable-days 30", "spare"] {
            let words: Vec<_> = ["storages", "add"].into_iter().chain(storage.split(' ')).collect();
            line.run(&words);
        }
        for backup in ["main/old", "main/db", "spare/odd"] {
            init_cheaply(&raw(&server, backup));
        }
        line.run(&["backups", "mark", "main/db", "log"]);
        let mut laptop = Laptop::at(Restic::newest().repository(&server.url("laptop", TOKEN, "laptop")), 1);
        laptop.repository.init();
        let taken = laptop.days(2);
        let data = raw(&server, "main/laptop").list("data").remove(0);
        server.pass_seconds(60);
        Self {
            snapshot: taken[0].id.0.clone(),
            server,
            ann,
            bob,
            line,
            laptop,
            data,
            days: 30,
        }
    }

    /// Asks for each operation once, each by another program: what is told of them, in order.
    fn ask(&mut self) -> Vec<(String, u32, &'static str)> {
        self.laptop.repository.forget(&[&self.snapshot]).expect("restic forget");
        let address = format!(
            "{}/api/v1/backups/main/laptop/objects/{}",
            self.server.origin(),
            self.data
        );
        let bearer = format!("Authorization: Bearer {}", self.line.token());
        let curl =
            Outcome::of(Command::new("curl").args(["-sS", "-X", "DELETE", "-H", &bearer, &address])).expect("curl");
        assert!(curl.stdout.contains("/api/v1/requests/"), "{}", curl.stdout);
        self.days -= 1;
        let days = self.days.to_string();
        for words in [
            &["backups", "delete", "main/old"][..],
            &["backups", "delete", "main/db"],
            &["storages", "change", "archive", "--immutable-days", &days],
            &["storages", "delete", "spare", "--purge"],
        ] {
            let said = self.line.run(words);
            assert!(said.starts_with("Held: a second person must approve request"), "{said}");
        }
        self.server.pass_seconds(60);
        let object = self.data.strip_prefix("data/").expect("a pack");
        vec![
            (
                format!("Delete snapshot main/laptop/{}", &self.snapshot[..8]),
                104,
                "laptop",
            ),
            (format!("Delete object main/laptop/data/{}", &object[..8]), 105, "ann"),
            ("Delete backup main/old".to_owned(), 100, "ann"),
            ("Delete log backup main/db".to_owned(), 101, "ann"),
            ("Update repository archive".to_owned(), 109, "ann"),
            ("Delete storage spare".to_owned(), 107, "ann"),
        ]
    }

    /// Bob decides requests on their pages.
    fn decide(&mut self, requests: impl Iterator<Item = usize>, decision: &str) {
        for request in requests {
            let page = self.bob.open(&self.server, &format!("/requests/{request}"));
            self.bob.decide(&self.server, &page, decision).expect("an answer");
        }
    }
}

fn steps(id: u32, asked: &[(String, u32, &'static str)]) -> Vec<Value> {
    let step = |(operation, number, initiator): &(String, u32, &'static str)| step(id, operation, *number, initiator);
    asked.iter().map(step).collect()
}

#[test]
fn each_operation_is_held_and_told_whole_whatever_becomes_of_it() {
    let mut site = Site::new();
    let asked = site.ask();
    assert_eq!(four_eyes(&site.server), steps(42402, &asked));
    // The newest of a queue first: each alone.
    site.decide([2, 1, 3, 4, 5, 6].into_iter(), "reject");
    let rejected = four_eyes(&site.server).split_off(6);
    let mut expected = steps(42404, &asked);
    expected.swap(0, 1);
    assert_eq!(rejected, expected);
    let all: Vec<_> = site.laptop.repository.snapshots();
    assert_eq!(all.len(), 2);

    let asked = site.ask();
    site.server.pass_seconds(7 * 86_400 + 60);
    crate::support::clock::eventually("the requests to expire", || {
        (four_eyes(&site.server).len() == 24).then_some(())
    });
    let mut expired = four_eyes(&site.server).split_off(18);
    let mut expected = steps(42405, &asked);
    let by_text = |event: &Value| event["parameters"]["Operation"].to_string();
    expired.sort_by_key(by_text);
    expected.sort_by_key(by_text);
    assert_eq!(expired, expected);
    site.laptop.repository.check().expect("restic check");

    site.line.log_on(&site.server, &mut site.ann);
    let asked = site.ask();
    let before = site.server.events().len();
    site.decide(13..=18, "approve");
    let done: Vec<_> = four_eyes(&site.server).split_off(30);
    assert_eq!(done, steps(42403, &asked));
    assert_eq!(site.laptop.repository.snapshots().len(), 1);
    let gone = |backup: &str| raw(&site.server, backup).get("config").status == 404;
    crate::support::clock::eventually("the bytes to go", || {
        let folder = site.server.data().join("storages/3");
        (gone("main/old") && gone("main/db") && gone("spare/odd") && !folder.exists()).then_some(())
    });
    let mut ids: Vec<_> = site.server.events()[before..]
        .iter()
        .filter_map(|event| event["id"].as_u64())
        .collect();
    ids.retain(|id| [10050, 28200, 31000, 41402].contains(id));
    ids.sort_unstable();
    assert_eq!(ids, [10050, 28200, 28200, 28200, 31000, 41402]);
    let list = site.line.run(&["storages", "list"]);
    assert!(list.contains("27 days") && !list.contains("spare"), "{list}");
}

#[test]
fn restic_is_told_of_a_retention_lock_and_nothing_is_lost() {
    let [mut ann, bob] = members();
    let mut server = Server::set_up_with(&[&ann, &bob], false);
    server.start();
    let line = CommandLine::of(&server);
    line.log_on(&server, &mut ann);
    let mut laptop = Laptop::at(Restic::newest().repository(&server.url("laptop", TOKEN, "laptop")), 1);
    laptop.repository.init();
    let taken = laptop.days(3);
    line.run(&["storages", "change", "main", "--immutable-days", "7"]);
    let forgotten = laptop.repository.forget(&["--keep-last", "1", "--prune"]);
    assert!(!forgotten.succeeded(), "four-eyes authorization is off, and still");
    assert!(forgotten.stderr.contains("403"), "{}", forgotten.stderr);
    laptop.expect(&taken);
    let refused: Vec<_> = server
        .events()
        .iter()
        .filter(|event| event["id"] == 41800)
        .map(|event| event["parameters"]["UserName"].clone())
        .collect();
    assert_eq!(refused.first(), Some(&json!("laptop")), "{refused:?}");
    server.pass_seconds(8 * 86_400);
    laptop
        .repository
        .forget(&["--keep-last", "1", "--prune"])
        .expect("forget");
    laptop.expect(&taken[2..]);
}

#[test]
fn doctor_finds_a_held_object_that_somebody_removed() {
    let [ann, bob] = members();
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let raw = raw(&server, "main/laptop");
    init_cheaply(&raw);
    let kept = raw.put("data", b"kept");
    let held = raw.put("data", b"held");
    assert_eq!(raw.delete(&held), 200);
    let doctor = |server: &Server| Outcome::of(&mut server.command(&["doctor", "--deep", "--json"]));
    let good = doctor(&server).expect("doctor");
    assert!(good.stdout.contains("4 objects read"), "{}", good.stdout);
    let name = held.strip_prefix("data/").expect("a pack");
    let file = server
        .data()
        .join(format!("storages/1/objects/1/data/{}/{name}", &name[..2]));
    std::fs::remove_file(file).unwrap();
    let found = doctor(&server);
    assert!(!found.succeeded());
    assert!(
        found
            .stdout
            .contains(&format!("main/laptop/{held} (held by request 1) is missing")),
        "{}",
        found.stdout
    );
    assert!(!found.stdout.contains(&kept));
}
