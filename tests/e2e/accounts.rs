//! A person is added while four-eyes authorization is on: asked for, approved by the second, invited, and in.

use crate::support::{
    browser::Browser,
    server::{Member, Server},
};

/// What Carol chooses.
const CHOSEN: &str = "quorl pevt mixzab";

#[test]
fn a_person_is_added_approved_by_the_second_and_gets_in() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let mut bob = Member::new("bob", "plum quartz violin 7", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU");
    let mut server = Server::set_up(&[&ann, &bob]);
    server.start();
    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin()));
    open("/accounts/new");
    browser.fill("#name", "ann");
    browser.fill("#password", &ann.password);
    browser.press("Continue");
    browser.fill("#code", &ann.code(&server));
    browser.press("Sign in");
    browser.expect_text("You never see or choose a password");
    browser.fill("#name", "carol");
    browser.click("#security-administrator");
    look(&browser, "account-new");
    browser.press("Ask for this");
    browser.expect_text("Recorded as request 1");

    let page = bob.open(&server, "/requests/1");
    page.expect_text("Account carol");
    bob.decide(&server, &page, "approve").expect("an answer");

    // Ann makes the link and hands it over; she sees nothing of what is chosen.
    open("/requests/1");
    browser.press("Make the link for its person");
    browser.expect_text("The link was made");
    look(&browser, "account-link");
    let link = browser.run("return document.querySelector('code.long').textContent");
    let link = link.as_str().expect("a link").to_owned();
    open("/accounts");
    browser.expect_text("Invited");
    look(&browser, "accounts");

    let theirs = Browser::start();
    theirs.open(&link);
    theirs.fill("#password", CHOSEN);
    theirs.fill("#repeat", CHOSEN);
    theirs.press("Continue");
    theirs.press("I cannot scan it");
    look(&theirs, "link-second-factor");
    let secret = theirs.run("return document.querySelector('.secret').textContent");
    let secret: String = secret.as_str().expect("a secret").split_whitespace().collect();
    let mut carol = Member::new("carol", CHOSEN, &secret);
    theirs.fill("#code", &carol.code(&server));
    theirs.press("Finish");
    theirs.expect_text("Your account is ready");
    look(&theirs, "link-done");
    theirs.press("Sign in");
    theirs.fill("#name", "carol");
    theirs.fill("#password", CHOSEN);
    theirs.press("Continue");
    theirs.fill("#code", &carol.code(&server));
    theirs.press("Sign in");
    theirs.expect_text("Sign out");

    // She looks at everything at once, and her session is there to be ended.
    theirs.open(&format!("{}/account/sessions", server.origin()));
    theirs.expect_text("this one");
    look(&theirs, "sessions");
    theirs.open(&link);
    theirs.expect_text("This link has ended");
    open("/accounts");
    browser.expect_text("Active");
}

/// Keeps pictures, light and dark, wide and narrow, and looks for barriers.
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
