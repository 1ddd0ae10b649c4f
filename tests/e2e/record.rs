//! The record in a real browser: events and history, searched, opened, in light and dark, wide and narrow.

use crate::support::{
    browser::Browser,
    process::Outcome,
    server::{Member, Server},
};

#[test]
fn the_record_is_searched_and_opened_on_a_desk_and_on_a_phone() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let browser = Browser::start();
    let origin = server.origin();
    browser.open(&format!("{origin}/settings"));
    browser.fill("#name", &ann.name);
    browser.fill("#password", &ann.password);
    browser.press("Continue");
    browser.fill("#code", &ann.code(&server));
    browser.press("Sign in");
    browser.expect_text("Sign out");

    // A setting of its own, and a request that is decided: something to find.
    browser.fill("#event_retention_days", "90");
    browser.press("Ask for this");
    browser.expect_text("Recorded as request 1");
    browser.open(&format!("{origin}/requests/1"));
    browser.expect_text("Logon events are kept for");
    browser.expect_text("90 days");
    browser.click("#reject");
    browser.fill("#code", &ann.code(&server));
    browser.press("Record my decision");
    browser.expect_text("Nothing was changed");
    browser.press("Its events");
    browser.expect_text("Four-Eyes Authorization Request Rejected");

    // Opened: every parameter, and the line as `events tail` prints it, selected whole by one click.
    browser.run("document.querySelector('.event details summary').click()");
    browser.expect_text("SupervisorFullInfo");
    browser.click(".event details[open] .line");
    let selected = browser.run("return getSelection().toString()");
    let told = Outcome::of(&mut server.command(&["events", "tail", "--request", "1", "--id", "42404"])).expect("tail");
    assert_eq!(selected.as_str().unwrap().trim(), told.stdout.trim());
    looks_well(&browser, "record-request");

    browser.open(&format!("{origin}/events"));
    browser.fill("#user", "ANN");
    browser.fill("#id", "44003, 44000");
    browser.press("Filter");
    browser.expect_text("Authorization was successful.");
    browser.run("document.querySelector('.event details summary').click()");
    looks_well(&browser, "record-events");
    browser.open(&format!("{origin}/events?from_time=08%3A15&severity=error"));
    browser.expect_text("Say the day, too.");
    looks_well(&browser, "record-problem");
    browser.open(&format!("{origin}/history?operation=108&user=Ann&state=rejected"));
    browser.expect_text("Update Countersign security settings");
    looks_well(&browser, "record-history");
    browser.open(&format!("{origin}/settings"));
    looks_well(&browser, "record-settings");
    server.stop();
}

/// No barriers and nothing cut off, in light and dark, on a desk and on a phone; a picture of each.
fn looks_well(browser: &Browser, name: &str) {
    for (width, where_) in [(1280, "desk"), (390, "phone")] {
        browser.width(Some(width));
        for (dark, light) in [(false, "light"), (true, "dark")] {
            browser.prefer_dark(dark);
            browser.screenshot(&format!("{name}-{where_}-{light}"));
            browser.expect_no_barriers();
        }
        let beyond = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(beyond, 0, "{name} is wider than {width} pixels");
    }
    browser.width(None);
    browser.prefer_dark(false);
}
