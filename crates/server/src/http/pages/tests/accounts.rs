//! Accounts on their pages: added, changed, refused, linked; sessions ended.

use countersign_core::{Policy, Role};
use http::StatusCode;

use super::scene::{Scene, between, said};
use crate::testing::people::{Answer, Browser};

async fn off() -> Scene {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    scene
}

async fn add(browser: &mut Browser<'_>, more: &[(&str, &str)]) -> Answer {
    let csrf = browser.get("/accounts/new").await.csrf();
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("name", "carol"),
        ("kind", "person"),
        ("security-administrator", "on"),
        ("expires", ""),
    ];
    for (name, value) in more {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    browser.post("/accounts", &fields).await
}

async fn send(browser: &mut Browser<'_>, page: &str, action: &str, more: &[(&str, &str)]) -> Answer {
    let csrf = browser.get(page).await.csrf();
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend_from_slice(more);
    browser.post(action, &fields).await
}

#[tokio::test]
async fn while_on_an_account_is_asked_for_and_its_link_made_on_the_request() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let mut bob = scene.browser("bob").await;
    let held = add(&mut ann, &[]).await;
    assert_eq!((held.status.as_u16(), held.location()), (303, "/requests/1/recorded"));
    let shown = bob.get("/requests/1").await;
    let text = said(&shown);
    assert!(text.contains("Account carol none Invited"), "{text}");
    assert!(text.contains("Its roles none Security Administrator"), "{text}");
    let code = scene.server.code("bob");
    let decided = scene.decide(&mut bob, &shown, "approve", &code).await;
    assert_eq!(decided.status, StatusCode::SEE_OTHER, "{}", decided.body);
    let page = bob.get("/requests/1").await;
    assert!(!page.body.contains("/link\""), "the link is for ann alone");
    let page = ann.get("/requests/1").await;
    let action = between(
        &page.body,
        "<div class=\"actions\">\n\n<form method=\"post\" action=\"",
        "\"",
    );
    assert_eq!(action, "/accounts/3/link");
    let made = ann.post(action, &[("csrf", &page.csrf())]).await;
    assert_eq!(made.status, StatusCode::OK);
    let url = between(&made.body, "<code class=\"long\" translate=\"no\">", "<");
    assert!(url.starts_with("http://127.0.0.1:8765/link/"), "{url}");
    let path = url.strip_prefix("http://127.0.0.1:8765").unwrap();
    assert_eq!(scene.server.browser().get(path).await.status, StatusCode::OK);
    assert!(
        !ann.get("/accounts/3").await.body.contains(url),
        "it is shown this once"
    );
    let by_bob = send(&mut bob, "/accounts/3", "/accounts/3/link", &[]).await;
    assert_eq!(by_bob.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(by_bob.body.contains("Only ann, who asked for it"), "{}", by_bob.body);
    // Rule 4, said beside the form.
    let too_few = send(&mut ann, "/accounts/2", "/accounts/2/disable", &[]).await;
    assert_eq!(too_few.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        too_few.body.contains("needs two people who can approve"),
        "{}",
        too_few.body
    );
}

#[tokio::test]
async fn while_off_accounts_change_at_once_and_what_is_wrong_is_said() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    let added = add(&mut ann, &[("expires", "2027-01-31T00:00")]).await;
    assert_eq!(
        (added.status.as_u16(), added.location()),
        (303, "/accounts/3?done=saved")
    );
    for (more, wrong) in [
        (&[][..], "There is or was an account of this name"),
        (&[("name", "a b")], "An account's name has 1 to 64 letters"),
        (
            &[("name", "dave"), ("expires", "tomorrow")],
            "Give the end as day and time",
        ),
        (
            &[("name", "dave"), ("expires", "2020-01-31T00:00")],
            "would have expired already",
        ),
        (
            &[("name", "dave"), ("kind", "service")],
            "has neither roles nor a second factor",
        ),
        (&[("name", "dave"), ("kind", "robot")], "Choose what it is."),
    ] {
        let refused = add(&mut ann, more).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let text = refused.body.replace("&#39;", "'");
        assert!(text.contains(wrong), "{wrong}: {}", refused.body);
    }
    let page = ann.get("/accounts/3").await;
    assert!(page.body.contains("value=\"2027-01-31T00:00\""), "{}", page.body);
    let changed = send(&mut ann, "/accounts/3", "/accounts/3", &[("backup-viewer", "on")]).await;
    assert_eq!(changed.location(), "/accounts/3?done=saved");
    let list = said(&ann.get("/accounts").await);
    assert!(list.contains("carol\nInvited\nno\nBackup Viewer\nnever"), "{list}");
    for (action, word) in [("disable", "Disabled"), ("enable", "Invited"), ("delete", "Deleted")] {
        let done = send(&mut ann, "/accounts/3", &format!("/accounts/3/{action}"), &[]).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
        let text = said(&ann.get("/accounts/3").await);
        assert!(text.contains(word), "{text}");
    }
    let own = ann.get("/accounts/1").await;
    assert!(own.body.contains("Nobody changes their own rights"), "{}", own.body);
    assert!(!own.body.contains("/accounts/1/delete"));
    let nothing = send(&mut ann, "/accounts/2", "/accounts/2/reset", &[]).await;
    assert!(nothing.body.contains("Choose what is to be set anew."));
    let reset = send(
        &mut ann,
        "/accounts/2",
        "/accounts/2/reset",
        &[("what", "second-factor")],
    )
    .await;
    assert_eq!(reset.location(), "/accounts/2?done=saved");
    let page = ann.get("/accounts/2").await;
    assert!(page.body.contains("for another second factor"), "{}", page.body);
}

