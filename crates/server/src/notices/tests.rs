//! Who is told of what, in which words, and what becomes of it when a channel does not take it.

mod sink;

use countersign_core::{Account, NoticeChannelId, Policy};
use countersign_store::StoreError;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::course::{Progress, Step, step};
use crate::testing::office::Office;
use sink::{HttpSink, SmtpSink};

async fn set_email(office: &Office, account: &Account, email: &str) {
    let (id, email) = (account.id, email.parse().unwrap());
    let written = office.server.app.store.write(move |tx| {
        Box::pin(async move {
            let before = tx.account(id).await?.unwrap();
            let after = Account {
                email: Some(email),
                ..before.clone()
            };
            tx.change_account(&before, &after).await
        })
    });
    assert!(written.await.map_err(|error: StoreError| error.to_string()).unwrap());
}

/// Ann and bob with addresses.
async fn office() -> Office {
    let office = Office::open().await;
    set_email(&office, &office.ann, "ann@example.org").await;
    set_email(&office, &office.bob, "bob@example.org").await;
    office
}

async fn turn_on(office: &Office) {
    let policy = Policy {
        four_eyes: true,
        ..Policy::default()
    };
    let written = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
    written.await.map_err(|error: StoreError| error.to_string()).unwrap();
}

/// Adds a channel while four-eyes authorization is off, and turns it on again.
async fn channel(office: &Office, given: Value) -> (NoticeChannelId, Value) {
    office.turn_off().await;
    let ann = office.token(&office.ann).await;
    let added = office.call(&ann, Method::POST, "/notice-channels", Some(given)).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    turn_on(office).await;
    let added: Value = serde_json::from_str(&added.body).unwrap();
    (NoticeChannelId(added["id"].as_i64().unwrap()), added)
}

fn mail(sink: &SmtpSink) -> Value {
    json!({"name": "mail", "mail": {"host": "127.0.0.1", "port": sink.port, "security": "none", "from": "backup@example.org"}})
}

fn webhook(sink: &HttpSink) -> Value {
    json!({"name": "chat", "webhook": {"url": format!("http://127.0.0.1:{}/in", sink.port), "format": "json"}})
}

/// Tells everything that there is; whether the last try failed.
async fn tell(office: &Office, id: NoticeChannelId, progress: &mut Progress) -> bool {
    loop {
        match step(&office.server.app, id, progress).await {
            Ok(Step::Nothing) => return false,
            Ok(Step::Sent | Step::Passed) => {}
            Err(()) => return true,
        }
    }
}

async fn shown(office: &Office, id: NoticeChannelId) -> Value {
    let token = office.token(&office.bob).await;
    let shown = office
        .call(&token, Method::GET, &format!("/notice-channels/{id}"), None)
        .await;
    serde_json::from_str(&shown.body).unwrap()
}

#[tokio::test]
async fn approvers_are_told_of_what_waits_each_by_a_message_of_their_own() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let (id, _) = channel(&office, mail(&sink)).await;
    let request = office.waiting(&["monday", "tuesday"]).await;
    assert!(!tell(&office, id, &mut Progress::default()).await);
    let mut mails = sink.taken();
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ann@example.org", "bob@example.org"]);
    let digest = office
        .server
        .app
        .store
        .ask(move |view| Box::pin(async move { view.request(request).await }))
        .await
        .map_err(|error: StoreError| error.to_string())
        .unwrap()
        .unwrap()
        .digest
        .unwrap();
    let text = &mails[1].text;
    let lines = [
        "From: backup@example.org".to_owned(),
        "To: bob@example.org".to_owned(),
        format!(
            "Message-ID: <{}-1.{}@example.org>",
            crate::testing::NOW.0,
            office.bob.id
        ),
        "Auto-Submitted: auto-generated".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Request 1 waits for a decision.".to_owned(),
        "Target:     main/laptop".to_owned(),
        "Asked by:   laptop, from 192.0.2.7".to_owned(),
        format!("Digest:     {}...", &digest.to_hex()[..16]),
        "Open until: 2026-11-25T".to_owned(),
        "http://127.0.0.1:8765/requests/1".to_owned(),
        "Nothing is decided by this message: the page asks who you are.".to_owned(),
    ];
    for line in lines {
        assert!(
            text.contains(&format!("\n{line}")) || text.starts_with(&line),
            "{line}\n{text}"
        );
    }
    assert!(text.contains("Would take: 2 objects, "), "{text}");
}

