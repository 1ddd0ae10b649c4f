//! Setting up as two people meet it, and without a screen.

use countersign_core::factor::TotpSecret;
use countersign_core::{AccountKind, Policy};
use countersign_events::{Event, User};
use countersign_store::StoreError;
use http::StatusCode;

use super::first_start::{self, Start};
use super::headless::{HeadlessError, Plan};
use super::{SetupError, links};
use crate::adapters::SystemEntropy;
use crate::seal::SealingKey;
use crate::testing::people::{Answer, Browser, PASSWORD, TestServer};

/// The two links of a first start.
async fn first_links(server: &TestServer) -> Vec<String> {
    let start = first_start::begin(&server.app).await.unwrap();
    assert!(matches!(start, Start::First(_)));
    let text = start.announcement(&server.app.config).unwrap();
    let links: Vec<_> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("http://127.0.0.1:8765"))
        .map(str::to_owned)
        .collect();
    assert_eq!(links.len(), 2, "{text}");
    assert!(text.contains("restic -r rest:http://backup:"), "{text}");
    assert!(text.contains("@127.0.0.1:8765/restic/main/NAME/ init"), "{text}");
    links
}

async fn choose(browser: &mut Browser<'_>, link: &str, name: &str, password: &str) -> Answer {
    let page = browser.get(link).await;
    assert_eq!(page.status, StatusCode::OK);
    let form = [
        ("csrf", &*page.csrf()),
        ("name", name),
        ("password", password),
        ("repeat", password),
    ];
    browser.post(link, &form).await
}

