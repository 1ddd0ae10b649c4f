//! The command against a server on a socket.

use clap::Parser;
use countersign_core::Sha256;

use serde_json::Value;

use super::*;
use crate::cli::desk::{self, Commands};
use crate::cli::remote::agent;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    requests: Requests,
}

type Desk = desk::Desk<Arguments>;

impl Commands for Arguments {
    fn carry_out(self, remote: &Remote) -> Result<String, Failure> {
        self.requests.carry_out(remote)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_shows_what_waits() {
    let desk = Desk::of_two().await;
    assert_eq!(desk.run_as(&desk.ann, &["list"]).await.unwrap(), "No requests.\n");
    let first = desk.office.waiting(&["one", "two"]).await;
    let second = desk.office.waiting(&["three"]).await;
    insta::assert_snapshot!(desk.run_as(&desk.ann, &["list", "--state", "pending"]).await.unwrap(), @r"
    ID  STATE    ASKED                 BY      OBJECTS  SIZE  EXPIRES / DECIDED     WARNINGS       OPERATION
    2   pending  2026-11-18 11:07 UTC  laptop  1        5 B   2026-11-25 11:07 UTC  nothing_stays  Delete snapshot main/laptop/8b5b9db0
    1   pending  2026-11-18 11:06 UTC  laptop  2        6 B   2026-11-25 11:06 UTC  nothing_stays  Delete snapshot main/laptop/3fc4ccfe and 1 more
    ");
    // The digest differs in every run: the nonce is random.
    let shown = desk.run_as(&desk.ann, &["show", &second.to_string()]).await.unwrap();
    let (shown, digest) = shown.split_once("  digest     ").unwrap();
    let (digest, after) = digest.split_once('\n').unwrap();
    assert!(digest.parse::<Sha256>().is_ok(), "{digest}");
    insta::assert_snapshot!(format!("{shown}{after}"), @r"
    Request 2: Delete snapshot main/laptop/8b5b9db0
      state      pending, expires 2026-11-25 11:07 UTC
      asked      2026-11-18 11:07 UTC by laptop from 192.0.2.7
      WARNING    No snapshot stays in this backup: 1 snapshot would go, and there is nothing else to restore from.
      note       Nothing of this account was approved here in the last twelve weeks, so what is usual is not known.
      what       Snapshots alone, as “restic forget” deletes them. Their data stays until a later request asks for it, but without them clients find nothing of it.
      would lose 1 object, 5 B: snapshots 1
      of         2 objects, 11 B in the backup
      received   its snapshot was received 2026-11-18 11:07 UTC
      stays      0 snapshots, 6 B
      snapshot   8b5b9db0c13db24256c829aa364aa90c6d2eba318b9232a4ab9313b954d3555f
      approving  approves request 1 first: --with-older
    ");
    let manifest = desk
        .run_as(&desk.ann, &["show", &first.to_string(), "--manifest"])
        .await
        .unwrap();
    let json = desk
        .run_as(&desk.ann, &["show", &first.to_string(), "--json"])
        .await
        .unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["digest"], Sha256::of(manifest.as_bytes()).to_hex());
    assert_eq!(
        desk.run_as(&desk.ann, &["list", "--state", "approved,rejected"])
            .await
            .unwrap(),
        "No requests.\n"
    );
    assert_eq!(
        desk.refused_as(&desk.ann, &["show", "99"]).await,
        (3, "There is no such request.".into())
    );
    let (code, said) = desk.refused_as("not a token", &["list"]).await;
    assert_eq!((code, said.contains("log on again")), (1, true), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn approves_exactly_what_it_has_shown() {
    let desk = Desk::of_two().await;
    let first = desk.office.waiting(&["one"]).await.to_string();
    let second = desk.office.waiting(&["two"]).await.to_string();
    let code = desk.code("ann");
    let approve = |id| ["approve", id, "--yes", "--code", &code];
    let (exit, said) = desk.refused_as(&desk.ann, &approve(&second)).await;
    assert_eq!((exit, said.contains("--with-older")), (3, true), "{said}");
    let wrong = desk
        .refused_as(&desk.ann, &["approve", &first, "--yes", "--code", "000000"])
        .await;
    assert_eq!(wrong, (3, "the one-time code is wrong".into()));

    let both = [approve(&second).as_slice(), &["--with-older", "--comment", "clean-up"]].concat();
    assert_eq!(
        desk.run_as(&desk.ann, &both).await.unwrap(),
        "Approved requests 1, 2.\n"
    );
    let (exit, said) = desk
        .refused_as(&desk.bob, &["reject", &first, "--yes", "--code", &desk.code("bob")])
        .await;
    assert_eq!(exit, 3);
    assert!(said.starts_with("request 1 is already approved by ann"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_with_every_later_one() {
    let desk = Desk::of_two().await;
    for content in ["one", "two", "three"] {
        desk.office.waiting(&[content]).await;
    }
    let code = desk.code("bob");
    let reject = ["reject", "2", "--yes", "--code", &code, "--json"];
    assert_eq!(desk.run_as(&desk.bob, &reject).await.unwrap(), "{\"requests\":[2,3]}\n");
    let list = desk
        .run_as(&desk.bob, &["list", "--state", "pending", "--json"])
        .await
        .unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (&list["requests"][0]["id"], list["requests"].as_array().unwrap().len()),
        (&1.into(), 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_approve_by_a_manifest_that_has_another_digest() {
    let desk = Desk::of_two().await;
    let id = desk.office.waiting(&["one"]).await;
    let remote = Remote {
        url: desk.url.parse().unwrap(),
        agent: agent(&ServerFlags::default()).unwrap(),
        held: Default::default(),
        token: Some(desk.ann.clone().into()),
    };
    let shown = tokio::task::spawn_blocking(move || {
        let mut detail: Detail = read(&remote, remote.get(&path_of(id))?)?;
        detail.request.digest = Some(Sha256::of(b"another"));
        decide::show(&remote, &detail).map(drop)
    });
    let refused = shown.await.unwrap();
    assert!(
        matches!(refused, Err(Failure::WrongDigest(wrong)) if wrong == id),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn asks_nobody_where_there_is_no_terminal() {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() {
        return;
    }
    let desk = Desk::of_two().await;
    assert_eq!(desk.refused_as(&desk.ann, &["approve", "1"]).await.0, 2);
    assert_eq!(desk.refused_as(&desk.ann, &["reject", "1", "--yes"]).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_is_listed_and_vetoed_in_time() {
    let desk = Desk::of_two().await;
    desk.office.undo_hours(24).await;
    desk.office.waiting(&["one"]).await;
    let early = desk
        .refused_as(&desk.bob, &["veto", "1", "--yes", "--code", &desk.code("bob")])
        .await;
    assert_eq!(
        (early.0, early.1.contains("cannot be vetoed")),
        (3, true),
        "{}",
        early.1
    );
    let approve = ["approve", "1", "--yes", "--code", &desk.code("ann")];
    assert_eq!(desk.run_as(&desk.ann, &approve).await.unwrap(), "Approved request 1.\n");
    let listed = desk.run_as(&desk.ann, &["list", "--effect", "waiting"]).await.unwrap();
    assert!(listed.contains("takes effect 2026-11-19"), "{listed}");
    let shown = desk.run_as(&desk.ann, &["show", "1"]).await.unwrap();
    assert!(
        shown.contains("unless it is vetoed") && shown.contains("will lose"),
        "{shown}"
    );
    let veto = [
        "veto",
        "1",
        "--yes",
        "--comment",
        "not that",
        "--code",
        &desk.code("bob"),
    ];
    assert_eq!(desk.run_as(&desk.bob, &veto).await.unwrap(), "Vetoed request 1.\n");
    let shown = desk.run_as(&desk.ann, &["show", "1"]).await.unwrap();
    assert!(
        shown.contains("vetoed by bob") && shown.contains("kept") && shown.contains("not that"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decides_several_with_one_code() {
    let desk = Desk::of_two().await;
    for content in ["one", "two", "three", "four"] {
        desk.office.waiting(&[content]).await;
    }
    let code = desk.code("ann");
    let (exit, said) = desk
        .refused_as(&desk.ann, &["approve", "3", "1", "--yes", "--code", &code])
        .await;
    assert_eq!(
        (exit, said.contains("request 2 of the same backup")),
        (3, true),
        "{said}"
    );
    let approve = [
        "approve",
        "3",
        "1",
        "--with-older",
        "--yes",
        "--code",
        &code,
        "--comment",
        "clean-up",
    ];
    assert_eq!(
        desk.run_as(&desk.ann, &approve).await.unwrap(),
        "Request 1: approved\nRequest 2: approved\nRequest 3: approved\n"
    );
    desk.office.waiting(&["five"]).await;
    let code = desk.code("bob");
    let reject = ["reject", "4", "5", "--yes", "--code", &code, "--json"];
    let said = desk.run_as(&desk.bob, &reject).await.unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["results"][0]["outcome"], &said["results"][1]["outcome"]),
        (&"rejected".into(), &"rejected".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_any_request_until_it_is_decided() {
    let desk = Desk::of_two().await;
    let first = desk.office.waiting(&["one"]).await.to_string();
    let second = desk.office.waiting(&["two"]).await.to_string();
    assert_eq!(
        desk.refused_as(&desk.ann, &["wait", &first, "--for", "0s"]).await,
        (6, format!("request {first} still waits"))
    );
    let code = desk.code("bob");
    let reject = ["reject", &second, "--yes", "--code", &code];
    desk.run_as(&desk.bob, &reject).await.unwrap();
    let (exit, said) = desk.refused_as(&desk.ann, &["wait", &second, "--for", "1m"]).await;
    assert_eq!((exit, said.contains("is rejected by bob")), (4, true), "{said}");
    let code = desk.code("ann");
    let approve = ["approve", &first, "--yes", "--code", &code];
    desk.run_as(&desk.ann, &approve).await.unwrap();
    let said = desk.run_as(&desk.bob, &["wait", &first]).await.unwrap();
    assert!(
        said.starts_with(&format!("Request {first} is approved by ann")),
        "{said}"
    );
    let said = desk.run_as(&desk.bob, &["wait", &first, "--json"]).await.unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["state"], "approved");
    assert_eq!(desk.refused_as(&desk.ann, &["wait", "99"]).await.0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_opened_here_with_the_repositorys_password() {
    use crate::repository::tests::{key, key_file};
    use countersign_core::ObjectKind;

    let desk = Desk::of_two().await;
    let laptop = &desk.office.laptop;
    laptop.put(ObjectKind::Keys, key_file("open sesame")).await.unwrap();
    let written = br#"{"time":"2026-11-18T10:00:00Z","hostname":"laptop\u001b[2J","username":"ann","paths":["/home/ann"],"tags":["weekly"]}"#;
    let sealed = laptop
        .put(ObjectKind::Snapshots, key().sealed(written, [3; 16]))
        .await
        .unwrap();
    laptop.delete(sealed).await.unwrap();
    let strange = laptop.put(ObjectKind::Snapshots, b"strange".to_vec()).await.unwrap();
    laptop.delete(strange).await.unwrap();
    desk.office.server.app.vault.seal_now(RequestId(1)).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    std::fs::write(&right, "open sesame\n").unwrap();
    std::fs::write(&wrong, "open barley\n").unwrap();
    let flag = "--repository-password-file";
    let shown = desk
        .run_as(&desk.ann, &["show", "1", flag, right.to_str().unwrap()])
        .await
        .unwrap();
    assert!(
        shown.contains("2026-11-18 10:00 UTC  laptop\u{fffd}[2J  ann  /home/ann  [weekly]"),
        "{shown}"
    );
    assert!(
        shown.contains("not readable: it is not sealed with this repository's key"),
        "{shown}"
    );
    let (code, told) = desk
        .refused_as(&desk.ann, &["show", "1", flag, wrong.to_str().unwrap()])
        .await;
    assert_eq!(
        (code, &*told),
        (1, "the snapshots cannot be looked into: the password is wrong")
    );

    // The password and what it opens never came to the server; the sealed bytes are for who may approve, while it waits.
    let token = desk.office.token(&desk.office.bob).await;
    let answer = desk
        .office
        .call(&token, http::Method::GET, "/requests/1/snapshots", None)
        .await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains("/home/ann"));
    desk.office.approved_by_bob("1").await;
    let answer = desk
        .office
        .call(&token, http::Method::GET, "/requests/1/snapshots", None)
        .await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    let none = desk
        .office
        .call(&token, http::Method::GET, "/requests/9/snapshots", None)
        .await;
    assert_eq!(none.status, 404);
}
