//! The pages of receivers in a real browser: used, looked at, without barriers, narrow and dark.

use crate::support::{
    browser::Browser,
    server::{Member, Server},
};

#[test]
fn a_receiver_is_added_filtered_and_watched_in_a_browser() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin()));
    open("/receivers/new");
    browser.fill("#name", "ann");
    browser.fill("#password", &ann.password);
    browser.press("Continue");
    browser.fill("#code", &ann.code(&server));
    browser.press("Sign in");

    browser.expect_text("Choose RELP where the receiver takes it");
    browser.fill("#name", "siem");
    browser.fill("#address", "127.0.0.1:1");
    browser.click("#transport-tls");
    browser.press("TLS: how the receiver is known");
    browser.fill("#server_name", "siem.example");
    browser.click("#client_certificate");
    browser.press("Dialect and time");
    browser.click("#form-strict");
    browser.fill("#app_name", "Backup");
    browser.click("#sequence");
    look(&browser, "receiver-new");
    browser.press("Ask for this");
    browser.expect_text("Recorded as request 1");
    browser.expect_text("The test message was not delivered");
    look(&browser, "receiver-recorded");
    open("/requests/1");
    browser.expect_text("If approved, this changes");
    browser.expect_text("siem.example");
    look(&browser, "receiver-request");

    // Bob approves without scripts; then ann sees it standing there, with an alert for want of a certificate.
    let mut bob = bob;
    let page = bob.open(&server, "/requests/1");
    bob.decide(&server, &page, "approve").expect("an answer");
    open("/receivers/1");
    browser.expect_text("Receiver siem");
    browser.press("Send a test message");
    browser.expect_text("The test is over.");
    crate::support::clock::eventually("the alert", || {
        open("/receivers/1");
        browser.text().contains("none is configured").then_some(())
    });
    look(&browser, "receiver-alert");
    open("/receivers");
    look(&browser, "receivers-alert");
    open("/receivers/1/filter");
    browser.click("[name='42402-info'], [name='42402-warning'], [name='42402-error']");
    browser.fill("#xml", "<SyslogFilteredEvents>\n<Wrong/></SyslogFilteredEvents>");
    look(&browser, "receiver-filter");
    browser.press("Ask to replace the list");
    browser.expect_text("Nothing was changed: line 2, column 1: ");
    look(&browser, "receiver-filter-wrong");
    server.stop();
}

/// Looks at the page as people do: wide, dark, and on a phone.
fn look(browser: &Browser, name: &str) {
    browser.screenshot(name);
    browser.expect_no_barriers();
    browser.prefer_dark(true);
    browser.screenshot(&format!("{name}-dark"));
    browser.expect_no_barriers();
    browser.prefer_dark(false);
    browser.width(Some(390));
    browser.screenshot(&format!("{name}-narrow"));
    let over = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert_eq!(over, 0, "{name} is wider than a phone");
    browser.expect_no_barriers();
    browser.width(None);
}