/// Scans the second page's secret and confirms it.
async fn enrol(server: &TestServer, browser: &mut Browser<'_>, link: &str) -> (Answer, TotpSecret) {
    let page = browser.get(link).await;
    let (_, rest) = page.body.split_once("translate=\"no\">").expect("the secret");
    let (groups, _) = rest.split_once("</p>").unwrap();
    let text: String = groups.replace("<span>", "").replace("</span>", "");
    let totp = TotpSecret::from_base32(&text).unwrap();
    let wrong = browser
        .post(
            &format!("{link}/second-factor"),
            &[("csrf", &page.csrf()), ("code", "000000")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let code = totp.code_at(server.app.clock.now()).unwrap();
    let form = [("csrf", &*page.csrf()), ("code", &*code)];
    let done = browser.post(&format!("{link}/second-factor"), &form).await;
    (done, totp)
}

async fn policy(server: &TestServer) -> Policy {
    let ask = server
        .app
        .store
        .ask(|view| Box::pin(async move { view.policy().await }));
    ask.await.map_err(|error: StoreError| error.to_string()).unwrap()
}

#[tokio::test]
async fn two_people_set_up_and_turn_four_eyes_on() {
    let server = TestServer::new().await;
    let links = first_links(&server).await;
    let (mut ann, mut bob) = (server.browser(), server.browser());

    assert_eq!(
        choose(&mut ann, &links[0], "ann", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    let (done, totp) = enrol(&server, &mut ann, &links[0]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let alone = ann.get(&links[0]).await;
    assert!(alone.body.contains("has not used their link yet"), "{}", alone.body);
    // One person cannot turn it on.
    let early = ann
        .post(&format!("{}/four-eyes", links[0]), &[("csrf", &csrf_of(&links[0]))])
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT);

    assert_eq!(
        choose(&mut bob, &links[1], "Ann", PASSWORD).await.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "taken"
    );
    assert_eq!(
        choose(&mut bob, &links[1], "bob", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    enrol(&server, &mut bob, &links[1]).await;
    let both = ann.get(&links[0]).await;
    assert!(
        both.body
            .contains("<bdi>bob</bdi></strong>, the second administrator, is set up"),
        "{}",
        both.body
    );
    let on = ann
        .post(&format!("{}/four-eyes", links[0]), &[("csrf", &both.csrf())])
        .await;
    assert_eq!(on.status, StatusCode::SEE_OTHER);
    assert!(policy(&server).await.four_eyes);
    let enabled = Event::FourEyesEnabled {
        initiator: User::local("ann"),
    };
    assert_eq!(server.events().await, [enabled]);

    // The code that confirmed the enrolment is used up; the next one logs on.
    let (at, page) = ann.open("/auth/login?to=/healthz").await;
    let asked = ann
        .post(&at, &[("csrf", &page.csrf()), ("name", "ann"), ("password", PASSWORD)])
        .await;
    let (at, page) = ann.open(asked.location()).await;
    let code = totp.code_at(server.app.clock.now()).unwrap();
    let used = ann.post(&at, &[("csrf", &page.csrf()), ("code", &code)]).await;
    assert_eq!(used.status, StatusCode::FORBIDDEN);
    server.clock.advance_seconds(30);
    let code = totp.code_at(server.app.clock.now()).unwrap();
    let granted = ann.post(&at, &[("csrf", &page.csrf()), ("code", &code)]).await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER);
}

/// As the pages make it, for a page that has no form.
fn csrf_of(link: &str) -> String {
    let secret = link.strip_prefix("/setup/").unwrap();
    countersign_core::Sha256::of(format!("form {secret}").as_bytes()).to_hex()
}

#[tokio::test]
async fn a_link_works_for_an_hour_and_until_newer_ones_are_made() {
    let server = TestServer::new().await;
    let old = first_links(&server).await;
    let new = links::renew(&server.app.store, &SystemEntropy, server.app.clock.now())
        .await
        .unwrap();
    let new: Vec<_> = new.iter().map(links::path).collect();
    assert_eq!(new.len(), 2);
    let status = async |link: &str| server.browser().get(link).await.status;
    assert_eq!(
        (status(&old[0]).await, status(&old[1]).await),
        (StatusCode::GONE, StatusCode::GONE)
    );
    server.clock.advance_seconds(3599);
    assert_eq!(status(&new[0]).await, StatusCode::OK);
    server.clock.advance_seconds(1);
    assert_eq!(status(&new[0]).await, StatusCode::GONE);
    assert_eq!(status("/setup/guessed").await, StatusCode::GONE);
}

#[tokio::test]
async fn set_up_is_over_when_two_people_are_there() {
    let server = TestServer::new().await;
    let links = first_links(&server).await;
    server.person("ann").await;
    let one = links::renew(&server.app.store, &SystemEntropy, server.app.clock.now())
        .await
        .unwrap();
    assert_eq!(one.len(), 1, "one person is missing");
    server.person("bob").await;
    let over = links::renew(&server.app.store, &SystemEntropy, server.app.clock.now()).await;
    assert!(matches!(over, Err(SetupError::Complete)));

    // Whoever still holds a link makes no third first administrator.
    let link = links::path(&one[0]);
    let mut eve = server.browser();
    choose(&mut eve, &link, "eve", PASSWORD).await;
    let (done, _) = enrol(&server, &mut eve, &link).await;
    assert_eq!(done.status, StatusCode::GONE);
    assert_eq!(server.browser().get(&links[0]).await.status, StatusCode::GONE);
    assert!(matches!(
        first_start::begin(&server.app).await.unwrap(),
        Start::Complete
    ));
}

#[tokio::test]
async fn a_password_that_is_not_taken_says_why() {
    let server = TestServer::new().await;
    let links = first_links(&server).await;
    for (name, password, said) in [
        ("ann", "short", "too short"),
        ("ann", "Password123!", "among the first"),
        ("countess", "countess2026", "built from your name"),
        ("<b>", PASSWORD, "A name has 1 to 64"),
        ("backup", PASSWORD, "Another account has that name"),
    ] {
        let answer = choose(&mut server.browser(), &links[0], name, password).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name} {password}");
        assert!(answer.body.contains(said), "{name} {password}: {}", answer.body);
    }
}

const DESCRIPTION: &str = r#"
[settings]
four_eyes = true
quiet_seconds = 2

[[account]]
name = "ann"
password = "vjkw tmzb ghxq"
totp_secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

[[account]]
name = "bob"
password = "plum quartz violin 7"
totp_secret = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"

[[service]]
name = "laptop"

[[token]]
account = "ann"
label = "workstation"
secret = "0123456789abcdef0123456789abcdef"
rights = "append"
backups = "main/ann"
"#;

async fn carried_out(server: &TestServer, text: &str) -> Result<usize, HeadlessError> {
    let sealing = std::sync::Arc::new(SealingKey::open(server.house.data(), &SystemEntropy).unwrap());
    let plan = Plan::read(text, &SystemEntropy)?;
    let entropy = std::sync::Arc::new(SystemEntropy);
    let made = plan
        .carry_out(&server.app.store, sealing, entropy, server.app.clock.now())
        .await?;
    Ok(made.len())
}

#[tokio::test]
async fn a_description_makes_the_same_and_only_once() {
    let server = TestServer::new().await;
    assert_eq!(
        carried_out(&server, DESCRIPTION).await.unwrap(),
        1,
        "one token was made up"
    );
    assert_eq!(
        (policy(&server).await.four_eyes, policy(&server).await.quiet_seconds),
        (true, 2)
    );
    let found = server
        .app
        .store
        .ask(|view| {
            Box::pin(async move {
                let token = countersign_core::token::hash_of("0123456789abcdef0123456789abcdef");
                Ok::<_, StoreError>((view.accounts().await?, view.token_by_hash(token).await?))
            })
        })
        .await
        .unwrap();
    let kinds: Vec<_> = found
        .0
        .iter()
        .map(|account| (account.name.as_str(), account.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("ann", AccountKind::Person),
            ("bob", AccountKind::Person),
            ("laptop", AccountKind::Service)
        ]
    );
    let (token, owner) = found.1.expect("the token that was given");
    assert_eq!(
        (owner.name.as_str(), token.scope.to_string().as_str()),
        ("ann", "main/ann")
    );

    let again = DESCRIPTION.replace("\"ann\"", "\"eve\"");
    assert!(matches!(
        carried_out(&server, &again).await,
        Err(HeadlessError::Setup(SetupError::Complete))
    ));
}

#[tokio::test]
async fn a_description_that_is_wrong_changes_nothing() {
    let server = TestServer::new().await;
    for (from, to) in [
        ("vjkw tmzb ghxq", "password"),
        ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "JBSWY3DP"),
        ("account = \"ann\"", "account = \"nobody\""),
        ("rights = \"append\"", "rights = \"all\""),
        ("backups = \"main/ann\"", "backups = \"main\""),
        ("0123456789abcdef0123456789abcdef", "short"),
        ("name = \"bob\"", "name = \"ANN\""),
        ("quiet_seconds = 2", "quiet_seconds = 0"),
        ("label =", "lable ="),
    ] {
        let wrong = DESCRIPTION.replace(from, to);
        assert!(carried_out(&server, &wrong).await.is_err(), "{to}");
        let accounts = server
            .app
            .store
            .ask(|view| Box::pin(async move { view.accounts().await }))
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap();
        assert!(accounts.is_empty(), "{to}: {accounts:?}");
    }
    assert!(server.events().await.is_empty());
}

#[tokio::test]
async fn a_described_password_can_be_good_for_one_logon_alone() {
    let server = TestServer::new().await;
    let once = DESCRIPTION.replacen("[[account]]\n", "[[account]]\nmust_change = true\n", 1);
    carried_out(&server, &once).await.unwrap();
    let must_change = async |name: &str| {
        let name = name.parse().unwrap();
        let standing = server.app.store.ask(|view| {
            Box::pin(async move {
                let account = view.account_named(&name).await?.expect("the account");
                view.standing(account.id).await
            })
        });
        let standing = standing.await.map_err(|error: StoreError| error.to_string()).unwrap();
        let password = standing.and_then(|standing| standing.password);
        password.expect("a password").must_change
    };
    assert!(must_change("ann").await);
    assert!(!must_change("bob").await);
}