#[tokio::test]
async fn whoever_asked_is_told_what_became_of_it_and_a_service_has_nobody_to_tell() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let (id, _) = channel(&office, mail(&sink)).await;
    let mut progress = Progress::default();
    let ann = office.token(&office.ann).await;
    let receiver = json!({"name": "siem", "transport": "udp", "address": "127.0.0.1:9"});
    let held = office.call(&ann, Method::POST, "/receivers", Some(receiver)).await;
    assert_eq!(held.status, StatusCode::ACCEPTED);
    tell(&office, id, &mut progress).await;
    let to: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["bob@example.org"], "not whoever asked");
    office.approved_by_bob("1").await;
    tell(&office, id, &mut progress).await;
    let told = sink.taken();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].to, "ann@example.org");
    assert!(told[0].text.contains("Request 1 was approved."), "{}", told[0].text);
    assert!(told[0].text.contains("Decided by: bob"), "{}", told[0].text);
    let request = office.waiting(&["monday"]).await;
    tell(&office, id, &mut progress).await;
    sink.taken();
    office.approved_by_bob(&request.to_string()).await;
    assert!(!tell(&office, id, &mut progress).await);
    assert!(sink.taken().is_empty(), "a service reads no mail, and has no owner");
    assert_eq!(shown(&office, id).await["waiting"], 0);
}

#[tokio::test]
async fn those_who_could_still_approve_are_reminded_once() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let (id, _) = channel(&office, mail(&sink)).await;
    office.waiting(&["monday"]).await;
    let mut progress = Progress::default();
    tell(&office, id, &mut progress).await;
    assert_eq!(sink.taken().len(), 2);
    // It was sealed a minute ago, and lives for seven days.
    office.server.clock.advance_seconds(6 * 86_400 - 61);
    super::remind(&office.server.app).await;
    tell(&office, id, &mut progress).await;
    assert!(sink.taken().is_empty(), "too early");
    // A clock that jumps reminds nobody.
    office.server.clock.jump_seconds(3600);
    super::remind(&office.server.app).await;
    tell(&office, id, &mut progress).await;
    assert!(sink.taken().is_empty(), "it is as early as before");
    let (_, known) = office.server.app.store.stopped().unwrap();
    let confirmed = office
        .server
        .app
        .store
        .write(move |tx| Box::pin(async move { tx.confirm_clock(known.jumps, "ann").await }));
    assert_eq!(confirmed.await, Ok::<_, StoreError>(true));
    office.server.app.store.resume_ageing().await.unwrap();
    office.server.clock.advance_seconds(1);
    for _ in 0..3 {
        super::remind(&office.server.app).await;
    }
    tell(&office, id, &mut progress).await;
    let reminders = sink.taken();
    assert_eq!(reminders.len(), 2);
    assert!(
        reminders[0].text.contains("Request 1 expires soon"),
        "{}",
        reminders[0].text
    );
}

