//! The story that the program is for, with the programs it is for: restic, a browser, rsyslog.

use crate::support::{
    browser::Browser,
    clock::eventually,
    laptop::Laptop,
    process::Outcome,
    restic::Restic,
    rsyslog::{Rsyslog, Way},
    server::{Member, Server},
};

#[test]
fn nobody_deletes_alone() {
    let rsyslog = Rsyslog::start(&[("siem", Way::Tcp)]);
    let mut server = Server::new();
    server.start();

    // Two people set it up, each with a link, a browser and a phone of their own.
    let [ann_link, bob_link] = links(&server);
    let mut ann = Desk::set_up(&server, &ann_link, "ann", "vjkw tmzb ghxq");
    ann.browser.expect_text("has not used their link yet");
    let mut bob = Desk::set_up(&server, &bob_link, "bob", "plum quartz violin 7");
    ann.browser.open(&ann_link);
    ann.browser.expect_text("bob, the second administrator, is set up");
    ann.keep("set-up");

    // Before it is on, one person adds where the events go. Turning it on is the last step.
    ann.sign_in(&server, "/receivers/new");
    ann.browser.fill("#name", "siem");
    ann.browser.fill("#address", &rsyslog.address("siem"));
    ann.browser.click("#transport-tcp-octets");
    ann.browser.press("Add");
    ann.browser.expect_text("The test message was sent");
    ann.keep("receiver");
    ann.open(&server, "/settings");
    ann.browser.press("Turn four-eyes authorization on");
    ann.browser.expect_text("Turning it off is itself a request");
    ann.keep("settings");

    // ann's own restic, with ann's own token, and nothing changed about it.
    let mut laptop = Laptop::at(Restic::newest().repository(&ann.token(&server)), 1);
    laptop.repository.init();
    let taken = laptop.days(5);
    let before = server.bytes_on_disk();
    prune(&laptop);
    assert!(server.bytes_on_disk() >= before, "not a byte has gone");
    laptop.expect(&taken[3..]);

    // One request, with what would be lost. Whoever asked cannot approve; the other rejects, and all is there again.
    let first = ann.sealed(&server);
    ann.open(&server, &format!("/requests/{first}"));
    ann.browser.expect_text("Delete snapshot");
    ann.browser
        .expect_text("You asked for this yourself: a second person must approve it.");
    for gone in &taken[..3] {
        ann.browser.expect_text(&gone.id.0[..8]);
    }
    assert_eq!(
        ann.browser.run("return document.querySelector('#approve').disabled"),
        true
    );
    ann.keep("request");
    bob.sign_in(&server, "/pending");
    bob.browser.expect_text("3 snapshots");
    bob.keep("pending");
    bob.decide(&server, first, "reject");
    bob.browser.expect_text("All back in place");
    laptop.expect(&taken);

    // Pruned again, and approved: now it is gone, and the space with it.
    prune(&laptop);
    let second = ann.sealed(&server);
    let before = server.bytes_on_disk();
    bob.decide(&server, second, "approve");
    bob.browser.expect_text("Not yet done:");
    bob.keep("approved");
    assert_eq!(
        server.bytes_on_disk(),
        before,
        "not a byte has gone within the undo window"
    );
    server.pass_seconds(86_400);
    eventually("the bytes to go", || (server.bytes_on_disk() < before).then_some(()));
    bob.sign_in(&server, &format!("/requests/{second}"));
    bob.browser.expect_text("Removed:");
    bob.keep("removed");
    laptop.expect(&taken[3..]);

    // A third one nobody looks at for a week.
    ann.sign_in(&server, "/pending");
    laptop.repository.forget(&["--keep-last", "1"]).expect("forget");
    let third = ann.sealed(&server);
    laptop.expect(&taken[4..]);
    server.pass_seconds(7 * 86_400);
    eventually("the request to expire", || {
        recorded(&server).last()?.contains("instanceId=42405").then_some(())
    });
    bob.sign_in(&server, "/history");
    bob.browser.expect_text("Expired");
    bob.keep("history");
    bob.open(&server, &format!("/requests/{third}"));
    bob.browser.expect_text("nobody: its time was over");
    laptop.expect(&taken[3..]);
    bob.open(&server, "/backups");
    bob.keep("backups");
    bob.open(&server, "/receivers");
    bob.keep("receivers");

    // What rsyslog has is what happened, in order, and nothing else.
    let recorded = recorded(&server);
    let (tests, arrived): (Vec<_>, Vec<_>) = eventually("the last event to arrive", || {
        Some(rsyslog.messages("siem")).filter(|arrived| arrived.last() == recorded.last())
    })
    .into_iter()
    .partition(|message| message.contains("This is a test message from Countersign."));
    assert_eq!(tests.len(), 1, "{tests:?}");
    let receiver_added = [31000];
    let turned_on = [42400];
    let rejected = [42402, 44003, 44000, 42404];
    let approved = [42402, 42403, 10050, 10050, 10050, 44003, 44000, 44003, 44000];
    let expired = [42402, 42405, 44003, 44000];
    let story = [&receiver_added[..], &turned_on, &rejected, &approved, &expired].concat();
    assert_eq!(ids(&arrived), story, "{arrived:#?}");
    // But for what happened before the receiver was added.
    assert_eq!(arrived, recorded[recorded.len() - arrived.len()..]);
    server.stop();
}

