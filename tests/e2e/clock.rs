//! The machine's clock is set while the real server runs, is stopped, and is killed.

use crate::support::{
    clock::eventually,
    laptop::init_cheaply,
    raw::Raw,
    server::{Member, Server, TOKEN},
};

const DAY: u64 = 86_400;

#[test]
fn a_clock_that_is_set_forward_ends_nothing_until_two_people_confirm_it() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let mut bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let raw = Raw::new(&format!("{}/restic/main/laptop/", server.origin()), "laptop", TOKEN);
    init_cheaply(&raw);
    let snapshot = raw.put("snapshots", b"monday");
    assert_eq!(raw.delete(&snapshot), 200);
    server.pass_seconds(15);
    eventually("the delete to become a request", || {
        ids(&server).contains(&42402).then_some(())
    });
    // Suspended for days: no jump.
    server.pass_seconds(3 * DAY);

    // Time synchronisation lies, while the server runs and while it does not.
    server.set_clock(30 * 86_400);
    eventually("the jump to be told", || {
        server.log().contains("the clock jumped").then_some(())
    });
    server.stop();
    server.set_clock(30 * 86_400);
    server.start();
    server.kill();
    server.start();
    server.pass_seconds(10 * DAY);
    let page = ann.open(&server, "/settings");
    page.expect_text("Time stands still");
    assert!(
        !ids(&server).contains(&42405),
        "nothing expires, however much time passes"
    );
    assert_ne!(raw.get(&snapshot).status, 200, "it waits");

    ann.press(&page, "Ask to confirm the clock", &[])
        .expect_text("Recorded as request 2");
    let confirmation = bob.open(&server, "/requests/2");
    bob.decide(&server, &confirmation, "approve").unwrap();
    let page = ann.open(&server, "/settings");
    assert!(!page.text().contains("Time stands still"), "{}", page.text());
    server.pass_seconds(4 * DAY - 3600);
    let waiting = bob.open(&server, "/requests/1");
    waiting.expect_text("Record my decision");
    assert!(!ids(&server).contains(&42405), "an hour is left of its seven days");
    server.pass_seconds(3600);
    eventually("the request to expire", || ids(&server).contains(&42405).then_some(()));
    assert_eq!(raw.get(&snapshot).status, 200);
}

fn ids(server: &Server) -> Vec<u64> {
    let events = server.events();
    events.iter().filter_map(|event| event["id"].as_u64()).collect()
}