#[tokio::test]
async fn what_a_channel_does_not_take_waits_in_order_and_is_told_to_an_administrator_after_an_hour() {
    let (office, sink) = (office().await, HttpSink::open().await);
    let (id, made) = channel(&office, webhook(&sink)).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let (first, second) = (office.waiting(&["monday"]).await, office.waiting(&["tuesday"]).await);
    sink.answer(&[503, 404, 301, 200, 200]);
    let mut progress = Progress::default();
    for status in ["503", "404", "301"] {
        assert!(tell(&office, id, &mut progress).await);
        let error = shown(&office, id).await["last_error"].as_str().unwrap().to_owned();
        assert!(error.contains(status), "{error}");
        office.server.clock.advance_seconds(1200);
    }
    let watch = crate::alerts::Watch::new(office.server.app.clone(), Box::new(crate::alerts::SystemDisk));
    watch.look().await;
    let kinds = || -> Vec<_> {
        let alerts = office.server.app.alerts.current();
        alerts.into_iter().map(|alert| alert.found.kind).collect()
    };
    assert!(kinds().contains(&crate::alerts::Kind::NoticeChannel), "{:?}", kinds());
    assert!(!tell(&office, id, &mut progress).await);
    let calls = sink.taken();
    let ids: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
    assert_eq!(ids[0], ids[3], "a call that is made again is the same");
    let requests: Vec<_> = calls.iter().map(|call| call.body["data"]["request"].clone()).collect();
    assert_eq!(
        requests,
        [json!(first), json!(first), json!(first), json!(first), json!(second)]
    );
    assert!(calls[3].body["text"].as_str().unwrap().contains("waits for a decision"));
    watch.look().await;
    assert!(!kinds().contains(&crate::alerts::Kind::NoticeChannel));
    let shown = shown(&office, id).await;
    assert_eq!(
        (&shown["state"], &shown["last_error"], &shown["waiting"]),
        (&json!("current"), &Value::Null, &json!(0))
    );
}

#[tokio::test]
async fn a_mailbox_that_is_gone_keeps_nobody_waiting_and_a_broken_server_repeats_nothing() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let (id, _) = channel(&office, mail(&sink)).await;
    office.waiting(&["monday"]).await;
    sink.refuse("ann@example.org", 550);
    let mut progress = Progress::default();
    assert!(!tell(&office, id, &mut progress).await);
    assert_eq!(sink.taken().len(), 1);
    office.waiting(&["tuesday"]).await;
    sink.refuse("bob@example.org", 451);
    sink.accept("ann@example.org");
    assert!(tell(&office, id, &mut progress).await);
    assert!(tell(&office, id, &mut progress).await);
    sink.accept("bob@example.org");
    assert!(!tell(&office, id, &mut progress).await);
    let to: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["ann@example.org", "bob@example.org"], "each once");
    // A mailbox that stays full while others take theirs is passed over after an hour; when nobody takes it, after three days.
    sink.refuse("ann@example.org", 452);
    office.waiting(&["wednesday"]).await;
    assert!(tell(&office, id, &mut progress).await);
    assert_eq!(sink.taken().len(), 1, "bob has it all the same");
    office.server.clock.advance_seconds(3600);
    assert!(!tell(&office, id, &mut progress).await);
    assert_eq!(shown(&office, id).await["given_up"], 1);
    sink.refuse("bob@example.org", 452);
    office.waiting(&["thursday"]).await;
    for _ in 0..2 {
        assert!(tell(&office, id, &mut progress).await);
        office.server.clock.advance_seconds(86_400);
    }
    assert_eq!(shown(&office, id).await["given_up"], 1);
    office.server.clock.advance_seconds(86_400);
    assert!(!tell(&office, id, &mut progress).await);
    assert_eq!(shown(&office, id).await["given_up"], 2);
    assert!(sink.taken().is_empty());
}

#[tokio::test]
async fn after_a_restart_what_may_not_have_arrived_is_told_again_as_the_same_message() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let (id, _) = channel(&office, mail(&sink)).await;
    office.waiting(&["monday"]).await;
    sink.refuse("bob@example.org", 451);
    assert!(tell(&office, id, &mut Progress::default()).await);
    sink.accept("bob@example.org");
    // Who has it was only in memory.
    assert!(!tell(&office, id, &mut Progress::default()).await);
    let mails = sink.taken();
    let to: Vec<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ann@example.org", "ann@example.org", "bob@example.org"]);
    assert_eq!(mails[0].text, mails[1].text, "also its Message-ID and its Date");
    assert!(!tell(&office, id, &mut Progress::default()).await);
    assert!(sink.taken().is_empty(), "and what arrived is not told again");
}