/// The two one-time links that the first start prints.
fn links(server: &Server) -> [String; 2] {
    let said = eventually("the first links", || {
        Some(server.log()).filter(|log| log.contains(" init\n"))
    });
    let links: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter(|line| line.contains("/setup/"))
        .map(str::to_owned)
        .collect();
    links.try_into().expect("two links")
}

fn prune(laptop: &Laptop) {
    laptop
        .repository
        .forget(&["--keep-last", "2", "--prune"])
        .expect("forget");
}

/// Every message as it leaves, since the receiver is there.
fn recorded(server: &Server) -> Vec<String> {
    let told = Outcome::of(&mut server.command(&["events", "tail", "--since", "0"])).expect("events tail");
    told.stdout.lines().map(str::to_owned).collect()
}

fn ids(messages: &[String]) -> Vec<u32> {
    let id = |message: &String| message.split_once("instanceId=")?.1.split(' ').next()?.parse().ok();
    messages.iter().map(|message| id(message).expect("an id")).collect()
}

/// Someone at a desk with a browser.
struct Desk {
    browser: Browser,
    member: Member,
}

impl Desk {
    /// Chooses a name and a password behind the link, and adds the account to an authenticator.
    fn set_up(server: &Server, link: &str, name: &str, password: &str) -> Self {
        let browser = Browser::start();
        browser.open(link);
        browser.fill("#name", name);
        browser.fill("#password", password);
        browser.fill("#repeat", password);
        browser.press("Continue");
        browser.press("I cannot scan it");
        let secret = browser.run("return document.querySelector('.secret').textContent");
        let secret: String = secret.as_str().expect("a secret").split_whitespace().collect();
        let mut member = Member::new(name, password, &secret);
        browser.fill("#code", &member.code(server));
        browser.press("Finish");
        browser.expect_text("Your account is ready");
        Self { browser, member }
    }

    fn sign_in(&mut self, server: &Server, path: &str) {
        self.open(server, path);
        self.browser.fill("#name", &self.member.name);
        self.browser.fill("#password", &self.member.password);
        self.browser.press("Continue");
        self.browser.fill("#code", &self.member.code(server));
        self.browser.press("Sign in");
        self.browser.expect_text("Sign out");
        assert_eq!(self.browser.url(), format!("{}{path}", server.origin()));
    }

    fn open(&self, server: &Server, path: &str) {
        self.browser.open(&format!("{}{path}", server.origin()));
    }

    /// Makes a repository token; the address that restic then takes.
    fn token(&self, server: &Server) -> String {
        self.open(server, "/tokens");
        self.browser.fill("#label", "laptop");
        self.browser.fill("#scope", "main/laptop");
        self.browser.click("#rights-delete");
        self.browser.press("Make token");
        self.browser.expect_text("was made");
        let address = self
            .browser
            .run("return document.querySelectorAll('code.long')[1].textContent");
        self.keep("token");
        address.as_str().expect("an address").to_owned()
    }

    /// The quiet time passes; the request that comes of it appears on the live list.
    fn sealed(&self, server: &Server) -> i64 {
        self.open(server, "/pending");
        server.pass_seconds(15);
        eventually("the request to appear", || {
            let found = self
                .browser
                .run("return document.querySelector('.queue .request-link[id^=request-]')?.id ?? ''");
            let still_collecting = self
                .browser
                .run("return document.querySelector('#collecting') !== null");
            found
                .as_str()?
                .strip_prefix("request-")?
                .parse()
                .ok()
                .filter(|_| still_collecting == false)
        })
    }

    fn decide(&mut self, server: &Server, request: i64, decision: &str) {
        // restic was here a moment ago.
        server.pass_seconds(15);
        self.open(server, &format!("/requests/{request}"));
        self.browser.click(&format!("#{decision}"));
        self.browser.fill("#comment", "looked at it");
        self.browser.fill("#code", &self.member.code(server));
        self.browser.press("Record my decision");
        self.browser.expect_text("looked at it");
    }

    /// Keeps a picture of the page, and looks for barriers.
    fn keep(&self, name: &str) {
        self.browser.screenshot(name);
        self.browser.expect_no_barriers();
    }
}