#[tokio::test]
async fn req_29_a_person_is_unlocked_on_their_page_also_while_on() {
    let scene = Scene::set().await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/accounts/2").await;
    assert!(page.body.contains("action=\"/accounts/2/unlock\""));
    let csrf = page.csrf();
    let unlocked = ann.post("/accounts/2/unlock", &[("csrf", &csrf)]).await;
    assert_eq!(unlocked.location(), "/accounts/2?done=unlocked");
    let own = ann.get("/accounts/1").await;
    assert!(!own.body.contains("/accounts/1/unlock"));
    let refused = ann.post("/accounts/1/unlock", &[("csrf", &csrf)]).await;
    assert_eq!(refused.status.as_u16(), 403);
}

#[tokio::test]
async fn who_may_not_change_accounts_looks_at_them() {
    let scene = off().await;
    scene
        .server
        .colleague("vera", &[Role::BackupViewer], crate::testing::NOW)
        .await;
    let mut vera = scene.browser("vera").await;
    let list = vera.get("/accounts").await;
    assert_eq!(list.status, StatusCode::OK);
    assert!(!list.body.contains("/accounts/new"));
    let page = vera.get("/accounts/1").await;
    assert!(page.body.contains("Only a security administrator changes accounts."));
    assert!(!page.body.contains("id=\"sessions\"") && !page.body.contains("id=\"tokens\""));
    let refused = send(&mut vera, "/accounts/1", "/accounts/1/delete", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = send(&mut vera, "/accounts/1", "/accounts/1/sessions/end", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let events = scene.server.events().await;
    assert_eq!(events.last().unwrap().id(), 41810);
}

#[tokio::test]
async fn a_service_gets_a_token_on_its_page() {
    let scene = off().await;
    let mut ann = scene.browser("ann").await;
    add(&mut ann, &[("kind", "service"), ("security-administrator", "")]).await;
    let wanted = [
        ("label", "nightly"),
        ("scope", "main/*"),
        ("rights", "append"),
        ("expires", "2027-01-31T00:00"),
    ];
    let made = send(&mut ann, "/accounts/3", "/accounts/3/tokens", &wanted).await;
    assert_eq!(made.status, StatusCode::OK);
    assert!(
        made.body.contains("rest:http://carol:"),
        "the address has the service's name: {}",
        made.body
    );
    let wrong = send(&mut ann, "/accounts/3", "/accounts/3/tokens", &[("label", "x")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let revoked = send(&mut ann, "/accounts/3", "/accounts/3/tokens/1/revoke", &[]).await;
    assert_eq!(revoked.location(), "/accounts/3?done=revoked");
}

#[tokio::test]
async fn req_13_sessions_are_seen_and_ended_on_their_page() {
    let scene = off().await;
    let (mut here, mut there) = (scene.browser("ann").await, scene.browser("ann").await);
    let page = here.get("/account/sessions").await;
    assert_eq!(page.body.matches("this one").count(), 1, "{}", page.body);
    assert_eq!(page.body.matches("name=\"chain\"").count(), 2);
    let ended = here.post("/account/sessions/end", &[("csrf", &page.csrf())]).await;
    assert_eq!(ended.location(), "/account/sessions?done=ended");
    assert_eq!(there.get("/pending").await.status, StatusCode::SEE_OTHER);
    let page = here.get("/account/sessions").await;
    assert_eq!(page.body.matches("name=\"chain\"").count(), 1);
    assert!(!page.body.contains("End all others"));
    let mut bob = scene.browser("bob").await;
    let ended = send(&mut here, "/accounts/2", "/accounts/2/sessions/end", &[]).await;
    assert_eq!(ended.location(), "/accounts/2?done=ended");
    assert_eq!(bob.get("/pending").await.status, StatusCode::SEE_OTHER);
    let chain = between(&page.body, "name=\"chain\" value=\"", "\"");
    let own = here
        .post("/account/sessions/end", &[("csrf", &page.csrf()), ("chain", chain)])
        .await;
    assert_eq!(own.location(), "/", "and from there to the logon");
    assert_eq!(here.get("/pending").await.status, StatusCode::SEE_OTHER);
}
