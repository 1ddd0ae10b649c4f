//! Commands and runners on pages: what was allowed, what came of it, and a runner's token, shown once.

use countersign_core::{AccountKind, Clock as _, Policy, Roles};
use countersign_store::{NewAccount, StoreError};

use super::scene::{Scene, between, said};
use crate::flows::commands::{self, By, Wanted};

#[tokio::test]
async fn a_runner_is_added_and_its_commands_are_shown_with_what_they_wrote() {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    let now = scene.server.clock.now();
    let new = NewAccount {
        name: "host1".parse().unwrap(),
        kind: AccountKind::Service,
        roles: Roles::default(),
        created_at: now,
        eligible_at: now,
    };
    let written = scene
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.add_account(&new).await }));
    written.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    let mut ann = scene.browser("ann").await;
    let page = ann.get("/commands").await;
    assert!(said(&page).contains("No command was allowed yet."));
    let csrf = page.csrf();
    let account = between(&page.body, "<option value=\"", "\"").to_owned();
    let added = ann.post("/runners", &[("csrf", &csrf), ("account", &account)]).await;
    assert_eq!(added.location(), "/commands?done=saved");
    let twice = ann.post("/runners", &[("csrf", &csrf), ("account", &account)]).await;
    assert_eq!(twice.status.as_u16(), 422);
    let path = format!("/runners/{account}/token");
    let made = ann.post(&path, &[("csrf", &csrf)]).await;
    let token = between(&made.body, "<code class=\"long\" translate=\"no\">", "<").to_owned();
    assert!(token.starts_with(&format!("UID-{account}.")), "{token}");
    assert!(!ann.get("/commands").await.body.contains(&token));

    let app = &scene.server.app;
    let person = app
        .store
        .ask(|view| Box::pin(async move { view.account_named(&"ann".parse().unwrap()).await }));
    let person = person
        .await
        .unwrap_or_else(|error: StoreError| panic!("{error}"))
        .unwrap();
    let actor = countersign_core::Actor {
        account: person.id,
        name: person.name.to_string(),
        login_type: 0,
        via: countersign_core::Via::Session(person.roles),
        address: "192.0.2.1".into(),
        why: None,
        maker: None,
    };
    let wanted = Wanted {
        argv: vec!["/bin/rm".into(), "a b\u{202e}".into()],
        environment: Default::default(),
        folder: "/".into(),
        by: By::Runner("host1".into()),
        name: "Remove <it>".into(),
        seconds: 60,
        valid_minutes: 60,
    };
    commands::ask(app, &actor, wanted).await.unwrap();
    let runner = crate::flows::runners::of_token(app, &token).await.unwrap().unwrap();
    assert_eq!(runner.id.to_string(), account);
    let handed = commands::take(app, runner.id, "192.0.2.9").await.unwrap().unwrap();
    let report = countersign_store::Report {
        state: countersign_core::command::CommandState::Ended,
        ended: countersign_store::Ended {
            exit_code: Some(3),
            signal: None,
        },
        output: countersign_store::Output {
            output: b"<b>out\x1b[2K".to_vec(),
            ..Default::default()
        },
        detail: None,
    };
    commands::report(app, runner.id, handed.record.id, report)
        .await
        .unwrap();
    let shown = ann.get("/commands/1").await;
    assert!(
        shown.body.contains("/bin/rm $&#39;a b\\U0000202e&#39;"),
        "{}",
        said(&shown)
    );
    assert!(
        shown
            .body
            .contains("&lt;b&gt;out<span class=\"hidden-char\">U+001B</span>[2K")
    );
    assert!(said(&shown).contains("exit code 3"));
    let removed = ann
        .post(&format!("/runners/{account}/remove"), &[("csrf", &csrf)])
        .await;
    assert_eq!(removed.status.as_u16(), 303);
    assert!(crate::flows::runners::of_token(app, &token).await.unwrap().is_none());
}
