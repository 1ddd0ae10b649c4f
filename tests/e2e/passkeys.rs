//! Passkeys in a real browser: made, used alone and as the second factor, and to decide a request.

use crate::support::{
    browser::Browser,
    server::{Member, Server},
};

const ANN: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const BOB: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U";

#[test]
fn req_33_39_a_passkey_signs_in_and_decides() {
    let mut ann = Member::new("ann", "vjkw tmzb ghxq", ANN);
    let mut bob = Member::new("bob", "plum quartz violin 7", BOB);
    let mut server = Server::set_up_at_localhost(&[&ann, &bob], "four_eyes = true\ncool_off_hours = 0");
    server.start();

    // bob adds a passkey to what he has.
    let browser = Browser::start();
    let authenticator = browser.plug_in_authenticator();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin()));
    open("/account/security");
    with_password(&browser, &bob);
    browser.fill("#code", &bob.code(&server));
    browser.press("Sign in");
    browser.expect_text("Your account");
    browser.fill("#label", "this laptop");
    browser.press("Add a passkey");
    browser.expect_text("The passkey was added.");
    browser.expect_text("this laptop");
    keep(&browser, "security");
    browser.fill("#label", "again");
    browser.press("Add a passkey");
    browser.expect_text("has a passkey for this account already");
    browser.press("Make a new set");
    browser.expect_text("shown only this once");
    keep(&browser, "recovery-codes");
    browser.width(Some(390));
    keep(&browser, "security-narrow");
    browser.width(None);

    // Alone, without even a name.
    sign_out(&browser);
    open("/pending");
    browser.expect_text("Sign in with a passkey");
    keep(&browser, "sign-in-passkey");
    browser.press("Sign in with a passkey");
    browser.expect_text("Sign out");
    browser.expect_text("bob");

    // As the second factor.
    sign_out(&browser);
    open("/pending");
    with_password(&browser, &bob);
    browser.expect_text("Second factor");
    keep(&browser, "second-factor");
    browser.press("Use a passkey");
    browser.expect_text("Sign out");

    // Something to decide: ann asks for another setting.
    let other = Browser::start();
    other.open(&format!("{}/settings", server.origin()));
    with_password(&other, &ann);
    other.fill("#code", &ann.code(&server));
    other.press("Sign in");
    other.fill("#expiry_days", "9");
    other.press("Ask for this");
    other.expect_text("Update");
    open("/requests/1");
    browser.click("#approve");
    keep(&browser, "decide-passkey");
    browser.press("Record it with a passkey");
    browser.expect_text("Your approval was recorded.");

    // A lost authenticator: nothing is taken that does not hold.
    sign_out(&browser);
    browser.unplug_authenticator(&authenticator);
    browser.plug_in_authenticator();
    open("/pending");
    browser.press("Sign in with a passkey");
    browser.expect_text("No passkey was given.");
}

fn sign_out(browser: &Browser) {
    browser.press("Sign out");
    browser.expect_text("You are signed out");
}

fn with_password(browser: &Browser, member: &Member) {
    browser.fill("#name", &member.name);
    browser.fill("#password", &member.password);
    browser.press("Continue");
}

/// Keeps a picture of the page, and looks for barriers.
fn keep(browser: &Browser, name: &str) {
    browser.screenshot(&format!("passkeys-{name}"));
    browser.expect_no_barriers();
}