#[tokio::test]
async fn nobody_alone_has_the_server_connect_anywhere_or_takes_a_password_elsewhere() {
    let (office, sink) = (office().await, SmtpSink::open().await);
    let ann = office.token(&office.ann).await;
    let held = office
        .call(&ann, Method::POST, "/notice-channels", Some(mail(&sink)))
        .await;
    assert_eq!(held.status, StatusCode::ACCEPTED, "{}", held.body);
    let tested = office.call(&ann, Method::POST, "/notice-channels/1/test", None).await;
    assert_eq!(tested.status, StatusCode::NOT_FOUND);
    assert_eq!(sink.connections(), 0);
    office.approved_by_bob("1").await;
    let tested = office.call(&ann, Method::POST, "/notice-channels/1/test", None).await;
    assert!(tested.body.contains("\"arrived\""), "{}", tested.body);
    let mail = sink.taken();
    assert!(
        mail[0].to == "ann@example.org" && mail[0].text.contains("This is a test"),
        "{}",
        mail[0].text
    );
    office.turn_off().await;
    let with = |host: &str, more: Value| {
        let mut given = json!({"name": "mail", "mail": {"host": host, "port": 2525, "security": "starttls", "from": "backup@example.org", "user": "u"}});
        given["mail"]
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        given
    };
    let put = async |given: Value| office.call(&ann, Method::PUT, "/notice-channels/1", Some(given)).await;
    let set = put(with("mail.example", json!({"password": "secret of the mail server"}))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let kept = put(with("mail.example", json!({"from": "other@example.org"}))).await;
    assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    let elsewhere = put(with("evil.example", json!({}))).await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", elsewhere.body);
    assert!(elsewhere.body.contains("give the password again"), "{}", elsewhere.body);
    let all = office.call(&ann, Method::GET, "/notice-channels", None).await.body;
    assert!(
        !all.contains("secret of") && all.contains("\"has_password\":true"),
        "{all}"
    );
    let clear = put(with("mail.example", json!({"security": "none"}))).await;
    assert_eq!(clear.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", clear.body);
}

#[test]
fn what_somebody_chose_stands_in_one_plain_line() {
    let hostile = "x\r\nBcc: eve@example.org\r\n\r\n\u{202e}gpj\u{200b}\u{feff}";
    let shown = super::content::plain(hostile, 200);
    assert_eq!(
        shown,
        "x\u{fffd}\u{fffd}Bcc: eve@example.org\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}gpj\u{fffd}\u{fffd}"
    );
    let long = super::content::plain(&"ä".repeat(1000), 200);
    assert_eq!((long.chars().count(), long.ends_with('…')), (200, true));
    let content = super::content::Content {
        id: "1-1".into(),
        at: crate::testing::NOW,
        subject: format!("Request 1: {hostile}{}", "y".repeat(1000)),
        text: format!("{}\n", super::content::plain(hostile, 200)),
        document: Value::Null,
        to: Vec::new(),
    };
    let to = "ann@example.org".parse().unwrap();
    let from = "backup@example.org".parse().unwrap();
    let message = super::mail::message(&from, &content, countersign_core::AccountId(1), &to).unwrap();
    let written = String::from_utf8(message.formatted()).unwrap();
    let (head, _) = written.split_once("\r\n\r\n").unwrap();
    let names: Vec<_> = head
        .split("\r\n")
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "Content-Type",
            "Content-Transfer-Encoding"
        ],
        "{head}"
    );
    assert!(head.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{head}");
}
