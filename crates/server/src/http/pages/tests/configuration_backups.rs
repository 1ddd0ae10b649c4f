//! Configuration backups by page: a passphrase, one made, verified, downloaded, deleted by a request.

use countersign_core::{Policy, Role};
use http::StatusCode;

use super::scene::Scene;

const PATH: &str = "/configuration-backups";

#[tokio::test]
async fn one_is_made_read_to_its_end_downloaded_and_deleted_by_a_request() {
    let scene = Scene::set().await;
    scene.policy(Policy::default()).await;
    let mut ann = scene.browser("ann").await;
    let page = ann.get(PATH).await;
    assert!(page.body.contains("There is no passphrase yet, so none is made."));
    assert!(!page.body.contains("Make one now"));
    let csrf = page.csrf();
    let differs = [
        ("csrf", csrf.as_str()),
        ("passphrase", "five words that nobody guesses"),
        ("repeat", "other"),
    ];
    let refused = ann.post("/configuration-backups/passphrase", &differs).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let short = [("csrf", csrf.as_str()), ("passphrase", "short"), ("repeat", "short")];
    let refused = ann.post("/configuration-backups/passphrase", &short).await;
    assert!(refused.body.contains("16 to 1024 characters"), "{}", refused.body);
    let text = "five words that nobody guesses";
    let set = [("csrf", csrf.as_str()), ("passphrase", text), ("repeat", text)];
    assert_eq!(
        ann.post("/configuration-backups/passphrase", &set).await.status,
        StatusCode::SEE_OTHER
    );

    let made = ann.post(PATH, &[("csrf", &csrf)]).await;
    let (_, page) = ann.open(made.location()).await;
    assert!(page.body.contains("A configuration backup was made.") && page.body.contains("-1.backup"));
    assert!(!page.body.contains(text));
    ann.post("/configuration-backups/1/verify", &[("csrf", &csrf)]).await;
    assert!(
        ann.get(PATH)
            .await
            .body
            .contains("<span class=\"state ok\">Whole</span>")
    );

    scene
        .policy(Policy {
            four_eyes: true,
            ..Policy::default()
        })
        .await;
    let held = ann.post("/configuration-backups/1/delete", &[("csrf", &csrf)]).await;
    assert_eq!(held.location(), "/requests/1/recorded");
    let request = ann.get("/requests/1").await;
    assert!(
        request.body.contains("Configuration backup countersign-"),
        "{}",
        request.body
    );
    let never = [("csrf", csrf.as_str()), ("at", ""), ("keep", "1")];
    let held = ann.post("/configuration-backups/schedule", &never).await;
    assert_eq!(held.location(), "/requests/2/recorded");
    assert!(ann.get("/requests/2").await.body.contains("never"));
    let nonsense = [("csrf", csrf.as_str()), ("at", "25:00"), ("keep", "1")];
    let refused = ann.post("/configuration-backups/schedule", &nonsense).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("value=\"25:00\""));
}

#[tokio::test]
async fn backup_administrators_make_them_and_do_not_take_them_out() {
    let scene = Scene::set().await;
    let now = scene.server.app.clock.now();
    scene.server.colleague("bert", &[Role::BackupAdministrator], now).await;
    let mut bert = scene.browser("bert").await;
    let page = bert.get(PATH).await;
    assert!(
        page.body
            .contains("Only a security administrator changes the schedule.")
    );
    assert!(!page.body.contains("New passphrase"));
    let file = bert.get("/configuration-backups/1/file").await;
    assert_eq!(file.status, StatusCode::FORBIDDEN);
    let text = "five words that nobody guesses";
    let csrf = page.csrf();
    let set = [("csrf", csrf.as_str()), ("passphrase", text), ("repeat", text)];
    let refused = bert.post("/configuration-backups/passphrase", &set).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
